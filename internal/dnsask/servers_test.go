package dnsask_test

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/dnsask"
)

func says(t *testing.T, rcode int) *server {
	return newServer(t, func(_ string, q *dns.Msg) [][]byte { return [][]byte{reply(q, rcode, nil)} })
}

func TestLookup(t *testing.T) {
	refused, failed, fine, none := says(t, dns.RcodeRefused), says(t, dns.RcodeServerFailure), says(t, dns.RcodeSuccess), says(t, dns.RcodeNameError)
	answer, err := patient.Lookup(t.Context(), []netip.AddrPort{refused.Addr, fine.Addr, none.Addr}, question())
	require.NoError(t, err)
	require.Len(t, answer.Answer, 1)
	answer, err = patient.Lookup(t.Context(), []netip.AddrPort{none.Addr, fine.Addr}, question())
	require.NoError(t, err)
	require.Equal(t, dns.RcodeNameError, answer.Rcode, "that is an answer")
	require.Len(t, fine.heard("udp"), 1)
	require.Len(t, none.heard("udp"), 1)

	_, err = patient.Lookup(t.Context(), []netip.AddrPort{refused.Addr, failed.Addr}, question())
	require.ErrorIs(t, err, dnsask.RcodeError(dns.RcodeServerFailure))
	require.ErrorContains(t, err, "look up "+name+" A at "+refused.Addr.String()+": the answer is REFUSED")
	require.EqualError(t, dnsask.RcodeError(1234), "the answer is RCODE 1234")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	before := len(failed.heard("udp"))
	_, err = patient.Lookup(ctx, []netip.AddrPort{refused.Addr, failed.Addr}, question())
	require.ErrorIs(t, err, context.Canceled)
	require.NotContains(t, err.Error(), failed.Addr.String(), "nobody waits any more")
	require.Len(t, failed.heard("udp"), before)
}

func TestServersOfAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "resolv.conf")
	write := func(text string) { require.NoError(t, os.WriteFile(file, []byte(text), 0o600)) }
	write("search example\nnameserver 192.0.2.53\nnameserver 2001:db8::53\nnameserver fe80::1%eth0\nnameserver nonsense\n")
	servers, err := dnsask.FromFile(file)
	require.NoError(t, err)
	require.Equal(t, []netip.AddrPort{
		netip.MustParseAddrPort("192.0.2.53:53"), netip.MustParseAddrPort("[2001:db8::53]:53"), netip.MustParseAddrPort("[fe80::1%eth0]:53"),
	}, servers)
	write("options ndots:2\n")
	_, err = dnsask.FromFile(file)
	require.ErrorContains(t, err, "no recursive server is known: "+file+" names none")
	_, err = dnsask.FromFile(file + ".gone")
	require.ErrorIs(t, err, os.ErrNotExist)
}
