package upstream_test

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/internal/dnsask"
	"github.com/mythic-beasts/hostkit/sniproxy/internal/upstream"
	"github.com/mythic-beasts/hostkit/sniproxy/sniproxytest"
	"github.com/stretchr/testify/require"
)

func client(servers ...*sniproxytest.NameServer) *upstream.Client {
	c := &upstream.Client{Timeout: time.Minute}
	for _, s := range servers {
		c.Servers = append(c.Servers, s.Addr)
	}
	return c
}

func question(name string) *dns.Msg {
	q := new(dns.Msg).SetQuestion(name, dns.TypeA)
	q.SetEdns0(dnsask.Size, true)
	return q
}

func TestAskKeepsTheQuestion(t *testing.T) {
	s := sniproxytest.NewNameServer(t)
	s.Records(t, "www.example. 60 IN A 192.0.2.1")
	c := client(s)
	c.MixCase = true
	q := question("wWw.example.")
	q.CheckingDisabled = true
	before := q.String()
	answer, err := c.Ask(t.Context(), q)
	require.NoError(t, err)
	require.Equal(t, before, q.String())
	require.Equal(t, q.Question, answer.Question, "as it was asked")
	require.Len(t, answer.Answer, 1)
	sent := s.Asked()[0].Msg
	require.NotEqual(t, q.Id, sent.Id)
	require.True(t, sent.CheckingDisabled)
	require.True(t, sent.IsEdns0().Do())
}

func TestAskPrefersAnAnswer(t *testing.T) {
	refuses, answers, denies := sniproxytest.NewNameServer(t), sniproxytest.NewNameServer(t), sniproxytest.NewNameServer(t)
	refuses.Set("www.example", dns.TypeA, sniproxytest.Reply{Rcode: dns.RcodeRefused})
	answers.Records(t, "www.example. 60 IN A 192.0.2.1")
	got, err := client(refuses, answers).Ask(t.Context(), question("www.example."))
	require.NoError(t, err)
	require.Equal(t, dns.RcodeSuccess, got.Rcode)
	got, err = client(denies, answers).Ask(t.Context(), question("www.example."))
	require.NoError(t, err)
	require.Equal(t, dns.RcodeNameError, got.Rcode, "that is an answer")
	require.Len(t, answers.Asked(), 1)
}

func TestAskReturnsTheCodeOfFailure(t *testing.T) {
	a, b := sniproxytest.NewNameServer(t), sniproxytest.NewNameServer(t)
	a.Set("www.example", dns.TypeA, sniproxytest.Reply{Rcode: dns.RcodeRefused})
	b.Set("www.example", dns.TypeA, sniproxytest.Reply{Rcode: dns.RcodeServerFailure})
	got, err := client(a, b).Ask(t.Context(), question("www.example."))
	require.NoError(t, err)
	require.Equal(t, dns.RcodeServerFailure, got.Rcode)
	require.Len(t, a.Asked(), 1, "asking again brings nothing")
	require.Len(t, b.Asked(), 1)
}

func TestAskSaysNothingWithoutAnswers(t *testing.T) {
	s := sniproxytest.NewNameServer(t)
	s.Set("www.example", dns.TypeA, sniproxytest.Reply{Drop: true})
	c := client(s)
	c.Timeout = 20 * time.Millisecond
	dials := 0
	c.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		dials++
		var d net.Dialer
		return d.DialContext(ctx, network, address)
	}
	_, err := c.Ask(t.Context(), question("www.example."))
	require.ErrorContains(t, err, s.Addr.String())
	require.Equal(t, 2, dials, "packets get lost: it is asked twice")
	_, err = client().Ask(t.Context(), question("www.example."))
	require.ErrorContains(t, err, "no name server")
}
