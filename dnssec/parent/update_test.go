package parent_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/dnssec/dnssectest"
	"github.com/mythic-beasts/hostkit/dnssec/parent"
	"github.com/mythic-beasts/hostkit/dnssec/rotate"
)

var (
	tsigSecret = base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("k"), 32))
	primary    = netip.MustParseAddrPort("192.0.2.1:53")
)

func newUpdate(t *testing.T) (*world, *parent.Update) {
	t.Helper()
	w := newWorld(t, dnssectest.ParentOptions{KeyName: "child.", KeySecret: tsigSecret, DSTTL: 600})
	return w, &parent.Update{
		Server: primary,
		Key:    parent.TSIG{Name: "Child", Secret: parent.Secret(tsigSecret)},
		Dial:   w.net.Dial, Observer: w.parent,
	}
}

func TestUpdate(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w, u := newUpdate(t)
		submit := func(add, remove []rotate.DS) {
			t.Helper()
			require.NoError(t, u.Submit(t.Context(), "CHILD.test", add, remove))
		}
		serial := w.parent.Zone().Serial()
		submit([]rotate.DS{digest(3)}, []rotate.DS{digest(1)})
		require.ElementsMatch(t, []rotate.DS{digest(2), digest(3)}, w.parent.DS(child))
		ds := w.parent.Zone().RRset(name(t, child), dns.TypeDS)
		require.Equal(t, uint32(600), ds[0].Header().Ttl, "as the others had")
		require.Equal(t, serial+1, w.parent.Zone().Serial(), "one message")

		submit([]rotate.DS{digest(3)}, []rotate.DS{digest(1)}) // again: nothing is sent
		require.Equal(t, serial+1, w.parent.Zone().Serial())
		submit(nil, nil)
		submit(nil, []rotate.DS{digest(2), digest(3), digest(9)})
		require.Empty(t, w.parent.DS(child))
		submit([]rotate.DS{digest(4)}, nil)
		require.Equal(t, []rotate.DS{digest(4)}, w.parent.DS(child))
		facts, err := u.Observe(t.Context(), child)
		require.NoError(t, err)
		require.Equal(t, []rotate.DS{digest(4)}, facts.Servers[0].DS)
	})
}

// Somebody else who changes the same records between looking and updating loses
// nothing.
func TestUpdateRaces(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w, u := newUpdate(t)
		races := 1
		inner := through(w, primary)
		other := netip.MustParseAddrPort("192.0.2.77:53")
		w.net.Handle(other, func(network string, packet []byte) [][]byte {
			m := new(dns.Msg)
			if m.Unpack(packet) == nil && m.Opcode == dns.OpcodeUpdate && races > 0 {
				races--
				_ = w.parent.Submit(t.Context(), child, []rotate.DS{digest(50 + races)}, nil)
			}
			return inner(network, packet)
		})
		u.Server = other
		require.NoError(t, u.Submit(t.Context(), child, []rotate.DS{digest(3)}, []rotate.DS{digest(1)}))
		require.ElementsMatch(t, []rotate.DS{digest(2), digest(3), digest(50)}, w.parent.DS(child))

		races = 5
		err := u.Submit(t.Context(), child, nil, []rotate.DS{digest(3)})
		require.ErrorContains(t, err, "somebody else changes the same records")
		require.Contains(t, w.parent.DS(child), digest(3))
	})
}

func TestUpdateRefused(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w, u := newUpdate(t)
		add := []rotate.DS{digest(3)}
		require.ErrorIs(t, u.Submit(t.Context(), "other.test.", add, nil), parent.ErrNotDelegated)
		require.ErrorContains(t, u.Submit(t.Context(), "child.example.", add, nil), "authoritative for no zone above")
		require.Error(t, u.Submit(t.Context(), "a..b", add, nil))

		wrong := *u
		wrong.Key.Secret = parent.Secret(base64.StdEncoding.EncodeToString([]byte("another")))
		err := wrong.Submit(t.Context(), child, add, nil)
		require.ErrorContains(t, err, "does not take the key Child.: BADSIG")
		require.NotContains(t, fmt.Sprintf("%v %+v %#v", err, wrong.Key, wrong.Key), string(wrong.Key.Secret))
		none := *u
		none.Key = parent.TSIG{}
		require.ErrorContains(t, none.Submit(t.Context(), child, add, nil), "REFUSED")
		bad := *u
		bad.Key.Secret = "not base64!"
		require.ErrorContains(t, bad.Submit(t.Context(), child, add, nil), "send")

		elsewhere := *u
		elsewhere.Zone = "example."
		require.ErrorContains(t, elsewhere.Submit(t.Context(), child, add, nil), "the answer is NOTAUTH")

		w.parent.SetFault(0, dnssectest.Silent)
		require.ErrorContains(t, u.Submit(t.Context(), child, add, nil), "deadline")
		w.parent.SetFault(0, dnssectest.Garbage)
		require.Error(t, u.Submit(t.Context(), child, add, nil))
		w.parent.SetFault(0, dnssectest.ServFail)
		u.Zone = "test."
		require.ErrorContains(t, u.Submit(t.Context(), child, add, nil), "SERVFAIL")
		require.ElementsMatch(t, w.ds, w.parent.DS(child))
	})
}

