#!/bin/bash
# Boots a shelf of emulated Pis 3B, which are mute to ARP while they load files,
# from our servers, from dnsmasq, and from our DHCP server with pin/tftp and no
# cure for mute ARP. Prints how many booted. Needs root; dnsmasq is left out where it is
# not installed. Makes two network namespaces joined by a veth pair for each Pi,
# and removes them. Takes about a minute.
#
#   netboot/bench/shelf.sh [-n N] [-kernel BYTES] [-only REGEXP]
set -u
n=96 kernel=2000000 only=.
while [ $# -gt 0 ]; do
	case $1 in
	-n) n=$2; shift ;;
	-kernel) kernel=$2; shift ;;
	-only) only=$2; shift ;;
	*) sed -n '2,/^set/s/^# \{0,1\}//p' "$0"; exit 2 ;;
	esac
	shift
done
cd "$(dirname "$0")/../.." || exit 1
PATH=$PATH:/usr/sbin:/sbin
tmp=$(mktemp -d)
S=sbS$$ P=sbP$$ pid=
cleanup() {
	[ -n "$pid" ] && kill "$pid" 2>/dev/null
	wait 2>/dev/null
	ip netns del $S 2>/dev/null
	ip netns del $P 2>/dev/null
	rm -rf "$tmp"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

go build -o "$tmp/shelf" ./netboot/bench/shelf || exit 1
mkdir "$tmp/root"
chmod 755 "$tmp" "$tmp/root"
"$tmp/shelf" tree -dir "$tmp/root" -kernel "$kernel" || exit 1

ip netns add $S && ip netns add $P && ip -n $S link set lo up || exit 1
{
	echo "port=0"
	echo "no-ping"
	echo "bind-dynamic"
	echo "enable-tftp"
	echo "tftp-root=$tmp/root"
	echo "tftp-max=1000"
	echo "dhcp-leasefile=$tmp/leases"
	echo 'pxe-service=0,"Raspberry Pi Boot   "'
} >"$tmp/dnsmasq.conf"
for i in $(seq "$n"); do
	net=$((i * 4))
	at=10.80.$((net >> 8)).
	echo "link add eth0.$i type veth peer name pi$i netns $P" >>"$tmp/links"
	echo "address add $at$((net % 256 + 1))/30 dev eth0.$i" >>"$tmp/links"
	echo "link set eth0.$i up" >>"$tmp/links"
	echo "link set pi$i up" >>"$tmp/ends"
	echo "interface=eth0.$i" >>"$tmp/dnsmasq.conf"
	echo "dhcp-range=$at$((net % 256 + 2)),$at$((net % 256 + 2)),255.255.255.252,1h" >>"$tmp/dnsmasq.conf"
done
ip -n $S -batch "$tmp/links" && ip -n $P -batch "$tmp/ends" || exit 1

# run NAME COMMAND...: a server, and the shelf with it.
run() {
	local name=$1
	shift
	[[ $name =~ $only ]] || return
	command -v "$1" >/dev/null || { echo "without $name: $1 is not there"; return; }
	ip -n $S neigh flush all nud all 2>/dev/null
	ip netns exec $S "$@" >"$tmp/$name.log" 2>&1 &
	pid=$!
	for _ in $(seq 100); do
		[ -n "$(ip netns exec $S ss -Hlun 'sport = 69')" ] && break
		kill -0 "$pid" 2>/dev/null || { echo "$name ended:"; tail -5 "$tmp/$name.log"; pid=; return; }
		sleep 0.1
	done
	printf '%-8s %s\n' "$name" "$(ip netns exec $P "$tmp/shelf" boot -n "$n")"
	kill "$pid"
	wait "$pid" 2>/dev/null
	pid=
}

echo "$(uname -sr), $(nproc) CPUs, load $(cut -d' ' -f1 /proc/loadavg), $(date -u +%F), $n Pis, kernel and start.elf of $kernel bytes each"
run own "$tmp/shelf" serve -n "$n" -dir "$tmp/root"
run dnsmasq dnsmasq --keep-in-foreground --user=root --pid-file= --log-facility=- --conf-file="$tmp/dnsmasq.conf"
run pin "$tmp/shelf" serve -engine pin -n "$n" -dir "$tmp/root"
