package renew_test

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/acme"
	"github.com/mythic-beasts/hostkit/acme/renew"
	"github.com/mythic-beasts/hostkit/internal/memkv"
)

// events keeps what a manager tells.
type events struct {
	mu  sync.Mutex
	all []renew.Event
}

func (e *events) add(ev renew.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, ev)
}

// kinds are those of the events about a certificate, but for the questions about windows.
func (e *events) kinds(name string) (kinds []renew.Kind) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, ev := range e.all {
		if ev.Name == name && ev.Kind != renew.NoWindow && ev.Kind != renew.Scheduled {
			kinds = append(kinds, ev.Kind)
		}
	}
	return kinds
}

// leaves are the certificates that were obtained.
func (e *events) leaves() (all []*x509.Certificate) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, ev := range e.all {
		if ev.Kind == renew.Issued || ev.Kind == renew.Renewed {
			all = append(all, ev.Leaf)
		}
	}
	return all
}

func (e *events) count(kind renew.Kind) (n int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, ev := range e.all {
		if ev.Kind == kind {
			n++
		}
	}
	return n
}

// manage is a manager of one certificate, which is not started.
func manage(t testing.TB, i renew.Issuer, s renew.Store, names ...string) (*renew.Manager, *events) {
	seen := new(events)
	m := &renew.Manager{Issuer: i, Solver: solver{}, Store: s, OnEvent: seen.add}
	for _, n := range names {
		require.NoError(t, m.Add(n, acme.Request{Names: []string{n}}))
	}
	return m, seen
}

func serial(t testing.TB, m *renew.Manager, name string) string {
	c, err := m.GetCertificate(hello(name))
	require.NoError(t, err)
	return c.Leaf.SerialNumber.String()
}

// Of managers that share a store one renews, and the others serve what it stored.
func TestManagersShareStore(t *testing.T) {
	dir := t.TempDir()
	for name, store := range map[string]func() renew.Store{
		"files": func() renew.Store { return &renew.FileStore{Dir: filepath.Join(dir, "certs")} },
		"memory": func() func() renew.Store {
			kv := new(memkv.Store)
			return func() renew.Store { return &renew.KVStore{KV: kv} }
		}(),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				i := newIssuer(t)
				i.life = 45 * day
				i.enter = func(context.Context) { <-time.After(time.Minute) } // all are due meanwhile
				var all []*renew.Manager
				var seen []*events
				for range 3 {
					m, e := manage(t, i, store(), "a.example")
					all, seen = append(all, m), append(seen, e)
					defer start(t, m)()
				}
				for range 200 {
					<-time.After(day)
					for _, m := range all {
						c, err := m.GetCertificate(hello("a.example"))
						require.NoError(t, err)
						require.True(t, time.Now().Before(c.Leaf.NotAfter))
					}
				}
				_, issued := i.count()
				require.Equal(t, 7, issued) // at 0, 30, 60, 90, 120, 150 and 180 days, somewhat sooner
				adopted, renewed := 0, 0
				for _, e := range seen {
					adopted += e.count(renew.Adopted)
					renewed += e.count(renew.Renewed)
					require.Zero(t, e.count(renew.Failed)+e.count(renew.StoreFailed))
				}
				require.Equal(t, 6, renewed)
				require.Equal(t, 2*6, adopted)
			})
		})
	}
}

