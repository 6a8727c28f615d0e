#!/bin/busybox sh
# First process of the guest, in the initramfs: mounts the machine's own file system, read-only, under a RAM overlay, and goes on in it
# with guest/start.sh, which it finds in the folder of this boot (`job`).
export PATH=/bin
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
while read -r m; do insmod "/mod/$m" || echo "usb-lab: insmod $m failed"; done </mod/order
P9=trans=virtio,version=9p2000.L,msize=512000
mount -t 9p -o $P9,cache=none,rw job /job || poweroff -f
. /job/config
case $ROOTFS in
virtiofs) mount -t virtiofs -o ro root /host ;;
*) mount -t 9p -o $P9,cache=loose,ro root /host ;;
esac || poweroff -f
mount -t tmpfs -o size=80% rw /rw
mkdir /rw/up /rw/work
mount -t overlay -o lowerdir=/host,upperdir=/rw/up,workdir=/rw/work root /new || poweroff -f
N=/new
mount -t proc proc $N/proc
mount -t sysfs sys $N/sys
mount -t devtmpfs dev $N/dev
mkdir -p $N/dev/pts $N/dev/shm
mount -t devpts devpts $N/dev/pts
mount -t tmpfs shm $N/dev/shm
mount -t tmpfs run $N/run
mkdir -p $N/run/lock $N/run/udev
echo "$SHARES" | while read -r tag mode path; do
	[ -n "$tag" ] || continue
	mkdir -p "$N$path"
	mount -t 9p -o $P9,cache=none,$mode "$tag" "$N$path"
done
mkdir -p "$N$JOB"
mount --move /job "$N$JOB"
umount -l /proc /sys
exec switch_root $N /bin/busybox sh "$JOB/start.sh" "$JOB"
