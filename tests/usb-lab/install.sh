#!/bin/sh
# Installs from Debian what the USB lab and its tools need, as far as it is missing. Run by .ci/run and `npm run test:lab`; docs/usb-lab.md.
# Not the kernel of the guest: that package is only downloaded and unpacked, by tests/usb-lab/kernel.ts.
set -eu
missing=
need() { command -v "$1" >/dev/null 2>&1 || missing="$missing $2"; }
# /usr/sbin is not in everybody's path.
PATH="$PATH:/usr/sbin:/sbin"
need qemu-system-x86_64 qemu-system-x86
need busybox busybox-static
need udevadm udev
need modprobe kmod
need cpio cpio
need xz xz-utils
need dpkg-deb dpkg
need python3 python3
need dfu-util dfu-util
need lsusb usbutils
# Debian 12 has it inside qemu-system-common, later releases as a package. Without it the guest's root comes over 9p, which is slower.
if [ ! -e /usr/lib/qemu/virtiofsd ] && [ ! -e /usr/libexec/virtiofsd ]; then
	if [ "$(. /etc/os-release && echo "${VERSION_ID:-0}")" = 12 ]; then missing="$missing qemu-system-common"; else missing="$missing virtiofsd"; fi
fi
# A busybox that needs shared libraries is of no use in an initramfs.
if command -v busybox >/dev/null 2>&1 && ! dpkg-query -W -f '${db:Status-Abbrev}' busybox-static 2>/dev/null | grep -q '^ii'; then
	case "$missing" in *busybox-static*) ;; *) missing="$missing busybox-static" ;; esac
fi
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }
export DEBIAN_FRONTEND=noninteractive
if [ -n "$missing" ] || ! apt-cache show linux-image-amd64 >/dev/null 2>&1; then
	as_root apt-get update -q
fi
if [ -n "$missing" ]; then
	# shellcheck disable=SC2086 # A list of packages.
	as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing
fi
