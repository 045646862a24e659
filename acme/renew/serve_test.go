package renew_test

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/acme"
	"github.com/mythic-beasts/hostkit/acme/renew"
	"github.com/mythic-beasts/hostkit/internal/memkv"
)

// A Source looks for a newer certificate when its own is old, and serves what it has
// while the store is away.
func TestSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(t)
		s := &badStore{Store: &renew.KVStore{KV: new(memkv.Store)}}
		source := &renew.Source{Store: s, Name: "a.example"}
		_, err := source.GetCertificate(hello("a.example"))
		require.ErrorIs(t, err, fs.ErrNotExist)

		first, second := i.bundle("a.example"), i.bundle("a.example")
		is := func(b *renew.Bundle) {
			t.Helper()
			c, err := source.GetCertificate(hello("a.example"))
			require.NoError(t, err)
			leaf, err := b.Leaf()
			require.NoError(t, err)
			require.True(t, leaf.Equal(c.Leaf))
		}
		require.NoError(t, s.Commit(t.Context(), "a.example", first))
		is(first) // at once: there was none
		require.NoError(t, s.Commit(t.Context(), "a.example", second))
		is(first)
		<-time.After(59 * time.Second)
		is(first)
		<-time.After(time.Second)
		is(second)
		s.set(func(string) error { return errDisk })
		<-time.After(day)
		is(second)
		require.NoError(t, s.Store.Commit(t.Context(), "a.example", first))
		s.set(nil)
		is(second) // it has just tried
		<-time.After(time.Minute)
		is(first)

		source.Every = time.Hour
		require.NoError(t, s.Commit(t.Context(), "a.example", second))
		<-time.After(time.Minute)
		is(first)
		<-time.After(time.Hour)
		is(second)
	})
}

// Which certificate is for whom.
func TestGetCertificate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(t)
		m, _ := manage(t, i, &renew.KVStore{KV: new(memkv.Store)})
		require.NoError(t, m.Add("one", acme.Request{Names: []string{"a.example", "*.a.example"}}))
		require.NoError(t, m.Add("two", acme.Request{Names: []string{"b.example", "www.a.example"}}))
		_, err := m.GetCertificate(hello("a.example"))
		require.ErrorIs(t, err, renew.ErrNoCertificate)
		defer start(t, m)()
		<-time.After(time.Minute)
		of := func(host string) string {
			c, err := m.GetCertificate(hello(host))
			if err != nil {
				require.ErrorIs(t, err, renew.ErrNoCertificate)
				return ""
			}
			return c.Leaf.DNSNames[0]
		}
		for host, want := range map[string]string{
			"a.example": "a.example", "A.Example.": "a.example", "x.a.example": "a.example", "x.x.a.example": "",
			"www.a.example": "b.example", "b.example": "b.example", "x.b.example": "", "": "", "nota.example": "",
		} {
			require.Equal(t, want, of(host), "%q", host)
		}
		m.Default = "two"
		require.Equal(t, "b.example", of(""))
		require.Equal(t, "b.example", of("other.example"))
	})
}

// What someone puts into the store by hand is found by the next handshake or the next
// look, and what someone removed is obtained again.
func TestByHand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kv := new(memkv.Store)
		i, s := newIssuer(t), &renew.KVStore{KV: kv}
		var log strings.Builder
		m, seen := manage(t, i, s, "a.example")
		m.Log = slog.New(slog.NewTextHandler(&log, nil))
		defer start(t, m)()
		<-time.After(time.Minute)
		mine := i.bundle("a.example")
		require.NoError(t, s.Commit(t.Context(), "a.example", mine))
		<-time.After(6 * time.Hour)
		synctest.Wait()
		leaf, err := mine.Leaf()
		require.NoError(t, err)
		require.Equal(t, leaf.SerialNumber.String(), serial(t, m, "a.example"))
		require.Equal(t, []renew.Kind{renew.Issued, renew.Adopted}, seen.kinds("a.example"))

		_, err = kv.Put(t.Context(), "acme/cert/a.example", nil, -1)
		require.NoError(t, err)
		<-time.After(6 * time.Hour)
		synctest.Wait()
		_, issued := i.count()
		require.Equal(t, 2, issued)

		// A value that is none is replaced, and what it says is in no log.
		_, err = kv.Put(t.Context(), "acme/cert/a.example", []byte(`{"key":"SECRET","chain":"SECRET"}`), -1)
		require.NoError(t, err)
		<-time.After(6 * time.Hour)
		synctest.Wait()
		_, issued = i.count()
		require.Equal(t, 3, issued)
		require.Contains(t, log.String(), "of no use")
		require.NotContains(t, log.String(), "SECRET")
	})
}

