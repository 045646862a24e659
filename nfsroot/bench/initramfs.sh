#!/bin/bash
# Compares our initramfs with that of Debian's initramfs-tools (BOOT=nfs,
# MODULES=netboot) for the same kernel: size, the time to make it, and the seconds
# from the kernel's start until the root's init runs.
#
#   initramfs.sh [-rounds N] [-suite SUITE] [-keep DIR]
#
# Both boot in QEMU, in turns, from the same root of a static busybox on
# nfs-ganesha, by NFS 3 (Debian's knows no other). DIR keeps Debian's root, which
# mmdebstrap makes, for the next run. Needs root, and the programs mmdebstrap,
# busybox (static), ganesha.nfsd, rpcbind and qemu-system-x86_64. The network
# namespace and the files are its own and are removed.
set -eu
rounds=3 suite=bookworm keep=
while [ $# -gt 0 ]; do
	case $1 in
	-rounds) rounds=$2 ;;
	-suite) suite=$2 ;;
	-keep) keep=$2 ;;
	*) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0" && exit 2 ;;
	esac
	shift 2
done
here=$(cd "$(dirname "$0")" && pwd)
PATH=$PATH:/usr/sbin:/sbin
tmp=$(mktemp -d)
ns=bench-initramfs-$$
finish() {
	ip netns pids $ns 2>/dev/null | xargs -r kill 2>/dev/null || true
	wait 2>/dev/null || true
	ip netns delete $ns 2>/dev/null || true
	rm -rf "$tmp"
}
trap finish EXIT

debian=${keep:-$tmp}/$suite
if [ ! -d "$debian/boot" ]; then
	mkdir -p "$(dirname "$debian")"
	mmdebstrap --quiet --variant=minbase --include=linux-image-amd64,initramfs-tools,zstd \
		--essential-hook='mkdir -p "$1/etc/initramfs-tools/conf.d"' \
		--essential-hook='printf "BOOT=nfs\nMODULES=netboot\n" >"$1/etc/initramfs-tools/conf.d/nfsroot.conf"' \
		"$suite" "$debian"
fi
kernel=$(ls "$debian"/boot/vmlinuz-* | sort -V | tail -1)
version=${kernel##*/vmlinuz-}

cd "$here"
go build -o "$tmp/initramfs" ./initramfs
"$tmp/initramfs" -modules "$debian/usr/lib/modules/$version" -o "$tmp/ours" || exit
cp "$debian/boot/initrd.img-$version" "$tmp/theirs"
start=$(date +%s%N)
chroot "$debian" update-initramfs -u -k "$version" >"$tmp/update.log" 2>&1 || true
echo "initramfs-tools makes its own in $((($(date +%s%N) - start) / 1000000)) ms"
ours=$(stat -c %s "$tmp/ours") theirs=$(stat -c %s "$tmp/theirs")
echo "$suite $version: ours $ours bytes, Debian's $theirs, ratio $(awk "BEGIN { printf \"%.3f\", $ours / $theirs }")"

root=$tmp/root
mkdir -p "$root"/{bin,sbin,dev,proc,sys,run,etc,root,lib}
cp "$(command -v busybox)" "$root/bin/busybox"
cat >"$root/sbin/init" <<'END'
#!/bin/busybox sh
[ -e /proc/uptime ] || /bin/busybox mount -t proc proc /proc
echo "root up after $(/bin/busybox cut -d' ' -f1 /proc/uptime) s"
/bin/busybox poweroff -f
END
chmod 755 "$root" "$root/sbin/init"
chmod 755 "$tmp"

ip netns add $ns
ip -n $ns link set lo up
ip -n $ns tuntap add tap0 mode tap
ip -n $ns addr add 10.77.0.1/24 dev tap0
ip -n $ns link set tap0 up
cat >"$tmp/ganesha.conf" <<END
NFS_CORE_PARAM { Protocols = 3; Bind_addr = 10.77.0.1; MNT_Port = 20048; Enable_RQUOTA = false; }
EXPORT { Export_Id = 1; Path = $root; Pseudo = /root; Access_Type = RW; Squash = No_Root_Squash; FSAL { Name = VFS; } }
END
ip netns exec $ns unshare -m --propagation private sh -c "
	mount -t tmpfs tmpfs /run; mkdir -p /run/rpcbind /run/ganesha
	mount -t tmpfs tmpfs /var/lib/nfs; mkdir -p /var/lib/nfs/ganesha
	rpcbind -w -h 10.77.0.1 -f & exec ganesha.nfsd -F -f $tmp/ganesha.conf -L $tmp/ganesha.log -p $tmp/ganesha.pid" &
for _ in $(seq 120); do
	grep -q 'NFS SERVER INITIALIZED' "$tmp/ganesha.log" 2>/dev/null && break
	sleep 0.5
done

boot() {
	timeout 180 ip netns exec $ns qemu-system-x86_64 -accel tcg,thread=multi -cpu max -m 1024 -display none -nodefaults -no-reboot \
		-kernel "$kernel" -initrd "$tmp/$1" -serial "file:$tmp/serial" \
		-netdev tap,id=n0,ifname=tap0,script=no,downscript=no -device virtio-net-pci,netdev=n0,mac=52:54:00:77:00:0b,romfile= \
		-append "console=ttyS0,115200 quiet root=/dev/nfs rw net.ifnames=0 nfsroot=10.77.0.1:$root,vers=3,tcp,nolock ip=10.77.0.11:10.77.0.1::255.255.255.0:bench:eth0:off"
	local up
	up=$(sed -n 's/.*root up after \([0-9.]*\) s.*/\1/p' "$tmp/serial" | head -1)
	echo "$1 ${up:-none}" | tee -a "$tmp/times"
}
for _ in $(seq "$rounds"); do
	boot ours
	boot theirs
done
median() { awk -v who="$1" '$1 == who { print $2 }' "$tmp/times" | sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
a=$(median ours) b=$(median theirs)
echo "seconds until the root's init, medians of $rounds: ours $a, Debian's $b, ratio $(awk "BEGIN { printf \"%.2f\", $a / $b }")"
