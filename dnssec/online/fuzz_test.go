package online_test

import (
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"
)

// Whatever a request is, there is an answer that can be sent, and what it says of a
// question it proves.
func FuzzRespond(f *testing.F) {
	for _, q := range []string{"mail", "nope", `\000.x`, "*", "x.wild", "a.red", "www.safe"} {
		for _, typ := range []uint16{dns.TypeA, dns.TypeDS, dns.TypeANY, dns.TypeNXNAME} {
			wire, err := question(q+".hosting.test.", typ, true).Pack()
			require.NoError(f, err)
			f.Add(wire, true)
		}
	}
	s, _ := server(f, parse(f, shapes))
	j := judge(s)
	f.Fuzz(func(t *testing.T, wire []byte, udp bool) {
		req := new(dns.Msg)
		if req.Unpack(wire) != nil {
			return
		}
		m := s.Respond(t.Context(), req, udp)
		out, err := m.Pack()
		require.NoError(t, err)
		require.Equal(t, req.Id, m.Id)
		if udp {
			require.LessOrEqual(t, len(out), 1232)
		}
		if opt := m.IsEdns0(); opt != nil && opt.Do() && !m.Truncated && (m.Rcode == dns.RcodeSuccess || m.Rcode == dns.RcodeNameError) {
			require.NoError(t, j.Check(m), "%v", m)
		}
	})
}