// Who loses the lock gives up, and takes over what the next one stores. It is no failure
// of the certificate.
func TestLockLost(t *testing.T) {
	for _, stubborn := range []bool{false, true} {
		t.Run(fmt.Sprintf("goes on without it %v", stubborn), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				kv := new(memkv.Store)
				slow, fast := newIssuer(t), newIssuer(t)
				slow.enter = func(ctx context.Context) {
					if stubborn {
						<-time.After(time.Hour / 2) // all the time that a try has
					} else {
						<-ctx.Done()
					}
				}
				slow.stubborn = stubborn
				first, seen := manage(t, slow, &renew.KVStore{KV: kv}, "a.example")
				defer start(t, first)()
				<-time.After(time.Minute)
				second, _ := manage(t, fast, &renew.KVStore{KV: kv}, "a.example")
				defer start(t, second)()
				<-time.After(time.Minute)
				_, err := second.GetCertificate(hello("a.example"))
				require.ErrorIs(t, err, renew.ErrNoCertificate) // it waits for the lock

				kv.Lose("acme/a.example")
				<-time.After(time.Hour)
				synctest.Wait()
				_, late := slow.count()
				_, issued := fast.count()
				require.Equal(t, 1, issued)
				require.Equal(t, map[bool]int{true: 1}[stubborn], late)
				require.Equal(t, fast.issued[0].SerialNumber.String(), serial(t, first, "a.example"))
				require.Equal(t, serial(t, second, "a.example"), serial(t, first, "a.example"))
				require.Zero(t, seen.count(renew.Failed))
				require.Zero(t, first.Status()[0].State.Failures)
				require.Empty(t, first.Status()[0].State.LastError)
				b, err := (&renew.KVStore{KV: kv}).Load(t.Context(), "a.example")
				require.NoError(t, err)
				leaf, err := b.Leaf()
				require.NoError(t, err)
				require.Equal(t, serial(t, second, "a.example"), leaf.SerialNumber.String())
			})
		})
	}
}

// badStore fails as it is told.
type badStore struct {
	renew.Store

	mu  sync.Mutex
	bad func(call string) error
}

func (s *badStore) set(bad func(call string) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bad = bad
}

func (s *badStore) fails(call string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bad == nil {
		return nil
	}
	return s.bad(call)
}

func (s *badStore) Load(ctx context.Context, name string) (*renew.Bundle, error) {
	if err := s.fails("load"); err != nil {
		return nil, err
	}
	return s.Store.Load(ctx, name)
}

func (s *badStore) Commit(ctx context.Context, name string, b *renew.Bundle) error {
	if err := s.fails("commit"); err != nil {
		return err
	}
	return s.Store.Commit(ctx, name, b)
}

func (s *badStore) SaveState(ctx context.Context, name string, state []byte) error {
	if err := s.fails("save"); err != nil {
		return err
	}
	return s.Store.SaveState(ctx, name, state)
}

func (s *badStore) Lock(ctx context.Context, name string) (context.Context, func() error, error) {
	if err := s.fails("lock"); err != nil {
		return nil, nil, err
	}
	return s.Store.Lock(ctx, name)
}

var errDisk = errors.New("the disk is full")

// What was issued and can not be stored is served, and stored later. No second one is
// ordered, whichever call of the store it is that fails.
func TestStoredLater(t *testing.T) {
	for _, call := range []string{"commit", "save"} {
		t.Run(call, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &badStore{Store: &renew.KVStore{KV: new(memkv.Store)}}
				i := newIssuer(t)
				i.enter = func(context.Context) {
					s.set(func(c string) error {
						if c == call {
							return errDisk
						}
						return nil
					})
				}
				m, seen := manage(t, i, s, "a.example")
				defer start(t, m)()
				<-time.After(24 * time.Hour)
				_, issued := i.count()
				require.Equal(t, 1, issued)
				require.Equal(t, i.issued[0].SerialNumber.String(), serial(t, m, "a.example"))
				require.Contains(t, m.Status()[0].Words, "valid until")
				require.Contains(t, m.Status()[0].Words, errDisk.Error())
				require.NotContains(t, m.Status()[0].Words, "0 failed")
				failed := seen.count(renew.StoreFailed)
				require.Greater(t, failed, 200) // every 5 minutes
				require.Less(t, failed, 400)
				require.Zero(t, seen.count(renew.Issued))

				s.set(nil)
				<-time.After(10 * time.Minute)
				require.Equal(t, 1, seen.count(renew.Issued))
				require.NotContains(t, m.Status()[0].Words, errDisk.Error())
				b, err := s.Load(t.Context(), "a.example")
				require.NoError(t, err)
				leaf, err := b.Leaf()
				require.NoError(t, err)
				require.True(t, leaf.Equal(i.issued[0]))
				_, issued = i.count()
				require.Equal(t, 1, issued)
			})
		})
	}
}

