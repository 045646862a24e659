package parent_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/dnssec/dnssectest"
	"github.com/mythic-beasts/hostkit/dnssec/parent"
	"github.com/mythic-beasts/hostkit/dnssec/rotate"
)

// families are the loopback addresses; IPv6 may be switched off where tests run.
func families(t *testing.T) []string {
	t.Helper()
	ln, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Logf("without IPv6: %v", err)
		return []string{"127.0.0.1:0"}
	}
	require.NoError(t, ln.Close())
	return []string{"127.0.0.1:0", "[::1]:0"}
}

// listen serves the first name server of the world by sockets of each family.
func listen(t *testing.T, w *world) []netip.AddrPort {
	t.Helper()
	var addrs []netip.AddrPort
	for _, address := range families(t) {
		addrs = append(addrs, dnssectest.ListenHandler(t, address, through(w, primary)))
	}
	return addrs
}

// through hands packets to a server of the network, as they came.
func through(w *world, to netip.AddrPort) dnssectest.Handler {
	return func(network string, packet []byte) [][]byte {
		conn, err := w.net.Dial(context.Background(), "udp", to.String())
		if err != nil {
			return nil
		}
		defer conn.Close()
		if _, err := conn.Write(packet); err != nil {
			return nil
		}
		answer := make([]byte, 1<<16)
		n, err := conn.Read(answer)
		if err != nil {
			return nil
		}
		return [][]byte{answer[:n]}
	}
}

// By real sockets, with all defaults but the addresses: each family, and both.
func TestSockets(t *testing.T) {
	w := newWorld(t, dnssectest.ParentOptions{KeyName: "child.", KeySecret: tsigSecret})
	addrs := listen(t, w)
	p := &parent.Poller{
		Resolver: parent.Resolver{Anchors: w.parent.Anchor()},
		Servers: func(context.Context, string) (string, []parent.Server, error) {
			return "test.", []parent.Server{{Name: "one", Addrs: addrs}}, nil
		},
	}
	facts, err := p.Observe(t.Context(), child)
	require.NoError(t, err)
	require.Len(t, facts.Servers, len(addrs))
	for i, s := range facts.Servers {
		require.True(t, s.Answered, s.Name)
		require.ElementsMatch(t, w.ds, s.DS)
		require.Equal(t, "one ("+addrs[i].String()+")", s.Name)
	}
	for i, addr := range addrs {
		u := &parent.Update{Server: addr, Key: parent.TSIG{Name: "child", Secret: parent.Secret(tsigSecret)}}
		require.NoError(t, u.Submit(t.Context(), child, []rotate.DS{digest(10 + i)}, nil))
		require.Contains(t, w.parent.DS(child), digest(10+i))
	}
	// Nobody is there: the kernel says so, and no timeout is waited for.
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	gone := ln.Addr().(*net.TCPAddr).AddrPort()
	require.NoError(t, ln.Close())
	u := &parent.Update{Server: gone}
	var op *net.OpError
	require.ErrorAs(t, u.Submit(t.Context(), child, []rotate.DS{digest(1)}, nil), &op)
	require.Equal(t, "dial", op.Op)
}

// NOTIFY goes to the target's IPv6 address when it has no other that answers.
func TestNotifySockets(t *testing.T) {
	for _, address := range families(t) {
		got := make(chan *dns.Msg, 1)
		target := dnssectest.ListenHandler(t, address, func(_ string, packet []byte) [][]byte {
			m := new(dns.Msg)
			if m.Unpack(packet) != nil {
				return nil
			}
			got <- m
			out, err := new(dns.Msg).SetReply(m).Pack()
			if err != nil {
				return nil
			}
			return [][]byte{out}
		})
		d := scanner
		d.Target, d.Port = "scan.test.", target.Port()
		typ := "AAAA"
		if target.Addr().Is4() {
			typ = "A"
		}
		w := newWorld(t, dnssectest.ParentOptions{
			Records: dsyncText(t, "*._dsync.test.", d) + "scan " + typ + " " + target.Addr().String() + "\n",
		})
		resolver := dnssectest.ListenHandler(t, address, dnssectest.Recursive(w.parent.Zone))
		n := &parent.Notify{Resolver: parent.Resolver{Servers: []netip.AddrPort{resolver}, Anchors: w.parent.Anchor()}}
		require.NoError(t, n.Send(t.Context(), child))
		m := <-got
		require.Equal(t, dns.OpcodeNotify, m.Opcode)
		require.Equal(t, dns.TypeCDS, m.Question[0].Qtype)
		require.Nil(t, m.IsEdns0(), "nobody is to get reports")
	}
}

type observer func() (rotate.DSFacts, error)

func (o observer) Observe(context.Context, string) (rotate.DSFacts, error) { return o() }

// All errors of a driver are there, and facts beside an error too.
func TestDriverErrors(t *testing.T) {
	one, two, three := errors.New("one"), errors.New("two"), errors.New("three")
	some := rotate.DSFacts{Servers: []rotate.ServerDS{{Name: "a"}}}
	var got []string
	d := parent.Driver{
		Submitters: []parent.Submitter{
			submitter(func() error { got = append(got, "one"); return one }),
			submitter(func() error { got = append(got, "none"); return nil }),
			submitter(func() error { got = append(got, "two"); return two }),
		},
		Observer: observer(func() (rotate.DSFacts, error) { return some, three }),
	}
	err := d.Submit(t.Context(), child, []rotate.DS{digest(1)}, nil)
	require.ErrorIs(t, err, one)
	require.ErrorIs(t, err, two)
	require.Equal(t, []string{"one", "none", "two"}, got)
	for _, o := range []parent.Observer{&d, parent.CDSOnly{Observer: d.Observer}, &parent.Manual{Observer: d.Observer}, &parent.Notify{Observer: d.Observer}, &parent.Update{Observer: d.Observer}} {
		facts, err := o.Observe(t.Context(), child)
		require.ErrorIs(t, err, three)
		require.Equal(t, some, facts)
	}
	for _, o := range []parent.Observer{parent.CDSOnly{}, &parent.Notify{}, &parent.Update{}} {
		facts, err := o.Observe(t.Context(), child)
		require.NoError(t, err)
		require.Zero(t, facts)
	}
}
