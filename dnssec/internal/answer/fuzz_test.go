package answer_test

import (
	"testing"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec/internal/answer"
	"github.com/stretchr/testify/require"
)

// Whatever a request is, there is an answer that can be sent and fits; what it says
// of a question it proves.
func FuzzRespond(f *testing.F) {
	for _, q := range []string{"mail", "nope", `\000.x`, "*", "x.wild", "a.red", "www.safe", "b.ent", "zz.deep"} {
		for _, typ := range []uint16{dns.TypeA, dns.TypeDS, dns.TypeANY, dns.TypeNSEC3} {
			wire, err := question(q+".hosting.test.", typ, true).Pack()
			require.NoError(f, err)
			f.Add(wire, true, byte(typ))
		}
	}
	unsigned := parse(f, shapes)
	nsec, _ := sign(f, unsigned, denials["NSEC"])
	nsec3, _ := sign(f, unsigned, denials["NSEC3"])
	f.Fuzz(func(t *testing.T, wire []byte, udp bool, which byte) {
		req := new(dns.Msg)
		if req.Unpack(wire) != nil {
			return
		}
		z := nsec
		switch which % 3 {
		case 1:
			z = nsec3
		case 2:
			z = unsigned
		}
		m := answer.Respond(z, req, answer.Options{UDP: udp})
		out, err := m.Pack()
		require.NoError(t, err)
		require.Equal(t, req.Id, m.Id)
		if udp {
			require.LessOrEqual(t, len(out), answer.DefaultUDPSize)
		}
		if opt := m.IsEdns0(); z != unsigned && opt != nil && opt.Do() && !m.Truncated &&
			(m.Rcode == dns.RcodeSuccess || m.Rcode == dns.RcodeNameError) {
			require.NoError(t, judge(z).Check(m), "%v", m)
		}
	})
}
