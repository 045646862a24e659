package boot

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/mythic-beasts/hostkit/nfsroot/bootparam"
)

// Lease is a machine's network configuration, out of ip= or by DHCP.
type Lease struct {
	Device   string
	Proto    string // "static" or "dhcp"
	Addr     netip.Prefix
	Gateway  netip.Addr
	Server   netip.Addr // of NFS, when nothing else names one
	DNS      []netip.Addr
	NTP      []netip.Addr
	Hostname string
	Domain   string
	RootPath string        // DHCP option 17
	Time     time.Duration // how long it is valid; zero means for ever
}

// staticLease is what ip= says.
func staticLease(ip bootparam.IP, device string) Lease {
	l := Lease{
		Device: device, Proto: "static", Addr: ip.Prefix(), Gateway: ip.Gateway, Server: ip.Server,
		DNS: ip.DNS, Hostname: ip.Hostname,
	}
	if ip.NTP.IsValid() {
		l.NTP = []netip.Addr{ip.NTP}
	}
	return l
}

// override lets ip= have the last word on what it names.
func (l Lease) override(ip bootparam.IP) Lease {
	if ip.Server.IsValid() {
		l.Server = ip.Server
	}
	if ip.Gateway.IsValid() {
		l.Gateway = ip.Gateway
	}
	if ip.Hostname != "" {
		l.Hostname = ip.Hostname
	}
	if len(ip.DNS) > 0 {
		l.DNS = ip.DNS
	}
	if ip.NTP.IsValid() {
		l.NTP = []netip.Addr{ip.NTP}
	}
	return l
}

// Conf is the lease as klibc's ipconfig leaves it in /run/net-DEVICE.conf, to be
// read by shell scripts of the system. Values that DHCP gave keep no character
// that means anything to a shell.
func (l Lease) Conf(uptime time.Duration) string {
	dns := append(slices.Clone(l.DNS), netip.Addr{}, netip.Addr{})
	broadcast, mask := netip.Addr{}, netip.Addr{}
	if l.Addr.IsValid() {
		broadcast, mask = broadcastOf(l.Addr), maskOf(l.Addr.Bits())
	}
	fields := [][2]string{
		{"DEVICE", l.Device},
		{"PROTO", l.Proto},
		{"IPV4ADDR", text(l.Addr.Addr())},
		{"IPV4BROADCAST", text(broadcast)},
		{"IPV4NETMASK", text(mask)},
		{"IPV4GATEWAY", text(l.Gateway)},
		{"IPV4DNS0", text(dns[0])},
		{"IPV4DNS1", text(dns[1])},
		{"HOSTNAME", l.Hostname},
		{"DNSDOMAIN", l.Domain},
		{"ROOTSERVER", text(l.Server)},
		{"ROOTPATH", l.RootPath},
		{"UPTIME", fmt.Sprint(int(uptime.Seconds()))},
		{"DHCPLEASETIME", fmt.Sprint(int(l.Time.Seconds()))},
	}
	var b strings.Builder
	for _, f := range fields {
		fmt.Fprintf(&b, "%s='%s'\n", f[0], plain(f[1]))
	}
	return b.String()
}

// Resolv is the lease's part of a resolv.conf; "" without a name server.
func (l Lease) Resolv() string {
	var b strings.Builder
	if l.Domain != "" {
		fmt.Fprintf(&b, "search %s\n", plain(l.Domain))
	}
	for _, addr := range l.DNS {
		fmt.Fprintf(&b, "nameserver %s\n", addr)
	}
	if len(l.DNS) == 0 {
		return ""
	}
	return b.String()
}

// plain drops what is not a letter, a digit or of a path.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("./:,=_-+@%", r) {
			return r
		}
		return -1
	}, s)
}

// text is "" for no address.
func text(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

func maskOf(bits int) netip.Addr { return fromBits(^uint32(0) << (32 - bits)) }

func broadcastOf(p netip.Prefix) netip.Addr {
	a := p.Masked().Addr().As4()
	network := uint32(a[0])<<24 | uint32(a[1])<<16 | uint32(a[2])<<8 | uint32(a[3])
	return fromBits(network | ^uint32(0)>>p.Bits())
}

func fromBits(v uint32) netip.Addr {
	return netip.AddrFrom4([4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)})
}
