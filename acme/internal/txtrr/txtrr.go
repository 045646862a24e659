package txtrr

import (
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// maxString is the length of one character-string (RFC 1035 section 3.3.14).
const maxString = 255

// Strings are the character-strings of a value, as a [dns.TXT] has them.
func Strings(value string) []string {
	if value == "" {
		return []string{""}
	}
	var parts []string
	for part := range slices.Chunk([]byte(value), maxString) {
		parts = append(parts, escape(part))
	}
	return parts
}

// Value is the text of a record: its strings without anything between them.
func Value(rr *dns.TXT) string {
	var b strings.Builder
	for _, s := range rr.Txt {
		unescape(&b, s)
	}
	return b.String()
}

// Has says whether records have a value at a name.
func Has(rrs []dns.RR, name, value string) bool {
	return slices.ContainsFunc(rrs, func(rr dns.RR) bool {
		txt, ok := rr.(*dns.TXT)
		return ok && strings.EqualFold(txt.Hdr.Name, name) && Value(txt) == value
	})
}

func escape(part []byte) string {
	var b strings.Builder
	for _, c := range part {
		switch {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c > '~':
			fmt.Fprintf(&b, "\\%03d", c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

func unescape(b *strings.Builder, s string) {
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		if i+2 < len(s) && digits(s[i:i+3]) {
			b.WriteByte((s[i]-'0')*100 + (s[i+1]-'0')*10 + (s[i+2] - '0'))
			i += 2
			continue
		}
		b.WriteByte(s[i])
	}
}

func digits(s string) bool {
	return strings.Trim(s, "0123456789") == ""
}
