package serve_test

import (
	"encoding/binary"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec/serve"
	"github.com/stretchr/testify/require"
)

// speak sends a question on a connection, and reads an answer; false says that the
// server has closed it.
func speak(t testing.TB, c net.Conn, m *dns.Msg) (*dns.Msg, bool) {
	t.Helper()
	require.NoError(t, c.SetDeadline(time.Now().Add(patience)))
	co := dns.Conn{Conn: c}
	if co.WriteMsg(m) != nil {
		return nil, false
	}
	got, err := co.ReadMsg()
	return got, err == nil
}

func connect(t testing.TB, from string, to netip.AddrPort) net.Conn {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	c, err := d.DialContext(t.Context(), "tcp", to.String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// One connection more than there may be is closed, of one address and in all; when
// another ends there is room again.
func TestConnectionLimits(t *testing.T) {
	s := &serve.Server{Default: open(), Limits: serve.Limits{Connections: 3, ConnectionsPerAddress: 2, Idle: time.Hour}}
	require.NoError(t, s.Publish(t.Context(), zone(t, origin, 1)))
	addr := start(t, s)
	question := new(dns.Msg).SetQuestion(origin+".", dns.TypeSOA)
	served := func(c net.Conn) bool { _, ok := speak(t, c, question); return ok }
	first := connect(t, "127.0.0.1", addr)
	require.True(t, served(first))
	require.True(t, served(connect(t, "127.0.0.1", addr)))
	require.False(t, served(connect(t, "127.0.0.1", addr)), "the third of an address")
	require.True(t, served(connect(t, "127.0.0.2", addr)))
	require.False(t, served(connect(t, "127.0.0.3", addr)), "the fourth in all")
	require.True(t, served(first), "those who have one keep it")
	require.NoError(t, first.Close())
	eventually(t, "room", func() bool { return served(connect(t, "127.0.0.3", addr)) })
}

// While as many transfers go on as may, one more waits, and then gets SERVFAIL; it
// may ask again. A transfer that takes too long ends.
func TestTransferLimits(t *testing.T) {
	s := &serve.Server{Default: open(), Limits: serve.Limits{Transfers: 1, TransferWait: 50 * time.Millisecond, Write: time.Hour}}
	require.NoError(t, s.Publish(t.Context(), zone(t, origin, 1, many(300_000)...)))
	addr := start(t, s)
	raw, err := new(dns.Msg).SetAxfr(origin + ".").Pack()
	require.NoError(t, err)
	raw = append(binary.BigEndian.AppendUint16(nil, uint16(len(raw))), raw...)
	stalled := connect(t, "127.0.0.1", addr)
	_, err = stalled.Write(raw)
	require.NoError(t, err)
	eventually(t, "it began", func() bool { return s.Stats().Transferring == 1 })
	other := connect(t, "127.0.0.1", addr)
	got, ok := speak(t, other, new(dns.Msg).SetAxfr(origin+"."))
	require.True(t, ok)
	require.Equal(t, dns.RcodeServerFailure, got.Rcode)
	require.Equal(t, uint64(1), s.Stats().Busy)
	require.NoError(t, stalled.Close())
	eventually(t, "it ended", func() bool { return s.Stats().Transferring == 0 })
	got, ok = speak(t, other, new(dns.Msg).SetAxfr(origin+"."))
	require.True(t, ok)
	require.Equal(t, dns.RcodeSuccess, got.Rcode)
}

func TestTransferTime(t *testing.T) {
	s := &serve.Server{Default: open(), Limits: serve.Limits{Transfer: 200 * time.Millisecond, Write: time.Hour}}
	require.NoError(t, s.Publish(t.Context(), zone(t, origin, 1, many(300_000)...)))
	addr := start(t, s)
	raw, err := new(dns.Msg).SetAxfr(origin + ".").Pack()
	require.NoError(t, err)
	c := connect(t, "127.0.0.1", addr)
	_, err = c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(raw))), raw...))
	require.NoError(t, err)
	eventually(t, "it was ended", func() bool { return s.Stats().Aborted == 1 && s.Stats().Transferring == 0 })
}

// The defaults hold if nothing is said.
func TestManyConnections(t *testing.T) {
	s := &serve.Server{Default: open()}
	require.NoError(t, s.Publish(t.Context(), zone(t, origin, 1)))
	addr := start(t, s)
	question := new(dns.Msg).SetQuestion(origin+".", dns.TypeSOA)
	for range 128 {
		_, ok := speak(t, connect(t, "127.0.0.1", addr), question)
		require.True(t, ok)
	}
	_, ok := speak(t, connect(t, "127.0.0.1", addr), question)
	require.False(t, ok)
}
