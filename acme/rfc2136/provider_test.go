package rfc2136_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/acme/dns01"
	"github.com/mythic-beasts/hostkit/acme/rfc2136"
)

// server answers by a function on a loopback port, by TCP and UDP.
func server(t *testing.T, answer func(w dns.ResponseWriter, r *dns.Msg)) string {
	t.Helper()
	var l net.Listener
	var p net.PacketConn
	require.Eventually(t, func() bool {
		var err error
		l, err = net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		p, err = net.ListenPacket("udp", l.Addr().String())
		if err != nil {
			_ = l.Close()
		}
		return err == nil
	}, time.Minute, time.Millisecond)
	for _, s := range []*dns.Server{{Listener: l}, {PacketConn: p}} {
		started, ended := make(chan struct{}), make(chan struct{})
		s.Handler = dns.HandlerFunc(answer)
		s.MsgAcceptFunc = func(dns.Header) dns.MsgAcceptAction { return dns.MsgAccept }
		s.NotifyStartedFunc = func() { close(started) }
		go func() {
			defer close(ended)
			_ = s.ActivateAndServe()
		}()
		<-started
		t.Cleanup(func() {
			_ = s.ShutdownContext(context.Background())
			<-ended
		})
	}
	return l.Addr().String()
}

var record = dns01.TXT{Zone: "example.com.", Name: "_acme-challenge.example.com.", Value: "-v"}

func TestAnswers(t *testing.T) {
	signed := rfc2136.TSIG{Name: keyName, Secret: secret}
	for what, test := range map[string]struct {
		key    rfc2136.TSIG
		answer func(r, m *dns.Msg)
		is     error
		says   string
	}{
		"good":                      {rfc2136.TSIG{}, func(_, _ *dns.Msg) {}, nil, ""},
		"refused":                   {rfc2136.TSIG{}, rcode(dns.RcodeRefused), rfc2136.ErrRefused, "allow unsigned updates to change TXT"},
		"refused to a key":          {signed, rcode(dns.RcodeRefused), rfc2136.ErrRefused, "allow the key acme.key. to change TXT"},
		"no primary":                {rfc2136.TSIG{}, rcode(dns.RcodeNotAuth), rfc2136.ErrNotAuth, "to the primary of example.com."},
		"not in the zone":           {rfc2136.TSIG{}, rcode(dns.RcodeNotZone), nil, "NOTZONE"},
		"no updates":                {rfc2136.TSIG{}, rcode(dns.RcodeNotImplemented), nil, "does not know dynamic updates"},
		"failed":                    {rfc2136.TSIG{}, rcode(dns.RcodeServerFailure), nil, "SERVFAIL"},
		"something else":            {rfc2136.TSIG{}, rcode(dns.RcodeYXDomain), nil, "YXDOMAIN"},
		"a success without a proof": {signed, func(_, _ *dns.Msg) {}, nil, "not signed"},
		"another message":           {rfc2136.TSIG{}, func(_, m *dns.Msg) { m.Id++ }, nil, "no answer to what was sent"},
		"a question":                {rfc2136.TSIG{}, func(_, m *dns.Msg) { m.Response = false }, nil, "no answer to what was sent"},
	} {
		t.Run(what, func(t *testing.T) {
			p := &rfc2136.Provider{Key: test.key, Timeout: time.Minute}
			p.Server = server(t, func(w dns.ResponseWriter, r *dns.Msg) {
				m := new(dns.Msg).SetReply(r)
				test.answer(r, m)
				_ = w.WriteMsg(m)
			})
			err := p.AddTXT(t.Context(), record)
			if test.says == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, test.says)
			if test.is != nil {
				require.ErrorIs(t, err, test.is)
			}
		})
	}
}

func rcode(rcode int) func(r, m *dns.Msg) { return func(_, m *dns.Msg) { m.Rcode = rcode } }

