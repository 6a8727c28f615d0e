"""In the guest: runs commands and keeps USB/IP devices attached, as told over a virtio port by tests/usb-lab/guest.ts.

One JSON object a line in both directions. A device that leaves (its server closes the connection) is attached again as soon as it
is exported again: so a virtual device restarts, or changes its mode. Debian's own `usbip attach` is not used: it fails while an
earlier device is still being enumerated."""
import base64, glob, json, os, signal, socket, struct, subprocess, sys, threading, time

VHCI = "/sys/devices/platform/vhci_hcd.0"
FREE, USED = 4, 6  # VDEV_ST_NULL, VDEV_ST_USED (Linux: drivers/usb/usbip/usbip_common.h)


def virtio_port(name):
    for path in glob.glob("/sys/class/virtio-ports/*"):
        if open(path + "/name").read().strip() == name:
            return "/dev/" + os.path.basename(path)
    sys.exit("usb-lab: no virtio port " + name)


port = os.open(virtio_port("linac.agent"), os.O_RDWR)
sending = threading.Lock()


def send(message):
    data = (json.dumps(message) + "\n").encode()
    with sending:
        while data:
            data = data[os.write(port, data):]


def read_ascii(path):
    try:
        with open(path) as f:
            return f.read().strip()
    except OSError:
        return None


def vhci_ports():
    """port -> (kind of hub, state, kernel's name of the device)"""
    out = {}
    for name in glob.glob(VHCI + "/status*"):
        for line in open(name).read().splitlines()[1:]:
            words = line.split()
            out[int(words[1])] = (words[0], int(words[2]), words[6])
    return out


def import_device(host, tcp_port, busid):
    """Does the handshake of USB/IP and gives the connection to the kernel. Returns the vhci port; OSError when it is not exported now."""
    s = socket.create_connection((host, tcp_port), timeout=20)
    try:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        s.sendall(struct.pack(">HHI32s", 0x0111, 0x8003, 0, busid.encode()))

        def take(n):
            data = s.recv(n, socket.MSG_WAITALL)
            if len(data) != n:
                raise OSError("the server closed the connection")
            return data

        _, _, status = struct.unpack(">HHI", take(8))
        if status:
            raise OSError("refused with status %d" % status)
        busnum, devnum, speed = struct.unpack_from(">III", take(312), 288)
        s.settimeout(None)
        kind = "ss" if speed >= 5 else "hs"
        free = sorted(p for p, (k, state, _) in vhci_ports().items() if k == kind and state == FREE)
        if not free:
            raise OSError("no free port of vhci_hcd")
        with open(VHCI + "/attach", "w") as f:
            f.write("%d %d %d %d" % (free[0], s.fileno(), busnum << 16 | devnum, speed))
        return free[0]
    finally:
        s.close()  # The kernel keeps its own reference.


class Attached:
    """One device that is to stay attached."""

    def __init__(self, host, tcp_port, busid):
        self.where = (host, tcp_port, busid)
        self.port = None
        self.times = 0
        self.problem = None
        self.seen = None

    def look(self, ports):
        """What the kernel has made of it, or None while it is not enumerated."""
        if self.port is None:
            return None
        _, state, name = ports[self.port]
        base = "/sys/bus/usb/devices/" + name
        if state != USED or not os.path.exists(base + ":1.0"):
            return None
        product = read_ascii(base + "/idProduct")
        vendor = read_ascii(base + "/idVendor")
        if product is None or vendor is None:
            return None
        serial_port = [os.path.basename(p) for p in glob.glob(base + ":1.*/tty/*")]
        return {
            "times": self.times,
            "name": name,
            "usbId": vendor + ":" + product,
            "serialPort": "/dev/" + serial_port[0] if serial_port else None,
        }


devices = {}
changed = threading.Condition()


def keep_attached():
    """The one thread that looks at the kernel, however many wait for devices: processor time is dear in emulation."""
    while True:
        with changed:
            for device in devices.values():
                if device.port is not None and vhci_ports()[device.port][1] == FREE:
                    device.port = None
                if device.port is None:
                    try:
                        device.port = import_device(*device.where)
                        device.times += 1
                        device.problem = None
                    except OSError as error:
                        device.problem = str(error)
            if devices:
                ports = vhci_ports()
                # While this file is there udev has not yet done with everything that the kernel has told it.
                busy = os.path.exists("/run/udev/queue")
                for device in devices.values():
                    device.seen = None if busy else device.look(ports)
            changed.notify_all()
        time.sleep(0.1)


