"""In the guest: a line of input becomes a text message to a WebSocket server on this machine, a message from it a line of output. Argument: port.
RFC 6455, as far as Chromium's servers need it."""
import base64, os, socket, struct, sys, threading, time

port = int(sys.argv[1])
for attempt in range(300):  # The server may still be starting.
    try:
        s = socket.create_connection(("127.0.0.1", port))
        break
    except OSError:
        time.sleep(0.5)
else:
    sys.exit("nothing listens on port %d" % port)
key = base64.b64encode(os.urandom(16)).decode()
s.sendall(("GET /0 HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           "Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n\r\n" % (port, key)).encode())
stream = s.makefile("rb")
status = stream.readline()
if b" 101 " not in status:
    sys.exit("no WebSocket: %r" % status)
while stream.readline().strip():
    pass


def frame(opcode, data):
    n = len(data)
    head = bytes([0x80 | opcode])
    head += bytes([0x80 | n]) if n < 126 else struct.pack(">BH", 0x80 | 126, n) if n < 65536 else struct.pack(">BQ", 0x80 | 127, n)
    mask = os.urandom(4)
    s.sendall(head + mask + bytes(b ^ mask[i & 3] for i, b in enumerate(data)))


def send_lines():
    for line in sys.stdin.buffer:
        frame(1, line.rstrip(b"\n"))
    os._exit(0)


threading.Thread(target=send_lines, daemon=True).start()
message = b""
while head := stream.read(2):
    first, second = head
    n = second & 127
    if n == 126:
        n = struct.unpack(">H", stream.read(2))[0]
    elif n == 127:
        n = struct.unpack(">Q", stream.read(8))[0]
    data = stream.read(n)
    opcode = first & 15
    if opcode == 8:
        break
    if opcode == 9:
        frame(10, data)
    elif opcode < 3:
        message += data
        if first & 0x80:
            sys.stdout.buffer.write(message + b"\n")
            sys.stdout.buffer.flush()
            message = b""
os._exit(0)  # The other thread waits for input.
