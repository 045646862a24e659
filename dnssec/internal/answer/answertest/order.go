package answertest

import (
	"bytes"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// covers says whether a name is between the owner and the next name, and nothing is
// above it that hides what is below: no cut, and no DNAME.
func covers(d *dns.NSEC, name string) bool {
	owner, next := strings.ToLower(d.Hdr.Name), strings.ToLower(d.NextDomain)
	if under(name, owner) && name != owner {
		cut := slices.Contains(d.TypeBitMap, dns.TypeNS) && !slices.Contains(d.TypeBitMap, dns.TypeSOA)
		if cut || slices.Contains(d.TypeBitMap, dns.TypeDNAME) {
			return false
		}
	}
	if compare(owner, next) < 0 {
		return compare(owner, name) < 0 && compare(name, next) < 0
	}
	return compare(owner, name) < 0
}

// encloser is the closest ancestor of a covered name that is there.
func encloser(d *dns.NSEC, name string) string {
	for n := dns.CountLabel(name) - 1; n > 0; n-- {
		if ce := tail(name, n); under(strings.ToLower(d.Hdr.Name), ce) || under(strings.ToLower(d.NextDomain), ce) {
			return ce
		}
	}
	return "."
}

// tail is the last labels of a name.
func tail(name string, labels int) string {
	starts := dns.Split(name)
	if labels <= 0 || len(starts) == 0 {
		return "."
	}
	return name[starts[max(len(starts)-labels, 0)]:]
}

// under says whether a name is the ancestor or below it.
func under(name, ancestor string) bool {
	return tail(name, dns.CountLabel(ancestor)) == ancestor && dns.CountLabel(name) >= dns.CountLabel(ancestor)
}

// compare orders names by their labels from the right, as octets (RFC 4034, section
// 6.1).
func compare(a, b string) int { return slices.CompareFunc(labels(a), labels(b), bytes.Compare) }

func labels(name string) [][]byte {
	buf := make([]byte, 256)
	end, err := dns.PackDomainName(name, buf, 0, nil, false)
	if err != nil {
		return nil
	}
	var out [][]byte
	for b := buf[:end-1]; len(b) > 0; b = b[1+b[0]:] {
		out = append(out, b[1:1+b[0]])
	}
	slices.Reverse(out)
	return out
}
