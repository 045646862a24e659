package bootparam

import (
	"fmt"
	"math/bits"
	"net/netip"
	"slices"
	"strings"
)

// ParseIP reads the parameter's value, without "ip=". Besides what the kernel
// takes it knows the form of a lone device name, as Debian's initramfs does.
// An error names the field that is wrong.
func ParseIP(text string) (IP, error) {
	p, err := parseIP(text)
	if err != nil {
		return IP{}, fmt.Errorf("bootparam: ip=%q: %w", text, err)
	}
	return p, nil
}

func parseIP(text string) (IP, error) {
	fields := strings.Split(text, ":")
	if len(fields) > 10 {
		return IP{}, fmt.Errorf("%d fields are more than ten", len(fields))
	}
	if len(fields) == 1 {
		return parseWord(text)
	}
	fields = append(fields, make([]string, 10-len(fields))...)
	var p IP
	for i, f := range []struct {
		field string
		to    *netip.Addr
	}{{"Client", &p.Client}, {"Server", &p.Server}, {"Gateway", &p.Gateway}} {
		if err := setAddr(f.to, f.field, fields[i]); err != nil {
			return IP{}, err
		}
	}
	var err error
	if p.Netmask, err = parseMask(fields[3]); err != nil {
		return IP{}, err
	}
	p.Hostname, p.Device = fields[4], fields[5]
	if err := checkHostname(p.Hostname); err != nil {
		return IP{}, err
	}
	if err := checkDevice(p.Device); err != nil {
		return IP{}, err
	}
	if p.Autoconf, err = parseAutoconf(fields[6]); err != nil {
		return IP{}, err
	}
	for _, text := range fields[7:9] {
		var dns netip.Addr
		if err := setAddr(&dns, "DNS", text); err != nil {
			return IP{}, err
		}
		if dns.IsValid() {
			p.DNS = append(p.DNS, dns)
		}
	}
	return p, setAddr(&p.NTP, "NTP", fields[9])
}

func setAddr(to *netip.Addr, field, text string) error {
	addr, err := parse4(field, text)
	*to = addr
	return err
}

// parseWord reads a value without a colon.
func parseWord(text string) (IP, error) {
	if id, ok := strings.CutPrefix(text, "dhcp,"); ok {
		return IP{Autoconf: DHCP, ClientID: id}, checkClientID(id)
	}
	if text == "" {
		return IP{Autoconf: Off}, nil
	}
	if auto, err := parseAutoconf(text); err == nil {
		return IP{Autoconf: auto}, nil
	}
	if strings.Trim(text, "0123456789.") == "" {
		addr, err := parse4("Client", text)
		return IP{Client: addr, Autoconf: Any}, err
	}
	return IP{Device: text, Autoconf: Any}, checkDevice(text)
}

func parseAutoconf(text string) (Autoconf, error) {
	switch text {
	case "none":
		return Off, nil
	case "", "on", "all":
		return Any, nil
	}
	if !slices.Contains(autoconfs, Autoconf(text)) {
		return "", fmt.Errorf("Autoconf %q is not one of %v", text, autoconfs)
	}
	return Autoconf(text), nil
}

func parseMask(text string) (int, error) {
	addr, err := parse4("Netmask", text)
	if err != nil || !addr.IsValid() {
		return 0, err
	}
	b := addr.As4()
	m := uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
	n := bits.LeadingZeros32(^m)
	if m<<n != 0 {
		return 0, fmt.Errorf("Netmask %q has gaps in it", text)
	}
	return n, nil
}
