package manager_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/dnssec/manager"
	"github.com/mythic-beasts/hostkit/dnssec/rotate"
	"github.com/mythic-beasts/hostkit/internal/memkv"
	"github.com/stretchr/testify/require"
)

// keyring is a key store in memory, for managers that share it.
type keyring struct {
	mu   sync.Mutex // guards keys
	keys map[string]*dnssec.Key
}

func (r *keyring) Generate(_ context.Context, zone dnssec.Name, o dnssec.KeyOptions) (*dnssec.Key, error) {
	k, err := dnssec.GenerateKey(zone.String(), o)
	if err == nil {
		err = r.Save(context.Background(), k)
	}
	return k, err
}

func (r *keyring) List(_ context.Context, zone dnssec.Name) (out []*dnssec.Key, _ error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, k := range r.keys {
		if k.Zone() == zone {
			c := *k
			out = append(out, &c)
		}
	}
	return out, nil
}

func (r *keyring) Save(_ context.Context, k *dnssec.Key) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.keys == nil {
		r.keys = map[string]*dnssec.Key{}
	}
	c := *k
	r.keys[k.String()] = &c
	return nil
}

func (r *keyring) Remove(_ context.Context, k *dnssec.Key) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.keys, k.String())
	return nil
}

// memZones keeps zones in memory.
type memZones struct {
	mu    sync.Mutex // guards zones
	zones map[string]*dnssec.Zone
}

func (s *memZones) Publish(_ context.Context, z *dnssec.Zone) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.zones == nil {
		s.zones = map[string]*dnssec.Zone{}
	}
	s.zones[z.Origin().String()] = z
	return nil
}

func (s *memZones) serial(zone string) uint32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if z := s.zones[zone]; z != nil {
		return z.Serial()
	}
	return 0
}

// good is a parent that does what it is asked for, at once.
type good struct {
	mu sync.Mutex // guards ds
	ds map[string][]rotate.DS
}

func (p *good) Submit(_ context.Context, zone string, add, remove []rotate.DS) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ds == nil {
		p.ds = map[string][]rotate.DS{}
	}
	next := append([]rotate.DS{}, add...)
	for _, d := range p.ds[zone] {
		keep := true
		for _, r := range append(remove, add...) {
			keep = keep && d != r
		}
		if keep {
			next = append(next, d)
		}
	}
	p.ds[zone] = next
	return nil
}

func (p *good) Observe(_ context.Context, zone string) (rotate.DSFacts, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return rotate.DSFacts{TTL: time.Hour, Servers: []rotate.ServerDS{{Name: "ns", Answered: true, DS: p.ds[zone]}}}, nil
}

func small(t testing.TB, origin string) *dnssec.Zone {
	z, err := dnssec.ParseZone(strings.NewReader("@ 300 SOA ns h 1 7200 3600 1209600 300\n@ 300 NS ns\nns 300 A 192.0.2.1\n"), origin, dnssec.Options{})
	require.NoError(t, err)
	return z
}

// Ten zones are signed and rolled for a year by themselves; the process that leads ends
// in the middle of it, and the one that waited goes on with the same serials and keys.
func TestRunTakesOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var store memkv.Store
		var keys keyring
		var parent good
		var secondary [2]memZones
		begin := func(i int) (*manager.Manager, func() error) {
			m := &manager.Manager{
				Keys: &keys, Store: &store, Publisher: &secondary[i], Shards: 3,
				Parent: func(string) manager.Parent { return &parent }, Signer: dnssec.Signer{Workers: 1},
			}
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- m.Run(ctx) }()
			synctest.Wait()
			return m, func() error { cancel(); return <-ended }
		}
		first, stopFirst := begin(0)
		second, stopSecond := begin(1)
		p := manager.Policy{Policy: rotate.Policy{ZSKLifetime: 30 * 24 * time.Hour, KSKLifetime: 90 * 24 * time.Hour}}
		var names []string
		for i := range 10 {
			names = append(names, fmt.Sprintf("z%d.example.", i))
			for _, m := range []*manager.Manager{first, second} {
				require.NoError(t, m.SetZone(t.Context(), small(t, names[i])))
			}
			require.NoError(t, second.Enable(t.Context(), names[i], p), "who leads sees it")
		}
		wait(t, 180*24*time.Hour)
		before := map[string]uint32{}
		for _, name := range names {
			st, err := second.Status(t.Context(), name)
			require.NoError(t, err)
			require.NoError(t, st.Problem)
			before[name] = secondary[0].serial(name)
			require.Equal(t, st.Serial, before[name])
			require.Zero(t, secondary[1].serial(name), "who follows publishes nothing")
			require.GreaterOrEqual(t, before[name], uint32(20))
		}
		serial := secondary[0].serial(names[0])
		require.NoError(t, second.Resign(t.Context(), names[0]), "who leads sees that too")
		synctest.Wait()
		require.Equal(t, serial+1, secondary[0].serial(names[0]))
		before[names[0]]++
		require.NoError(t, stopFirst())
		wait(t, 24*time.Hour)
		for _, name := range names {
			require.GreaterOrEqual(t, int32(secondary[1].serial(name)-before[name]), int32(0))
			require.NotZero(t, secondary[1].serial(name))
		}
		wait(t, 180*24*time.Hour)
		for _, name := range names {
			st, err := second.Status(t.Context(), name)
			require.NoError(t, err)
			require.NoError(t, st.Problem)
			require.Less(t, len(st.Keys), 5)
			require.Greater(t, secondary[1].serial(name), before[name]+15)
		}
		require.NoError(t, stopSecond())
	})
}

