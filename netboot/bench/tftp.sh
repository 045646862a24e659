#!/bin/bash
# Measures our TFTP engine against tftpd-hpa, atftpd, dnsmasq and pin/tftp in one
# run: all servers run side by side, rounds are interleaved, and what is compared
# are medians. Needs root, and the servers that it is to compare with; one that
# is not installed is left out. Makes two network namespaces joined by a veth
# pair with an MTU of 1500, and removes them.
#
#   netboot/bench/tftp.sh [-quick] [-rounds N] [-only REGEXP]
#
# ATFTPD names atftpd where it is not in the path, as its package cannot be
# installed beside tftpd-hpa's: apt-get download atftpd; dpkg -x atftpd_*.deb x
set -u
rounds=5 big=50 boots=20 only=.
while [ $# -gt 0 ]; do
	case $1 in
	-quick) rounds=3 big=10 boots=3 ;;
	-rounds) rounds=$2; shift ;;
	-only) only=$2; shift ;;
	*) sed -n '2,/^set/s/^# \{0,1\}//p' "$0"; exit 2 ;;
	esac
	shift
done
cd "$(dirname "$0")/../.." || exit 1
PATH=$PATH:/usr/sbin:/sbin
tmp=$(mktemp -d)
S=tbS$$ C=tbC$$ pids=()
cleanup() {
	for p in "${pids[@]}"; do kill "$p" 2>/dev/null; done
	wait 2>/dev/null
	ip netns del $S 2>/dev/null
	ip netns del $C 2>/dev/null
	rm -rf "$tmp"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

go build -o "$tmp/load" ./netboot/bench/tftp || exit 1
go build -o "$tmp/serve" ./netboot/bench/tftpserve || exit 1
root=$tmp/root
mkdir "$root"
chmod 755 "$tmp" "$root"
head -c $((big * 1000000)) /dev/urandom >"$root/big"
head -c 10000000 /dev/urandom >"$root/ten"
head -c 5000000 /dev/urandom >"$root/five"
head -c 1000000 /dev/urandom >"$root/one"
# The tree of a Pi 3B as far as it matters here: sizes of its real files.
tree=
for f in bootcode.bin:52460 config.txt:1200 start.elf:2979264 fixup.dat:7274 dtb:32753 cmdline.txt:180 kernel:5900000; do
	head -c "${f#*:}" /dev/urandom >"$root/${f%:*}"
	tree=$tree,${f%:*}
done
tree=${tree#,}

for n in $S $C; do ip netns add $n && ip -n $n link set lo up; done
ip -n $S link add v0 mtu 1500 type veth peer name v1 mtu 1500 netns $C
ip -n $S addr add 10.99.0.1/24 dev v0 && ip -n $S link set v0 up
ip -n $C addr add 10.99.0.2/24 dev v1 && ip -n $C link set v1 up

declare -A port
servers=()
server() { # name port command...
	local name=$1
	port[$name]=$2
	shift 2
	command -v "$1" >/dev/null || { echo "without $name: $1 is not there"; return; }
	ip netns exec $S "$@" >"$tmp/$name.log" 2>&1 &
	pids+=($!)
	servers+=("$name")
}
server own 7001 "$tmp/serve" -addr 10.99.0.1:7001 -dir "$root"
server hpa 7002 in.tftpd -L -a 10.99.0.1:7002 -u root -s "$root"
server atftpd 7003 "${ATFTPD:-atftpd}" --daemon --no-fork --port 7003 --bind-address 10.99.0.1 --user root.root --verbose=3 --logfile "$tmp/atftpd.log" "$root"
cat >"$tmp/dnsmasq.conf" <<-END
	port=0
	interface=v0
	bind-interfaces
	enable-tftp
	tftp-root=$root
	tftp-max=300
END
server dnsmasq 69 dnsmasq -C "$tmp/dnsmasq.conf" -k --user=root --log-facility="$tmp/dnsmasq.log" --pid-file=
server pin 7004 "$tmp/serve" -engine pin -addr 10.99.0.1:7004 -dir "$root"
sleep 1

load() { # server args...
	local s=$1
	shift
	ip netns exec $C "$tmp/load" -addr 10.99.0.1:${port[$s]} -want "$root" "$@"
}
has() { [[ " ${servers[*]} " == *" $1 "* ]]; }
median() { sort -n | awk '{a[NR]=$1} END {print NR ? (NR%2 ? a[(NR+1)/2] : (a[NR/2]+a[NR/2+1])/2) : "none"}'; }

# matrix NAME FIELD "SERVERS" load-args... : rounds of every server, interleaved.
matrix() {
	local name=$1 field=$2 which=$3 r s line
	shift 3
	[[ $name =~ $only ]] || return
	for r in $(seq "$rounds"); do
		for s in $which; do
			has "$s" || continue
			line=$(load "$s" "$@")
			echo "$line" | sed -n "s/.*$field=\([0-9.]*\).*/\1/p" >>"$tmp/r.$name.$s"
			[[ $line == *" failed=0 "* ]] || echo "  $name $s: $line"
		done
	done
	printf '%-14s %-6s' "$name" "$field"
	local own other
	own=$(median <"$tmp/r.$name.own")
	printf '  own %8s' "$own"
	for s in $which; do
		if [ "$s" != own ] && has "$s"; then
			other=$(median <"$tmp/r.$name.$s")
			printf '   %s %s (own/%s %s)' "$s" "$other" "$s" "$(awk -v a="$own" -v b="$other" 'BEGIN {printf "%.2f", b ? a/b : 0}')"
		fi
	done
	echo
}

# lossy N: in each direction N of 1000 packets get lost.
lossy() {
	for n in $S $C; do
		ip netns exec $n nft -f - <<-END
			table ip loss {
				chain in { type filter hook input priority 0; meta l4proto udp numgen random mod 1000 < $1 drop; }
			}
		END
	done
}
lossless() { for n in $S $C; do ip netns exec $n nft delete table ip loss; done; }

echo "$(uname -sr), $(nproc) CPUs, load $(cut -d' ' -f1 /proc/loadavg), $(date -u +%F), $rounds rounds"
matrix w1-1428 mbps "own hpa atftpd dnsmasq pin" -file ten -blksize 1428
matrix w1-512 mbps "own hpa atftpd dnsmasq pin" -file ten -blksize 512
matrix w16-1428 mbps "own atftpd" -file big -blksize 1428 -window 16
matrix w64-1428 mbps "own atftpd" -file big -blksize 1428 -window 64
matrix w16-512 mbps "own atftpd" -file big -blksize 512 -window 16
matrix w64-512 mbps "own atftpd" -file big -blksize 512 -window 64
matrix n96-w16 mbps "own atftpd" -n 96 -file five -blksize 1428 -window 16
matrix n96-w1 mbps "own dnsmasq" -n 96 -file five -blksize 1428
lossy 10
matrix loss1 wall "own hpa" -file one -blksize 1428
lossless
if [[ impatient =~ $only ]]; then
	# 0.1 % loss, and a client that waits one second at most.
	lossy 1
	for s in "${servers[@]}"; do
		n=$boots
		[ "$s" = own ] || n=3
		echo "impatient      $s: $(load "$s" -file "$tree" -boots "$n" -patience 1s | sed 's/.*\(ok=.*\) timeouts.*/\1/') of $n boots"
	done
	lossless
fi
