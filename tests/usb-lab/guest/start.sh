# Second half of the guest's start, in its final root: network, udev, then the agent, which serves commands until the test goes away.
bb() { /bin/busybox "$@"; }
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 TERM=dumb
bb ip link set lo up
# No default route: the guest reaches the machine that runs it (10.0.2.2) and nothing else, so no tool can go to the network.
bb ip link set eth0 up && bb ip addr add 10.0.2.15/24 dev eth0
bb hostname usb-lab
if [ -x /lib/systemd/systemd-udevd ]; then /lib/systemd/systemd-udevd --daemon; fi
/usr/bin/python3 "$1/agent.py" >/dev/console 2>&1
bb poweroff -f