// An answer that nobody signed does not count, whatever it says.
func TestUpdateForged(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w, u := newUpdate(t)
		u.Server = netip.MustParseAddrPort("192.0.2.66:53")
		w.net.Handle(u.Server, func(_ string, packet []byte) [][]byte {
			m := new(dns.Msg)
			if m.Unpack(packet) != nil {
				return nil
			}
			reply := new(dns.Msg).SetReply(m)
			reply.Authoritative = true
			if m.Question[0].Qtype == dns.TypeDS {
				reply.Answer = []dns.RR{parent.ToRR(child, 60, digest(3))} // as wanted, it says
			}
			out, err := reply.Pack()
			require.NoError(t, err)
			return [][]byte{out}
		})
		u.Zone = "test."
		require.ErrorContains(t, u.Submit(t.Context(), child, []rotate.DS{digest(3)}, w.ds), "not signed")
	})
}

// updates are the messages that a server has got, which does what they say unless
// answer has something else to say.
func updates(t *testing.T, w *world, u *parent.Update, answer func(n int) int) *[]*dns.Msg {
	t.Helper()
	var got []*dns.Msg
	inner := through(w, primary)
	u.Server = netip.MustParseAddrPort("192.0.2.78:53")
	w.net.Handle(u.Server, func(network string, packet []byte) [][]byte {
		m := new(dns.Msg)
		if m.Unpack(packet) != nil || m.Opcode != dns.OpcodeUpdate {
			return inner(network, packet)
		}
		got = append(got, m)
		if rcode := answer(len(got)); rcode != dns.RcodeSuccess {
			return reply(t, m, rcode)
		}
		return inner(network, packet)
	})
	return &got
}

// reply is an answer that is signed by the key.
func reply(t *testing.T, m *dns.Msg, rcode int) [][]byte {
	t.Helper()
	r := new(dns.Msg).SetRcode(m, rcode)
	r.SetTsig("child.", dns.HmacSHA256, 300, time.Now().Unix())
	out, _, err := dns.TsigGenerate(r, tsigSecret, m.IsTsig().MAC, false)
	require.NoError(t, err)
	return [][]byte{out}
}

// The message has the form of RFC 2136, sections 2.4 and 2.5: from exactly these
// records of a zone that is delegated, to exactly those.
func TestUpdateMessage(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w, u := newUpdate(t)
		got := updates(t, w, u, func(int) int { return dns.RcodeSuccess })
		text := func(rrs []dns.RR) []string {
			var all []string
			for _, rr := range rrs {
				all = append(all, strings.Join(strings.Fields(rr.String()), " "))
			}
			return all
		}
		require.NoError(t, u.Submit(t.Context(), child, []rotate.DS{digest(3)}, []rotate.DS{digest(1), digest(8)}))
		m := (*got)[0]
		require.Equal(t, []dns.Question{{Name: "test.", Qtype: dns.TypeSOA, Qclass: dns.ClassINET}}, m.Question)
		require.ElementsMatch(t, []string{
			"child.test. 0 CLASS255 NS", "child.test. 0 IN DS " + upper(digest(1)), "child.test. 0 IN DS " + upper(digest(2)),
		}, text(m.Answer))
		require.ElementsMatch(t, []string{
			"child.test. 0 NONE DS " + upper(digest(1)), "child.test. 600 IN DS " + upper(digest(3)),
		}, text(m.Ns))
		require.NoError(t, u.Submit(t.Context(), child, nil, []rotate.DS{digest(2), digest(3)}))
		u.TTL = 77
		require.NoError(t, u.Submit(t.Context(), child, []rotate.DS{digest(4)}, nil))
		m = (*got)[2]
		require.ElementsMatch(t, []string{"child.test. 0 CLASS255 NS", "child.test. 0 NONE DS 0 0 0"}, text(m.Answer))
		require.Equal(t, []string{"child.test. 77 IN DS " + upper(digest(4))}, text(m.Ns))
		require.Len(t, *got, 3)
	})
}

// upper is a DS as the library writes it.
func upper(d rotate.DS) string {
	return fmt.Sprintf("%d %d %d %s", d.Tag, d.Algorithm, d.DigestType, strings.ToUpper(d.Digest))
}

// Only an answer that the prerequisites fail makes it look again.
func TestUpdateAnswers(t *testing.T) {
	for rcode, want := range map[int]int{
		dns.RcodeNXRrset: 3, dns.RcodeYXRrset: 3, dns.RcodeNameError: 1, dns.RcodeServerFailure: 1, dns.RcodeRefused: 1,
		dns.RcodeNotZone: 1, dns.RcodeNotAuth: 1,
	} {
		bubble(t, func(t *testing.T) {
			w, u := newUpdate(t)
			got := updates(t, w, u, func(int) int { return rcode })
			says := dns.RcodeToString[rcode]
			if want > 1 {
				says = "somebody else changes the same records"
			}
			require.ErrorContains(t, u.Submit(t.Context(), child, []rotate.DS{digest(3)}, nil), says)
			require.Len(t, *got, want, dns.RcodeToString[rcode])
			require.ElementsMatch(t, w.ds, w.parent.DS(child))
			// Once is no reason to give up.
			got = updates(t, w, u, func(n int) int { return rcode * max(0, 2-n) })
			if err := u.Submit(t.Context(), child, []rotate.DS{digest(3)}, nil); want > 1 {
				require.NoError(t, err)
				require.Contains(t, w.parent.DS(child), digest(3))
			}
			require.Len(t, *got, min(want, 2))
		})
	}
}