def wait_enumerated(request):
    """Answers once the device is enumerated: with that USB id, if one is given, and attached more often than `after`."""
    until = time.monotonic() + request["timeout"]
    usb_id = request.get("usbId")
    with changed:
        device = devices[request["busid"]]
        while True:
            seen = device.seen
            if seen and seen["times"] > request.get("after", 0) and usb_id in (None, seen["usbId"]):
                send({"id": request["id"], "done": seen})
                return
            left = until - time.monotonic()
            if left < 0:
                now = "it is there as %s" % seen["usbId"] if seen else device.problem or "it was not enumerated"
                send({"id": request["id"], "failed": "%s did not come: %s." % (request["busid"], now)})
                return
            changed.wait(left + 0.1)


running = {}


def pump(stream, what, number):
    while True:
        data = os.read(stream.fileno(), 65536)
        if not data:
            return
        send({"id": number, what: base64.b64encode(data).decode()})


def end(process):
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def run(request):
    number = request["id"]
    began = time.monotonic()
    env = dict(os.environ, **request.get("env", {}))
    takes_input = request["input"]
    try:
        process = subprocess.Popen(
            request["argv"], cwd=request.get("cwd") or "/root", env=env, start_new_session=True,
            stdin=subprocess.PIPE if takes_input else subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    except OSError as error:
        send({"id": number, "err": base64.b64encode(("%s\n" % error).encode()).decode()})
        send({"id": number, "done": {"status": 127, "timedOut": False, "seconds": 0}})
        return
    running[number] = process
    send({"id": number, "started": True})
    pumps = [threading.Thread(target=pump, args=(process.stdout, "out", number)),
             threading.Thread(target=pump, args=(process.stderr, "err", number))]
    for t in pumps:
        t.start()
    timed_out = False
    try:
        process.wait(request["timeout"])
    except subprocess.TimeoutExpired:
        timed_out = True
    end(process)  # What it left behind in the background ends as well.
    process.wait()
    for t in pumps:
        t.join(5)
    del running[number]
    status = process.returncode if process.returncode >= 0 else 128 - process.returncode
    send({"id": number, "done": {"status": status, "timedOut": timed_out, "seconds": time.monotonic() - began}})


def give(request):
    """Input of a running command; without data, the end of it."""
    process = running.get(request["id"])
    if process is None:
        return
    try:
        if "data" in request:
            process.stdin.write(base64.b64decode(request["data"]))
            process.stdin.flush()
        else:
            process.stdin.close()
    except (BrokenPipeError, ValueError):
        pass  # It has ended, or has closed its input.


def handle(request):
    what = request["do"]
    if what == "run":
        run(request)
    elif what == "attach":
        with changed:
            devices[request["busid"]] = Attached(request["host"], request["port"], request["busid"])
        wait_enumerated(request)
    elif what == "wait":
        wait_enumerated(request)
    elif what == "detach":
        with changed:
            device = devices.pop(request["busid"], None)
            if device and device.port is not None and vhci_ports()[device.port][1] != FREE:
                with open(VHCI + "/detach", "w") as f:
                    f.write(str(device.port))
        send({"id": request["id"], "done": {}})
    elif what == "input":
        give(request)
    elif what == "kill":
        process = running.get(request["id"])
        if process:
            end(process)


def guarded(request):
    try:
        handle(request)
    except Exception as error:  # Told to the test, which is where somebody looks.
        send({"id": request.get("id"), "failed": "%s: %s" % (type(error).__name__, error)})


threading.Thread(target=keep_attached, daemon=True).start()
send({"ready": float(open("/proc/uptime").read().split()[0])})
rest = b""
while True:
    data = os.read(port, 65536)
    if not data:
        break  # The test has gone.
    *lines, rest = (rest + data).split(b"\n")
    for line in lines:
        request = json.loads(line)
        if request["do"] == "input":
            guarded(request)  # In order.
        else:
            threading.Thread(target=guarded, args=(request,), daemon=True).start()
os.execv("/bin/busybox", ["busybox", "poweroff", "-f"])
