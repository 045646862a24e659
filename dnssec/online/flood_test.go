package online_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/dnssec/online"
	"github.com/stretchr/testify/require"
)

// A flood of names that are not there gets no more signatures than the rate, is sent
// to TCP, takes no more memory than is given, and leaves what is there answered.
func TestFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := server(t, parse(t, shapes))
		s.SignRate, s.Memory = 40, 25
		cut, failed := 0, 0
		flood := func(round, n int) {
			for i := range n {
				req := question(fmt.Sprintf("r%d-%d.hosting.test.", round, i), dns.TypeA, true)
				m := s.Respond(t.Context(), req, i%2 == 0)
				switch {
				case m.Truncated && m.Rcode == dns.RcodeSuccess && len(m.Ns) == 0:
					cut++
				case m.Rcode == dns.RcodeServerFailure && i%2 == 1:
					failed++
				default:
					require.NoError(t, judge(s).Check(m))
				}
			}
		}
		flood(0, 200)
		require.LessOrEqual(t, s.Stats().Signed, uint64(40))
		require.Greater(t, cut, 50)
		require.Greater(t, failed, 50)
		m := ask(t, s, "mail.hosting.test.", dns.TypeA)
		require.Equal(t, "A RRSIG", types(m.Answer))
		for round := range 20 {
			<-time.After(time.Second) // of the bubble
			flood(1+round, 100)
			require.Equal(t, "A RRSIG", types(ask(t, s, "mail.hosting.test.", dns.TypeA).Answer))
		}
		stats := s.Stats()
		require.LessOrEqual(t, stats.Remembered, 50)
		require.LessOrEqual(t, stats.Signed, uint64(40*21))
		require.Positive(t, stats.Refused)
	})
}

// counting is a signer that counts, waits and fails.
type counting struct {
	crypto.Signer
	calls atomic.Int64
	wait  chan struct{}
	fails atomic.Bool
}

func (c *counting) Sign(r io.Reader, d []byte, o crypto.SignerOpts) ([]byte, error) {
	c.calls.Add(1)
	if c.wait != nil {
		<-c.wait
	}
	if c.fails.Load() {
		return nil, fmt.Errorf("the module is gone")
	}
	return c.Signer.Sign(r, d, o)
}

func countingKey(t *testing.T) (*counting, *dnssec.Key) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	c := &counting{Signer: private}
	k, err := dnssec.NewKey("hosting.test", dnssec.ECDSAP256SHA256, true, c)
	require.NoError(t, err)
	return c, k
}

// Many who ask for one signature at once wait for one to be made.
func TestSingleFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := server(t, parse(t, shapes))
		c, k := countingKey(t)
		c.wait = make(chan struct{})
		s.Keys = func() []dnssec.KeyUse { return []dnssec.KeyUse{dnssec.CSK(k)} }
		var wait sync.WaitGroup
		for range 50 {
			wait.Go(func() {
				if m := ask(t, s, "mail.hosting.test.", dns.TypeA); len(m.Answer) != 2 {
					t.Error(m)
				}
			})
		}
		synctest.Wait()
		close(c.wait)
		wait.Wait()
		require.EqualValues(t, 1, c.calls.Load())
	})
}

// A signature is made anew before it expires, by one; while the module is gone the
// old one is used as long as it lives.
func TestRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := server(t, parse(t, shapes))
		c, k := countingKey(t)
		s.Keys = func() []dnssec.KeyUse { return []dnssec.KeyUse{dnssec.CSK(k)} }
		s.Lifetime, s.Refresh = 10*time.Hour, 3*time.Hour
		expires := func() time.Time {
			m := ask(t, s, "mail.hosting.test.", dns.TypeA)
			if len(m.Answer) != 2 {
				return time.Time{}
			}
			return time.Unix(int64(m.Answer[1].(*dns.RRSIG).Expiration), 0)
		}
		first := expires()
		require.Equal(t, 10*time.Hour, time.Until(first).Round(time.Second))
		<-time.After(6 * time.Hour)
		require.Equal(t, first, expires())
		<-time.After(2 * time.Hour)
		second := expires()
		require.Equal(t, 10*time.Hour, time.Until(second).Round(time.Second))
		require.EqualValues(t, 2, c.calls.Load())

		c.fails.Store(true)
		<-time.After(9 * time.Hour)
		require.Equal(t, second, expires())
		<-time.After(2 * time.Hour)
		require.Zero(t, expires())
		c.fails.Store(false)
		require.Equal(t, 10*time.Hour, time.Until(expires()).Round(time.Second))
	})
}

// Another key signs at once, and another record is signed anew.
func TestKeysAndRecordsChange(t *testing.T) {
	z := parse(t, shapes)
	s, _ := server(t, z)
	s.Lookup = online.FromZone(func() *dnssec.Zone { return z })
	uses := s.Keys()
	s.Keys = func() []dnssec.KeyUse { return uses }
	tags := func(qname string, typ uint16) []uint16 {
		m := ask(t, s, qname, typ)
		require.NoError(t, judge(s).Check(m), "%v", m)
		var out []uint16
		for _, rr := range m.Answer {
			if sig, ok := rr.(*dns.RRSIG); ok {
				out = append(out, sig.KeyTag)
			}
		}
		return out
	}
	require.Equal(t, []uint16{uses[1].Key.Tag()}, tags("mail.hosting.test.", dns.TypeA))
	require.Equal(t, []uint16{uses[0].Key.Tag()}, tags("hosting.test.", dns.TypeDNSKEY))
	young := key(t, false)
	uses = append(uses, dnssec.KeyUse{Key: young, Publish: true})
	require.Len(t, ask(t, s, "hosting.test.", dns.TypeDNSKEY).Answer, 4)
	uses = []dnssec.KeyUse{uses[0], dnssec.ZSK(young)}
	require.Equal(t, []uint16{young.Tag()}, tags("mail.hosting.test.", dns.TypeA))

	next, err := z.Update(func(tx *dnssec.Tx) error {
		rr, err := dns.NewRR("mail.hosting.test. 60 A 192.0.2.222")
		require.NoError(t, err)
		return tx.Replace(rr)
	})
	require.NoError(t, err)
	z = next
	require.Equal(t, []uint16{young.Tag()}, tags("mail.hosting.test.", dns.TypeA))
	require.Equal(t, "192.0.2.222", ask(t, s, "mail.hosting.test.", dns.TypeA).Answer[0].(*dns.A).A.String())
}

// A wildcard's answers and denials for one name are remembered.
func TestRemembered(t *testing.T) {
	s, _ := server(t, parse(t, shapes))
	for range 3 {
		ask(t, s, "x.wild.hosting.test.", dns.TypeA)
		ask(t, s, "nope.hosting.test.", dns.TypeA)
	}
	require.EqualValues(t, 3, s.Stats().Signed)
	require.EqualValues(t, 6, s.Stats().Hits)
}