// Nothing is ordered that could not be stored, and what is in memory is served.
func TestStoreAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &badStore{Store: &renew.KVStore{KV: new(memkv.Store)}}
		i := newIssuer(t)
		m, _ := manage(t, i, s, "a.example")
		defer start(t, m)()
		<-time.After(time.Minute)
		first := serial(t, m, "a.example")
		for _, call := range []string{"load", "lock", "save"} {
			s.set(func(c string) error {
				if c == call {
					return errDisk
				}
				return nil
			})
			require.NoError(t, m.Renew("a.example"))
			<-time.After(day + time.Minute)
			synctest.Wait()
			require.Equal(t, first, serial(t, m, "a.example"))
			require.Contains(t, m.Status()[0].Words, errDisk.Error(), call)
			tries, _ := i.count()
			require.Equal(t, 1, tries, call)
		}
		s.set(nil)
		<-time.After(time.Hour)
		require.NotEqual(t, first, serial(t, m, "a.example"))
	})
}

// A program that starts when the store has much in it, and ends when the store is away.
func TestRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &badStore{Store: &renew.KVStore{KV: new(memkv.Store)}}
		i := newIssuer(t)
		m, _ := manage(t, i, s, "a.example", "b.example")
		stop := start(t, m)
		<-time.After(time.Minute)
		want := serial(t, m, "b.example")
		stop()
		m, _ = manage(t, i, s, "a.example", "b.example")
		stop = start(t, m)
		<-time.After(time.Minute)
		s.set(func(string) error { return errDisk })
		require.Equal(t, want, serial(t, m, "b.example")) // from memory
		stop()
		_, issued := i.count()
		require.Equal(t, 2, issued)
	})
}

// Renew renews what is not due, and goes on if that fails, no faster than ever.
func TestRenew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(t)
		m, seen := manage(t, i, &renew.KVStore{KV: new(memkv.Store)}, "a.example")
		require.ErrorIs(t, m.Renew("b.example"), fs.ErrNotExist)
		defer start(t, m)()
		<-time.After(time.Minute)
		first := serial(t, m, "a.example")
		require.NoError(t, m.Renew("a.example"))
		<-time.After(time.Minute)
		second := serial(t, m, "a.example")
		require.NotEqual(t, first, second)

		i.set(func(int) error { return errors.New("out of order") })
		require.NoError(t, m.Renew("a.example"))
		<-time.After(time.Hour)
		require.Equal(t, 3, seen.count(renew.Failed)) // at once, after 1 and after 11 minutes
		require.Equal(t, second, serial(t, m, "a.example"))
		i.set(nil)
		<-time.After(2 * time.Hour)
		require.NotEqual(t, second, serial(t, m, "a.example"))
		_, issued := i.count()
		require.Equal(t, 3, issued)
		<-time.After(day)
		_, issued = i.count()
		require.Equal(t, 3, issued)
	})
}

func TestRemove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i, s := newIssuer(t), &renew.KVStore{KV: new(memkv.Store)}
		m, _ := manage(t, i, s, "a.example", "b.example")
		defer start(t, m)()
		<-time.After(time.Minute)
		m.Remove("a.example")
		m.Remove("c.example") // is not there
		_, err := m.GetCertificate(hello("a.example"))
		require.ErrorIs(t, err, renew.ErrNoCertificate)
		require.NotEmpty(t, serial(t, m, "b.example"))
		require.Len(t, m.Status(), 1)
		_, err = s.Load(t.Context(), "a.example")
		require.NoError(t, err)
		<-time.After(70 * day)
		_, issued := i.count()
		require.Equal(t, 3, issued) // a once, b twice

		// It comes back with what is stored, which is old by now.
		require.NoError(t, m.Add("a.example", acme.Request{Names: []string{"a.example"}}))
		<-time.After(time.Minute)
		require.NotEmpty(t, serial(t, m, "a.example"))
		_, issued = i.count()
		require.Equal(t, 4, issued)
	})
}