// Words are what an operator reads.
func TestStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(t)
		m, _ := manage(t, i, &renew.KVStore{KV: new(memkv.Store)}, "a.example")
		m.Policy.Jitter = -1
		words := func() string {
			synctest.Wait()
			return m.Status()[0].Words
		}
		require.Equal(t, "there is no certificate", words())
		i.set(func(int) error { return errors.New("out of order") })
		defer start(t, m)()
		<-time.After(time.Second)
		require.Regexp(t, `^there is no certificate; to be renewed at 2000-01-01T00:01:0.Z: waits after a failure; 1 failed, the last: out of order$`, words())
		i.set(nil)
		<-time.After(time.Hour)
		require.Regexp(t, `^valid until 2000-03-31T00:01:..Z; to be renewed at 2000-03-01T00:01:..Z: its share of the lifetime has passed$`, words())
		i.set(func(int) error { return errors.New("out of order") })
		<-time.After(80 * day)
		require.Regexp(t, `^valid until 2000-03-31T00:01:..Z; to be renewed at 2000-03-2.T..:..:..Z: waits after a failure; [0-9]+ failed, the last: out of order$`, words())
		<-time.After(20 * day)
		require.Regexp(t, `^expired at 2000-03-31T00:01:..Z; to be renewed at 2000-04-.*; [0-9]+ failed, the last: out of order$`, words())
		require.Equal(t, "out of order", m.Status()[0].State.LastError)
	})
}

// An event comes when all it says can be seen, and has a line in the log. The Manager may
// be called from it.
func TestEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		i := newIssuer(t)
		s := &renew.KVStore{KV: new(memkv.Store)}
		m, seen := manage(t, i, s, "a.example")
		m.Log = slog.New(slog.NewTextHandler(&log, nil))
		m.OnEvent = func(ev renew.Event) {
			seen.add(ev)
			require.Len(t, m.Status(), 1)
			if ev.Kind == renew.Failed {
				require.ErrorIs(t, ev.Err, errDisk)
				require.True(t, ev.Next.After(time.Now()))
				return
			}
			if ev.Kind == renew.NoWindow {
				require.ErrorIs(t, ev.Err, acme.ErrNoRenewalInfo)
				return
			}
			require.NoError(t, ev.Err)
			require.Equal(t, ev.Leaf.SerialNumber.String(), serial(t, m, "a.example"))
			b, err := s.Load(context.Background(), "a.example")
			require.NoError(t, err)
			leaf, err := b.Leaf()
			require.NoError(t, err)
			require.True(t, leaf.Equal(ev.Leaf))
			if ev.Kind == renew.Issued {
				require.NoError(t, m.Renew("a.example"))
			}
		}
		i.set(func(try int) error {
			if try == 1 {
				return errDisk
			}
			return nil
		})
		stop := start(t, m)
		<-time.After(day)
		stop()
		require.Equal(t, []renew.Kind{renew.Failed, renew.Issued, renew.Renewed}, seen.kinds("a.example"))
		for _, line := range []string{
			`level=ERROR msg="certificate failed" certificate=a.example`, `msg="certificate issued"`, `level=INFO msg="certificate renewed" certificate=a.example`,
		} {
			require.Contains(t, log.String(), line)
		}
		require.NotContains(t, log.String(), "PRIVATE")
	})
}
