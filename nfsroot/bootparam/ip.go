package bootparam

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Autoconf is the protocol by which a machine asks for its address.
type Autoconf string

// The values that the kernel knows (net/ipv4/ipconfig.c). In [IP] the zero
// value means Off for a machine that has its address, and DHCP for one that
// has not.
const (
	Off   Autoconf = "off" // ask nobody
	DHCP  Autoconf = "dhcp"
	BOOTP Autoconf = "bootp"
	RARP  Autoconf = "rarp"
	Both  Autoconf = "both" // BOOTP and RARP, but not DHCP
	Any   Autoconf = "any"  // whatever the kernel was built with
)

var autoconfs = []Autoconf{Off, DHCP, BOOTP, RARP, Both, Any}

// The lengths that Linux allows.
const (
	maxHostname = 64 // __NEW_UTS_LEN
	maxDevice   = 15 // IFNAMSIZ and a NUL
	maxClientID = 251
)

// IP is the kernel parameter ip=, by which a machine configures its network
// before it has a root:
//
//	ip=<client>:<server>:<gateway>:<netmask>:<hostname>:<device>:<autoconf>:<dns0>:<dns1>:<ntp0>
//
// Its zero value asks DHCP on every interface.
type IP struct {
	Client  netip.Addr // own IPv4 address; zero means ask by Autoconf
	Server  netip.Addr // NFS server, when nfsroot= names none
	Gateway netip.Addr // default router, in Client's network; zero means none
	// Netmask is a prefix length in bits, 1 to 31. Text refuses zero beside a
	// Client, because the kernel then guesses one by the address's class (10.x
	// is a /8), and it refuses 32 as well, because 255.255.255.255 is how the
	// kernel says that it was given none.
	Netmask  int
	Hostname string // at most 64 bytes; what follows a dot is the NIS domain
	Device   string // network interface, such as "eth0"; "" means the first that answers
	Autoconf Autoconf
	// ClientID is the DHCP client identifier, as "TYPE,VALUE" with a decimal
	// type; only with DHCP on every interface and nothing else.
	ClientID string
	DNS      []netip.Addr // at most two; end up in /proc/net/pnp
	NTP      netip.Addr   // ends up in /proc/net/ipconfig/ntp_servers
}

// Text returns the parameter's value, without "ip=".
func (p IP) Text() (string, error) {
	if err := p.check(); err != nil {
		return "", fmt.Errorf("bootparam: ip: %w", err)
	}
	if p.ClientID != "" {
		return "dhcp," + p.ClientID, nil
	}
	auto := p.autoconf()
	if p.onlyAutoconf() {
		return string(auto), nil
	}
	fields := []string{
		text4(p.Client), text4(p.Server), text4(p.Gateway), maskText(p.Netmask), p.Hostname, p.Device, string(auto),
	}
	if len(p.DNS) > 0 || p.NTP.IsValid() {
		dns := append(slices.Clone(p.DNS), netip.Addr{}, netip.Addr{})
		fields = append(fields, text4(dns[0]), text4(dns[1]), text4(p.NTP))
	}
	return strings.TrimRight(strings.Join(fields, ":"), ":"), nil
}

// Prefix is Client and its network, by the kernel's rule: without a Netmask,
// or with one of 32 bits, that of the address's class. It is zero without a
// Client, or with one that is of no class.
func (p IP) Prefix() netip.Prefix {
	if !p.Client.Is4() {
		return netip.Prefix{}
	}
	n := p.Netmask
	if n <= 0 || n >= 32 {
		n = classBits(p.Client)
	}
	if n == 0 {
		return netip.Prefix{}
	}
	return netip.PrefixFrom(p.Client, n)
}

func classBits(addr netip.Addr) int {
	switch first := addr.As4()[0]; {
	case first < 128:
		return 8
	case first < 192:
		return 16
	case first < 224:
		return 24
	}
	return 0
}

func (p IP) autoconf() Autoconf {
	switch {
	case p.Autoconf != "":
		return p.Autoconf
	case p.Client.IsValid():
		return Off
	}
	return DHCP
}