// What is removed while it is being renewed is stored, and not served.
func TestRemoveAtWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i, s := newIssuer(t), &renew.KVStore{KV: new(memkv.Store)}
		i.enter = func(context.Context) { <-time.After(time.Hour) }
		m, _ := manage(t, i, s, "a.example")
		defer start(t, m)()
		<-time.After(time.Second)
		m.Remove("a.example")
		<-time.After(day)
		_, err := m.GetCertificate(hello("a.example"))
		require.ErrorIs(t, err, renew.ErrNoCertificate)
	})
}

// Other names are another certificate, at once. Names that were given up are not served
// when that is there.
func TestNamesChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(t)
		m, _ := manage(t, i, &renew.KVStore{KV: new(memkv.Store)}, "a.example")
		i.enter = func(context.Context) { <-time.After(time.Minute) }
		defer start(t, m)()
		<-time.After(time.Second)
		add := func(names ...string) { require.NoError(t, m.Add("a.example", acme.Request{Names: names})) }
		add("a.example", "b.example") // while the first is on its way
		<-time.After(time.Hour)
		require.Equal(t, serial(t, m, "a.example"), serial(t, m, "b.example"))
		_, issued := i.count()
		require.Equal(t, 2, issued)

		add("B.example.", "a.example") // the same
		<-time.After(day)
		_, issued = i.count()
		require.Equal(t, 2, issued)

		add("c.example")
		<-time.After(time.Second)
		require.NotEmpty(t, serial(t, m, "b.example"))
		require.Contains(t, m.Status()[0].Words, "other names are asked for")
		<-time.After(time.Hour)
		synctest.Wait()
		require.NotEmpty(t, serial(t, m, "c.example"))
		_, err := m.GetCertificate(hello("b.example"))
		require.ErrorIs(t, err, renew.ErrNoCertificate)
		require.Equal(t, []string{"c.example"}, i.requests[2].Names)
		require.Nil(t, i.requests[2].Replaces) // the authority never said that it knows it
	})
}

// No more than Parallel are worked on at a time, and all of them in the end.
func TestParallel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		now, most := 0, 0
		i := newIssuer(t)
		i.enter = func(context.Context) {
			mu.Lock()
			now++
			most = max(most, now)
			mu.Unlock()
			<-time.After(time.Minute)
			mu.Lock()
			now--
			mu.Unlock()
		}
		var names []string
		for n := range 50 {
			names = append(names, fmt.Sprintf("n%02d.example", n))
		}
		m, seen := manage(t, i, &renew.KVStore{KV: new(memkv.Store)}, names...)
		m.Parallel = 7
		defer start(t, m)()
		<-time.After(8*time.Minute + time.Second) // 50/7 rounds of a minute
		synctest.Wait()
		require.Equal(t, 7, most)
		require.Equal(t, 50, seen.count(renew.Issued))
		var got []string
		for _, s := range m.Status() {
			got = append(got, s.Name)
		}
		require.Equal(t, names, got)
		require.True(t, slices.IsSorted(got))
	})
}

func TestRunRefuses(t *testing.T) {
	require.ErrorContains(t, new(renew.Manager).Run(t.Context()), "needs Issuer")
	synctest.Test(t, func(t *testing.T) {
		m, _ := manage(t, newIssuer(t), &renew.KVStore{KV: new(memkv.Store)}, "a.example")
		stop := start(t, m)
		synctest.Wait()
		require.ErrorContains(t, m.Run(t.Context()), "runs already")
		stop()
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(errDisk)
		require.ErrorIs(t, m.Run(ctx), errDisk)
	})
}
