package answer_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec/internal/answer"
)

// Answers from a zone of twenty thousand names, packed as they are sent.
func BenchmarkRespond(b *testing.B) {
	var text strings.Builder
	text.WriteString(shapes)
	for i := range 20000 {
		fmt.Fprintf(&text, "host%05d A 192.0.2.1\n", i)
	}
	unsigned := parse(b, text.String())
	for what, denial := range denials {
		z, _ := sign(b, unsigned, denial)
		for _, q := range []string{"host00500 A", "host00500 MX", "nope.host00500 A", "x.wild A", "www.safe A"} {
			qname, typ, _ := strings.Cut(q, " ")
			req := question(qname+".hosting.test.", dns.StringToType[typ], true)
			buf := make([]byte, 4096)
			b.Run(what+" "+q, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := answer.Respond(z, req, answer.Options{UDP: true}).PackBuffer(buf); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