// Datagrams of somebody else do not count, and truncated answers go by TCP.
func TestUDP(t *testing.T) {
	networks := make(chan string, 9)
	p := &rfc2136.Provider{Network: "udp", Timeout: time.Minute}
	p.Server = server(t, func(w dns.ResponseWriter, r *dns.Msg) {
		m := new(dns.Msg).SetReply(r)
		networks <- w.LocalAddr().Network()
		if w.LocalAddr().Network() == "udp" {
			forged := m.Copy()
			forged.Id, forged.Rcode = forged.Id+1, dns.RcodeRefused
			_ = w.WriteMsg(forged)
			m.Truncated = true
		}
		_ = w.WriteMsg(m)
	})
	require.NoError(t, p.AddTXT(t.Context(), record))
	require.Equal(t, "udp", <-networks)
	require.Equal(t, "tcp", <-networks)
	long := record
	long.Value = strings.Repeat("v", 2000)
	require.NoError(t, p.DeleteTXT(t.Context(), long))
	require.Equal(t, "tcp", <-networks, "too large for a datagram")
}

// Records of one zone are one message, those of two zones are two, and more than a
// hundred are several.
func TestMessages(t *testing.T) {
	updates := make(chan *dns.Msg, 9)
	p := &rfc2136.Provider{TTL: 2 * time.Minute}
	p.Server = server(t, func(w dns.ResponseWriter, r *dns.Msg) {
		updates <- r
		_ = w.WriteMsg(new(dns.Msg).SetReply(r))
	})
	var records []dns01.TXT
	for i := range 150 {
		records = append(records, dns01.TXT{Zone: "example.com", Name: fmt.Sprintf("_acme-challenge.h%d.example.com", i), Value: "v"})
	}
	records = append(records, dns01.TXT{Zone: "example.net.", Name: "_acme-challenge.example.net.", Value: "v", TTL: time.Hour})
	require.NoError(t, p.AddTXT(t.Context(), records...))
	for _, want := range []struct {
		zone     string
		ttl, len int
	}{{"example.com.", 120, 100}, {"example.com.", 120, 50}, {"example.net.", 3600, 1}} {
		m := <-updates
		require.Equal(t, want.zone, m.Question[0].Name)
		require.Len(t, m.Ns, want.len)
		require.Equal(t, want.ttl, int(m.Ns[0].Header().Ttl))
	}
	require.NoError(t, p.DeleteTXT(t.Context(), records[0]))
	m := <-updates
	require.Equal(t, dns.ClassNONE, int(m.Ns[0].Header().Class), "one exact record, RFC 2136 section 2.5.4")
	require.Equal(t, []string{"v"}, m.Ns[0].(*dns.TXT).Txt)
}

func TestZoneGiven(t *testing.T) {
	p := &rfc2136.Provider{Zone: "Example.com"}
	zone, err := p.ZoneOf(t.Context(), "a.example.com")
	require.NoError(t, err)
	require.Equal(t, "example.com.", zone)
	err = p.AddTXT(t.Context(), dns01.TXT{Name: "_acme-challenge.notexample.com.", Value: "v"})
	require.ErrorContains(t, err, "it is not in example.com.")
}

func TestContextEndsExchange(t *testing.T) {
	for _, network := range []string{"tcp", "udp"} {
		ctx, cancel := context.WithCancel(t.Context())
		p := &rfc2136.Provider{Network: network, Timeout: time.Hour}
		p.Server = server(t, func(dns.ResponseWriter, *dns.Msg) { cancel() })
		require.ErrorIs(t, p.AddTXT(ctx, record), context.Canceled)
		cancel()
	}
}

func TestSecretIsNotShown(t *testing.T) {
	p := &rfc2136.Provider{Key: rfc2136.TSIG{Name: "k", Secret: secret}}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("key", "secret", p.Key.Secret, "key", p.Key)
	marshalled, err := json.Marshal(p.Key)
	require.NoError(t, err)
	for _, text := range []string{
		fmt.Sprint(p.Key), fmt.Sprintf("%v %+v %#v %q %x", *p, p.Key, p.Key, p.Key.Secret, p.Key.Secret), log.String(), string(marshalled),
	} {
		require.NotContains(t, text, secret[:10])
		require.NotContains(t, text, fmt.Sprintf("%x", secret[:10]))
	}
}
