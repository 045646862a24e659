package bootparam

import (
	"fmt"
	"net/netip"
	"strings"
)

// checkWord returns an error when value is not one plain word, or has one of
// separators in it.
func checkWord(field, value, separators string) error {
	if value == "" {
		return fmt.Errorf("%s has an empty value in it", field)
	}
	if i := strings.IndexFunc(value, isControl); i >= 0 {
		return fmt.Errorf("%s %q has a control character at byte %d", field, value, i)
	}
	if i := strings.IndexAny(value, " \u00a0\"'"+separators); i >= 0 {
		return fmt.Errorf("%s %q must not have %q in it", field, value, value[i])
	}
	return nil
}

func isControl(r rune) bool {
	return r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029'
}

// check4 returns an error when addr is set and not what the kernel takes.
func check4(field string, addr netip.Addr) error {
	if addr.IsValid() && !addr.Is4() {
		return fmt.Errorf("%s %s is not an IPv4 address, and the kernel takes no other", field, addr)
	}
	if addr.IsValid() && addr.IsUnspecified() {
		return fmt.Errorf("%s %s is no address, and the kernel takes it for none given", field, addr)
	}
	return nil
}

// parse4 reads an address; "" and 0.0.0.0 are none, as for the kernel.
func parse4(field, text string) (netip.Addr, error) {
	if text == "" {
		return netip.Addr{}, nil
	}
	addr, err := netip.ParseAddr(text)
	if err != nil || !addr.Is4() {
		return netip.Addr{}, fmt.Errorf("%s %q is not an IPv4 address", field, text)
	}
	if addr.IsUnspecified() {
		return netip.Addr{}, nil
	}
	return addr, nil
}

// text4 is an address as a field of ip=, where none is nothing.
func text4(addr netip.Addr) string {
	if !addr.IsValid() {
		return ""
	}
	return addr.String()
}
