package identity

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/crypto/ssh"
)

// Validate returns an error that names the field and the value that is wrong,
// all of them joined.
func (id Identity) Validate() error {
	var errs []error
	bad := func(field string, value any, why string) {
		errs = append(errs, fmt.Errorf("identity: %s: %q %s", field, fmt.Sprint(value), why))
	}
	if why := hostnameFault(id.Name); why != "" {
		bad("Name", id.Name, why)
	}
	if id.MachineID != "" && (!machineIDText.MatchString(id.MachineID) || strings.Trim(id.MachineID, "0") == "") {
		bad("MachineID", id.MachineID, "is not 32 hexadecimal digits in lower case")
	}
	for i, line := range id.AuthorizedKeys {
		if why := authorizedKeyFault(line); why != "" {
			bad(fmt.Sprintf("AuthorizedKeys[%d]", i), line, why)
		}
	}
	for i, h := range id.Hosts {
		h.validate(func(field string, value any, why string) { bad(fmt.Sprintf("Hosts[%d].%s", i, field), value, why) })
	}
	id.validateDNS(bad)
	if _, ok := networks[id.Network]; !ok {
		bad("Network", int(id.Network), "is not a program")
	}
	if id.Public != nil {
		id.Public.validate(bad)
		if id.Network == Unmanaged {
			bad("Network", id.Network, "cannot have Public")
		}
	}
	for name := range id.Files {
		if why := pathFault(name); why != "" {
			bad("Files", name, why)
		}
	}
	return errors.Join(errs...)
}

func (h Host) validate(bad func(field string, value any, why string)) {
	if !h.Addr.IsValid() || h.Addr.Zone() != "" {
		bad("Addr", h.Addr, "is not an address")
	}
	if len(h.Names) == 0 {
		bad("Names", "", "is empty")
	}
	for _, name := range h.Names {
		if why := hostnameFault(name); why != "" {
			bad("Names", name, why)
		}
	}
}

// maxNameservers is MAXNS of resolv.conf(5).
const maxNameservers = 3

func (id Identity) validateDNS(bad func(field string, value any, why string)) {
	if len(id.DNS) > maxNameservers {
		bad("DNS", id.DNS, "are more than three, of which glibc takes no notice")
	}
	for _, addr := range id.DNS {
		if !addr.IsValid() || addr.IsUnspecified() || addr.Zone() != "" {
			bad("DNS", addr, "is not an address of a resolver")
		}
	}
	if len(id.Search) > 0 && len(id.DNS) == 0 {
		bad("Search", id.Search, "needs DNS")
	}
	for _, domain := range id.Search {
		if why := hostnameFault(domain); why != "" {
			bad("Search", domain, why)
		}
	}
}

func (p Public) validate(bad func(field string, value any, why string)) {
	if p.VLAN < 1 || p.VLAN > 4094 {
		bad("Public.VLAN", p.VLAN, "is not in 1 to 4094")
	}
	if len(p.Addrs) == 0 {
		bad("Public.Addrs", "", "is empty")
	}
	has := map[bool]bool{} // by whether it is IPv4
	for _, a := range p.Addrs {
		if !a.IsValid() || a.Addr().IsUnspecified() || a.Addr().IsMulticast() || a.Addr().IsLoopback() || a.Addr().Is4In6() {
			bad("Public.Addrs", a, "is not the address of an interface")
		}
		has[a.Addr().Is4()] = true
	}
	p.gateway("Public.Gateway", p.Gateway, false, has[false], bad)
	p.gateway("Public.Gateway4", p.Gateway4, true, has[true], bad)
	if p.MTU != 0 && (p.MTU < 1280 || p.MTU > 9216) {
		bad("Public.MTU", p.MTU, "is not in 1280 to 9216")
	}
}

func (p Public) gateway(field string, g netip.Addr, v4, has bool, bad func(field string, value any, why string)) {
	switch {
	case g == netip.Addr{}:
	case g.Is4() != v4 || g.Is4In6() || g.IsUnspecified() || g.IsMulticast() || g.Zone() != "":
		bad(field, g, "is not the address of a gateway")
	case !has:
		bad(field, g, "has no address in Public.Addrs of its kind")
	case !g.IsLinkLocalUnicast() && !p.reaches(g):
		bad(field, g, "is in none of the networks of Public.Addrs")
	}
}

func (p Public) reaches(g netip.Addr) bool {
	for _, a := range p.Addrs {
		if a.Masked().Contains(g) {
			return true
		}
	}
	return false
}

var (
	machineIDText = regexp.MustCompile(`^[0-9a-f]{32}$`)
	hostLabel     = regexp.MustCompile(`^[0-9A-Za-z]([0-9A-Za-z-]{0,61}[0-9A-Za-z])?$`)
	allDigits     = regexp.MustCompile(`^[0-9]+$`)
)

// hostnameFault says why a text is no host name by RFC 1123 section 2.1.
func hostnameFault(name string) string {
	if name == "" {
		return "is empty"
	}
	if len(name) > 253 {
		return "is longer than 253 bytes"
	}
	labels := strings.Split(name, ".")
	for _, label := range labels {
		if !hostLabel.MatchString(label) {
			return "is not a host name: labels are of 1 to 63 letters, digits and inner hyphens"
		}
	}
	if allDigits.MatchString(labels[len(labels)-1]) {
		return "ends in a number, as an address does"
	}
	if labels[0] == "localhost" {
		return "is the name of every machine"
	}
	return ""
}

func authorizedKeyFault(line string) string {
	if strings.ContainsFunc(line, unicode.IsControl) {
		return "has a control character in it"
	}
	if strings.HasPrefix(strings.TrimSpace(line), "#") {
		return "is a comment"
	}
	_, _, _, rest, err := ssh.ParseAuthorizedKey([]byte(line))
	if err != nil || len(bytes.TrimSpace(rest)) > 0 {
		return "is not a public key"
	}
	return ""
}

func pathFault(name string) string {
	if !fs.ValidPath(name) || name == "." {
		return "is not a path in the tree"
	}
	if strings.ContainsFunc(name, unicode.IsControl) || strings.Contains(name, `\`) {
		return "has a character in it that no file of a root has"
	}
	return ""
}
