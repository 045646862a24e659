#!/bin/bash
# Compares DHCP servers under perfdhcp: complete DISCOVER/OFFER/REQUEST/ACK
# exchanges per second that each gets done of those offered.
#
#   dhcp.sh [ROUNDS] [RATE] [SECONDS]
#
# Servers take turns in every round, so that a busy machine disturbs all alike;
# the medians and their ratios are printed. Needs root, and the programs
# perfdhcp and kea-dhcp4 (kea), dnsmasq, and dhcpd (isc-dhcp-server); a server
# that is not installed is left out. Namespaces and files are its own and are
# removed.
set -eu
rounds=${1:-5} rate=${2:-6000} seconds=${3:-5}
here=$(cd "$(dirname "$0")" && pwd)
PATH=$PATH:/usr/sbin:/sbin
tmp=$(mktemp -d)
a=bench-a-$$ b=bench-b-$$
server=
finish() {
	[ -z "$server" ] || kill "$server" 2>/dev/null || true
	ip netns delete $a 2>/dev/null || true
	ip netns delete $b 2>/dev/null || true
	rm -rf "$tmp"
}
trap finish EXIT

(cd "$here" && go build -o "$tmp/dhcpserve" ./dhcpserve)
ip netns add $a
ip netns add $b
ip -n $a link add s0 type veth peer name c0 netns $b
ip -n $a addr add 10.78.0.1/16 dev s0
ip -n $b addr add 10.78.0.2/16 dev c0
ip -n $a link set lo up
ip -n $a link set s0 up
ip -n $b link set c0 up

cat >"$tmp/dnsmasq.conf" <<END
port=0
interface=s0
bind-interfaces
dhcp-range=10.78.1.0,10.78.200.255,255.255.0.0,1h
dhcp-lease-max=60000
dhcp-leasefile=$tmp/dnsmasq.leases
dhcp-authoritative
no-ping
quiet-dhcp
pid-file=$tmp/dnsmasq.pid
END
cat >"$tmp/dhcpd.conf" <<END
authoritative;
ping-check false;
default-lease-time 3600;
max-lease-time 3600;
subnet 10.78.0.0 netmask 255.255.0.0 { range 10.78.1.0 10.78.200.255; }
END
cat >"$tmp/kea.json" <<END
{ "Dhcp4": {
  "interfaces-config": { "interfaces": [ "s0" ], "dhcp-socket-type": "udp" },
  "lease-database": { "type": "memfile", "persist": false },
  "valid-lifetime": 3600,
  "multi-threading": { "enable-multi-threading": true, "thread-pool-size": 2 },
  "subnet4": [ { "id": 1, "subnet": "10.78.0.0/16", "pools": [ { "pool": "10.78.1.0 - 10.78.200.255" } ] } ],
  "loggers": [ { "name": "kea-dhcp4", "severity": "ERROR", "output_options": [ { "output": "stderr" } ] } ] } }
END

start() {
	case $1 in
	memory) ip netns exec $a "$tmp/dhcpserve" -interface s0 & ;;
	journal) rm -f "$tmp/journal"*; ip netns exec $a "$tmp/dhcpserve" -interface s0 -journal "$tmp/journal" & ;;
	dnsmasq) rm -f "$tmp/dnsmasq.leases"; ip netns exec $a dnsmasq -C "$tmp/dnsmasq.conf" -k --user=root & ;;
	kea) KEA_PIDFILE_DIR=$tmp KEA_LOCKFILE_DIR=none ip netns exec $a kea-dhcp4 -c "$tmp/kea.json" & ;;
	dhcpd) : >"$tmp/dhcpd.leases"; ip netns exec $a dhcpd -4 -f -q -cf "$tmp/dhcpd.conf" -lf "$tmp/dhcpd.leases" -pf "$tmp/dhcpd.pid" s0 & ;;
	esac >"$tmp/$1.log" 2>&1
	server=$!
	for _ in $(seq 50); do # until it listens on port 67
		ip netns exec $a ss -Hnul 'sport = :67' | grep -q . && return
		sleep 0.1
	done
	echo "$1 did not start:" >&2
	cat "$tmp/$1.log" >&2
	return 1
}

# measure prints the exchanges done per second.
measure() {
	start "$1"
	ip netns exec $b perfdhcp -4 -l c0 -r "$rate" -R 20000 -p "$seconds" -W 1 10.78.0.1 >"$tmp/perf" 2>&1 || true
	kill "$server"
	wait "$server" 2>/dev/null || true
	server=
	sed -n 's/^Rate: *\([0-9.]*\) .*/\1/p' "$tmp/perf"
}

servers="memory journal"
for s in dnsmasq kea:kea-dhcp4 dhcpd; do
	command -v "${s#*:}" >/dev/null && servers="$servers ${s%:*}"
done
for round in $(seq "$rounds"); do
	for s in $servers; do
		n=$(measure "$s")
		echo "${n:-0}" >>"$tmp/result.$s"
		echo "round $round: $s ${n:-0}/s"
	done
done

median() { sort -n "$tmp/result.$1" | awk '{ v[NR] = $1 } END { printf "%.0f", NR % 2 ? v[(NR+1)/2] : (v[NR/2] + v[NR/2+1]) / 2 }'; }
echo
echo "median of $rounds rounds, $rate/s offered for ${seconds}s by 20000 clients"
for s in $servers; do echo "  $s $(median "$s")/s"; done
ratio() { [ -f "$tmp/result.$2" ] && awk -v x="$(median "$1")" -v y="$(median "$2")" 'BEGIN { printf "  %s / %s = %.1f\n", "'"$1"'", "'"$2"'", y ? x / y : 0 }'; }
ratio memory dnsmasq || true
ratio memory kea || true
ratio journal dhcpd || true