// onlyAutoconf reports whether one word says it all.
func (p IP) onlyAutoconf() bool {
	return !p.Client.IsValid() && !p.Server.IsValid() && !p.Gateway.IsValid() && p.Netmask == 0 &&
		p.Hostname == "" && p.Device == "" && len(p.DNS) == 0 && !p.NTP.IsValid()
}

func (p IP) check() error {
	if p.Autoconf != "" && !slices.Contains(autoconfs, p.Autoconf) {
		return fmt.Errorf("Autoconf %q is not one of %v", string(p.Autoconf), autoconfs)
	}
	if err := p.checkAddrs(); err != nil {
		return err
	}
	if err := checkHostname(p.Hostname); err != nil {
		return err
	}
	if err := checkDevice(p.Device); err != nil {
		return err
	}
	if p.ClientID != "" {
		if !p.onlyAutoconf() || p.autoconf() != DHCP {
			return fmt.Errorf("ClientID %q goes with DHCP and no other field", p.ClientID)
		}
		return checkClientID(p.ClientID)
	}
	return p.checkStatic()
}

func (p IP) checkAddrs() error {
	named := []struct {
		field string
		addr  netip.Addr
	}{{"Client", p.Client}, {"Server", p.Server}, {"Gateway", p.Gateway}, {"NTP", p.NTP}}
	for _, n := range named {
		if err := check4(n.field, n.addr); err != nil {
			return err
		}
	}
	if len(p.DNS) > 2 {
		return fmt.Errorf("DNS has %d addresses, and the kernel takes two", len(p.DNS))
	}
	for _, a := range p.DNS {
		if !a.IsValid() {
			return fmt.Errorf("DNS has an address in it that is none")
		}
		if err := check4("DNS", a); err != nil {
			return err
		}
	}
	return nil
}

func (p IP) checkStatic() error {
	if p.Netmask < 0 || p.Netmask > 32 {
		return fmt.Errorf("Netmask %d is not a prefix length", p.Netmask)
	}
	if !p.Client.IsValid() {
		if p.autoconf() == Off && !p.onlyAutoconf() {
			return fmt.Errorf("Autoconf %q leaves a machine without a Client address", p.Autoconf)
		}
		return nil
	}
	switch p.Netmask {
	case 0:
		return fmt.Errorf("Netmask is missing, and the kernel would guess /%d for Client %s", classBits(p.Client), p.Client)
	case 32:
		return fmt.Errorf("Netmask 32 means none to the kernel, which would guess /%d for Client %s", classBits(p.Client), p.Client)
	}
	if p.Gateway.IsValid() && !p.Prefix().Masked().Contains(p.Gateway) {
		return fmt.Errorf("Gateway %s is not in Client's network %s", p.Gateway, p.Prefix().Masked())
	}
	return nil
}

func checkHostname(name string) error {
	if name == "" {
		return nil
	}
	for i := range len(name) {
		if c := name[i]; !isAlnum(c) && c != '-' && c != '.' && c != '_' {
			return fmt.Errorf("Hostname %q must not have %q in it", name, c)
		}
	}
	if len(name) > maxHostname {
		return fmt.Errorf("Hostname %q has %d bytes, and the most is %d", name, len(name), maxHostname)
	}
	return nil
}

func isAlnum(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func checkDevice(name string) error {
	if name == "" {
		return nil
	}
	if err := checkWord("Device", name, ":/"); err != nil {
		return err
	}
	if name == "." || name == ".." || len(name) > maxDevice {
		return fmt.Errorf("Device %q is not the name of a network interface", name)
	}
	return nil
}

func checkClientID(id string) error {
	kind, value, found := strings.Cut(id, ",")
	if _, err := strconv.ParseUint(kind, 10, 8); err != nil || !found || len(value) > maxClientID {
		return fmt.Errorf("ClientID %q is not TYPE,VALUE with a type of 0 to 255", id)
	}
	return checkWord("ClientID", value, ":")
}

func maskText(n int) string {
	if n == 0 {
		return ""
	}
	m := ^uint32(0) << (32 - n)
	return netip.AddrFrom4([4]byte{byte(m >> 24), byte(m >> 16), byte(m >> 8), byte(m)}).String()
}