// wait lets the bubble's time pass.
func wait(t *testing.T, d time.Duration) {
	t.Helper()
	<-time.After(d)
	synctest.Wait()
}

// Contents that come before this process leads are published once it does, also those of
// zones that have no record yet.
func TestContentsBeforeLeading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var store memkv.Store
		var out memZones
		_, unlock, err := store.Lock(t.Context(), "dnssec/lead/0")
		require.NoError(t, err)
		m := &manager.Manager{Keys: &keyring{}, Store: &store, Publisher: &out}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- m.Run(ctx) }()
		synctest.Wait()
		begun := time.Now()
		require.NoError(t, m.SetZone(t.Context(), small(t, "a.example.")), "it follows")
		require.Equal(t, 5*time.Second, time.Since(begun))
		require.NoError(t, m.SetZone(t.Context(), small(t, "b.example.")))
		require.Equal(t, 5*time.Second, time.Since(begun), "that is known now")
		require.Zero(t, out.serial("a.example."))
		require.NoError(t, unlock())
		wait(t, time.Minute)
		require.Equal(t, uint32(1), out.serial("a.example."))
		require.Equal(t, uint32(1), out.serial("b.example."))
		cancel()
		require.NoError(t, <-ended)
	})
}

// slowStore takes its time to give a lock.
type slowStore struct{ memkv.Store }

func (s *slowStore) Lock(ctx context.Context, name string) (context.Context, func() error, error) {
	<-time.After(2 * time.Second)
	return s.Store.Lock(ctx, name)
}

// Who is asked while the election is under way waits for it, and not longer.
func TestWaitsForElection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out memZones
		m := &manager.Manager{Keys: &keyring{}, Store: &slowStore{}, Publisher: &out}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- m.Run(ctx) }()
		synctest.Wait()
		hurry, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		require.ErrorIs(t, m.SetZone(hurry, small(t, "a.example.")), context.DeadlineExceeded)
		require.NoError(t, m.SetZone(t.Context(), small(t, "a.example.")))
		require.Equal(t, uint32(1), out.serial("a.example."))
		cancel()
		require.NoError(t, <-ended)
		require.NoError(t, m.SetZone(t.Context(), small(t, "b.example.")), "by itself, as before Run")
		require.Equal(t, uint32(1), out.serial("b.example."))
	})
}

// A zone that is being worked on holds up no other.
func TestSetZoneWaitsForNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := make(chan struct{})
		m := &manager.Manager{Keys: &keyring{}, Store: &memkv.Store{}, Review: func(_ context.Context, z, _ *dnssec.Zone) error {
			if z.Origin().String() == "slow.example." {
				<-slow
			}
			return nil
		}}
		done := make(chan error, 1)
		go func() { done <- m.SetZone(t.Context(), small(t, "slow.example.")) }()
		synctest.Wait()
		require.NoError(t, m.SetZone(t.Context(), small(t, "quick.example.")))
		st, err := m.Status(t.Context(), "quick.example.")
		require.NoError(t, err)
		require.Equal(t, uint32(1), st.Serial)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		require.ErrorIs(t, m.SetZone(ctx, small(t, "slow.example.")), context.DeadlineExceeded)
		close(slow)
		require.NoError(t, <-done)
		names, err := m.List(t.Context())
		require.NoError(t, err)
		require.Equal(t, []string{"quick.example.", "slow.example."}, names)
	})
}

// A tick over 100,000 zones of which none is due costs nothing that grows with them.
func BenchmarkIdleTick(b *testing.B) {
	for _, n := range []int{100, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
			m := &manager.Manager{Keys: &keyring{}, Store: &memkv.Store{}, Now: func() time.Time { return now }, Parent: func(string) manager.Parent { return &good{} }}
			for i := range n {
				m.Wake(fmt.Sprintf("z%d.example.", i), now.Add(time.Hour))
			}
			for b.Loop() {
				if due, err := m.TickDue(b.Context()); due != 0 || err != nil {
					b.Fatal(due, err)
				}
			}
		})
	}
}
