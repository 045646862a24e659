package render

import (
	"fmt"
	"net/netip"
	"path"
	"slices"
	"strings"

	"github.com/mythic-beasts/hostkit/vlan"
)

// ValueError is a value of a plan or of options that a text cannot hold.
type ValueError struct {
	// Field is where it is: "Pis[3].Name", `Switches["sw1"].Native`.
	Field string
	// Value is what it is. It may have been written by anybody.
	Value string
	// Why says what is wrong with it.
	Why string
}

// Error quotes the value.
func (e *ValueError) Error() string {
	return fmt.Sprintf("render: %s %q %s", e.Field, e.Value, e.Why)
}

// maxIfname is IFNAMSIZ of Linux, less the zero at the end.
const maxIfname = 15

// checkPlan checks all that texts take from a plan. Plans from [vlan.Build] pass,
// but a plan may have been read from a file that others can write.
func checkPlan(p *vlan.Plan) error {
	if p == nil {
		return &ValueError{"Plan", "", "is missing"}
	}
	if err := checkPath("FileServer.ExportRoot", p.FileServer.ExportRoot); err != nil && p.FileServer.ExportRoot != "" {
		return err
	}
	if !p.Private.IsValid() || !p.Private.Addr().Is4() || p.Private.Masked() != p.Private {
		return &ValueError{"Private", p.Private.String(), "is not an IPv4 network"}
	}
	if err := checkPublic(p.Public); err != nil {
		return err
	}
	for i, r := range p.Retired {
		if err := checkHost(fmt.Sprintf("Retired[%d].Name", i), r.Name); err != nil {
			return err
		}
	}
	names, vids := make(map[string]bool, len(p.Pis)), make(map[vlan.VID]bool, len(p.Pis))
	for i, pi := range p.Pis {
		if err := checkPi(p, pi); err != nil {
			err.Field = fmt.Sprintf("Pis[%d].%s", i, err.Field)
			return err
		}
		switch {
		case names[pi.Name]:
			return &ValueError{fmt.Sprintf("Pis[%d].Name", i), pi.Name, "is that of another Pi"}
		case vids[pi.VID]:
			return &ValueError{fmt.Sprintf("Pis[%d].VID", i), fmt.Sprint(pi.VID), "is that of another Pi"}
		}
		names[pi.Name], vids[pi.VID] = true, true
	}
	return nil
}

func checkPublic(pub vlan.Public) error {
	switch {
	case pub.VID == 0:
		return nil
	case !pub.VID.Valid():
		return &ValueError{"Public.VID", fmt.Sprint(pub.VID), "is not from 1 to 4094"}
	case pub.Gateway.IsValid() && (!pub.Gateway.Is6() || pub.Gateway.Is4In6() || pub.Gateway.Zone() != ""):
		return &ValueError{"Public.Gateway", pub.Gateway.String(), "is not an IPv6 address"}
	}
	return nil
}

func checkPi(p *vlan.Plan, pi vlan.Pi) *ValueError {
	if err := checkHost("Name", pi.Name); err != nil {
		return err
	}
	if err := checkIface("Iface", pi.Iface); err != nil {
		return err
	}
	if name := pi.ServerIface(); len(name) > maxIfname {
		return &ValueError{"Iface", pi.Iface, fmt.Sprintf("makes an interface %s of more than %d bytes", name, maxIfname)}
	}
	switch {
	case !pi.VID.Valid() || pi.VID == 1 || pi.VID == p.Public.VID:
		return &ValueError{"VID", fmt.Sprint(pi.VID), "is not that of a private VLAN"}
	case pi.Net.Bits() != 30 || !pi.Net.Addr().Is4() || pi.Net.Masked() != pi.Net || !p.Private.Contains(pi.Net.Addr()):
		return &ValueError{"Net", pi.Net.String(), "is not a /30 of " + p.Private.String()}
	case pi.Server != pi.Net.Addr().Next():
		return &ValueError{"Server", pi.Server.String(), "is not the first address of " + pi.Net.String()}
	case pi.Addr != pi.Server.Next():
		return &ValueError{"Addr", pi.Addr.String(), "is not the second address of " + pi.Net.String()}
	case pi.Public.IsValid() && (!pi.Public.Addr().Is6() || pi.Public.Addr().Is4In6() || pi.Public.Addr().Zone() != ""):
		return &ValueError{"Public", pi.Public.String(), "is not an IPv6 address"}
	}
	return nil
}

// checkHost accepts a name that is one in DNS, and a word in every text.
func checkHost(field, name string) *ValueError {
	const letters, digits = "abcdefghijklmnopqrstuvwxyz", "0123456789"
	switch {
	case name == "" || len(name) > 32:
		return &ValueError{field, name, "does not have from 1 to 32 bytes"}
	case !strings.Contains(letters, name[:1]) || strings.HasSuffix(name, "-") || strings.Trim(name, letters+digits+"-") != "":
		return &ValueError{field, name, "is not lower-case letters, digits and hyphens, a letter first"}
	}
	return nil
}

// checkWord accepts what is one word to every shell and switch: a port, a switch,
// a VLAN's name.
func checkWord(field, word string) *ValueError {
	if word == "" || len(word) > 64 {
		return &ValueError{field, word, "does not have from 1 to 64 bytes"}
	}
	for i := range len(word) {
		c := word[i]
		plain := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		if !plain && (i == 0 || !strings.ContainsRune("._/:-", rune(c))) {
			return &ValueError{field, word, "is not letters, digits and any of ._/:- with a letter or digit first"}
		}
	}
	return nil
}

// checkIface accepts the name of a network interface of Linux.
func checkIface(field, name string) *ValueError {
	if err := checkWord(field, name); err != nil {
		return err
	}
	if len(name) > maxIfname || strings.ContainsAny(name, "/:") {
		return &ValueError{field, name, "is not the name of an interface"}
	}
	return nil
}

// checkPath accepts an absolute path that needs no quotes in exports(5), on a
// kernel's command line or in a shell.
func checkPath(field, p string) error {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-"
	switch {
	case !path.IsAbs(p) || path.Clean(p) != p || p == "/":
		return &ValueError{field, p, "is not the clean path of a folder below /"}
	case strings.Trim(p, plain) != "":
		return &ValueError{field, p, "is not letters, digits and any of /._-"}
	}
	return nil
}

// checkOnly accepts names that the plan has.
func (o Options) checkOnly(kind string, have []string) error {
	for _, name := range o.Only {
		if !slices.Contains(have, name) {
			return &ValueError{"Options.Only", name, "is no " + kind + " of the plan"}
		}
	}
	return nil
}

// only reports whether a text is wanted for the machine.
func (o Options) only(name string) bool { return o.Only == nil || slices.Contains(o.Only, name) }

func netmask(p netip.Prefix) netip.Addr {
	n := ^uint32(0) << (32 - p.Bits())
	return netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
}
