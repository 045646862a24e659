package renew_test

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/acme"
	"github.com/mythic-beasts/hostkit/acme/renew"
	"github.com/mythic-beasts/hostkit/internal/memkv"
)

// many is how many certificates the benchmarks have: HOSTKIT_RENEW_MANY, or 100000.
func many(t testing.TB) int {
	text := os.Getenv("HOSTKIT_RENEW_MANY")
	if text == "" {
		return 100_000
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err)
	return n
}

func nameOf(n int) string { return fmt.Sprintf("n%06d.example", n) }

// BenchmarkNextDue is to find what is due next among 100000 and put it back.
func BenchmarkNextDue(b *testing.B) {
	var w renew.Waiting
	now := begin
	all := many(b)
	for n := range all {
		w.Put(now.Add(time.Duration(n*7919%all) * time.Second))
	}
	for b.Loop() {
		now = now.Add(time.Second)
		w.Next(now, now.Add(time.Duration(all)*time.Second))
	}
}

// BenchmarkStart is the start of a program with 100000 certificates in a [renew.FileStore]:
// until each of them has been looked at, and its time is known.
func BenchmarkStart(b *testing.B) {
	dir := filepath.Join(b.TempDir(), "certs")
	all := many(b)
	ids := fill(b, dir, all)
	for b.Loop() {
		s := &counting{Store: &renew.FileStore{Dir: dir}, done: make(chan struct{})}
		s.left.Store(int64(all))
		m := &renew.Manager{Issuer: newIssuer(b), Solver: solver{}, Store: s}
		begun := time.Now()
		for n := range all {
			require.NoError(b, m.Add(nameOf(n), acme.Request{Names: []string{nameOf(n)}}))
		}
		added, used := time.Now(), cpu(b)
		stop := start(b, m)
		<-s.done
		b.ReportMetric(time.Since(added).Seconds(), "s/scan")
		b.ReportMetric((cpu(b) - used).Seconds(), "cpu-s/scan")
		b.ReportMetric(added.Sub(begun).Seconds(), "s/add")
		var last []renew.Status
		for done := false; !done; { // the last few states are being parsed
			last = m.Status()
			done = !slices.ContainsFunc(last, func(s renew.Status) bool { return s.State.CertID == "" })
		}
		stop()
		require.Len(b, last, all)
		require.Equal(b, ids[all/2], last[all/2].State.CertID)
	}
}

// cpu is the time that this process has had of all processors.
func cpu(t testing.TB) time.Duration {
	var u syscall.Rusage
	require.NoError(t, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// counting closes done when each state has been loaded.
type counting struct {
	renew.Store

	left atomic.Int64
	done chan struct{}
}

func (s *counting) LoadState(ctx context.Context, name string) ([]byte, error) {
	text, err := s.Store.LoadState(ctx, name)
	if s.left.Add(-1) == 0 {
		close(s.done)
	}
	return text, err
}

// fill makes the tree of a FileStore, without waiting for the disk at each file. It
// returns the CertIDs.
func fill(t testing.TB, dir string, n int) []string {
	i := newIssuer(t)
	ids := make([]string, n)
	var work sync.WaitGroup
	for part := range 8 {
		work.Go(func() {
			for k := part; k < n; k += 8 {
				folder := filepath.Join(dir, nameOf(k))
				version := filepath.Join(folder, "000000000001")
				if err := os.MkdirAll(version, 0o700); err != nil {
					t.Error(err)
					return
				}
				leaf, chain := i.make(nameOf(k))
				ids[k], _ = acme.CertID(leaf)
				text, _ := json.Marshal(renew.State{
					CertID: ids[k], NotBefore: leaf.NotBefore, NotAfter: leaf.NotAfter, Issued: leaf.NotBefore,
					Names: []string{nameOf(k)}, AskAt: leaf.NotBefore.Add(time.Duration(k%360) * time.Minute),
					ARI: renew.Window{CertID: ids[k], Start: leaf.NotBefore.Add(59 * day), Selected: leaf.NotBefore.Add(60 * day), End: leaf.NotBefore.Add(61 * day)},
				})
				for path, text := range map[string][]byte{
					filepath.Join(version, "privkey.pem"): i.keyPEM, filepath.Join(version, "fullchain.pem"): chain,
					filepath.Join(folder, "state.json"): text,
				} {
					if err := os.WriteFile(path, text, 0o600); err != nil {
						t.Error(err)
						return
					}
				}
				if err := os.Symlink("000000000001", filepath.Join(folder, "current")); err != nil {
					t.Error(err)
				}
			}
		})
	}
	work.Wait()
	require.False(t, t.Failed())
	return ids
}

// asker counts the questions by slots of time.
type asker struct {
	*issuer

	from time.Time
	slot time.Duration
	asks []int
}

func (a *asker) RenewalInfo(_ context.Context, leaf *x509.Certificate) (acme.RenewalInfo, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	slot := int(time.Since(a.from) / a.slot)
	for len(a.asks) <= slot {
		a.asks = append(a.asks, 0)
	}
	a.asks[slot]++
	id, err := acme.CertID(leaf)
	return acme.RenewalInfo{CertID: id, Start: leaf.NotBefore.Add(59 * day), End: leaf.NotBefore.Add(61 * day), RetryAfter: 6 * time.Hour}, err
}

// spread runs n certificates that were all obtained at once, lets the program stand still
// for a day, and returns the most questions in a slot as a multiple of the mean: before that
// and after it.
func spread(t testing.TB, n int, slot time.Duration) (before, after float64) {
	s := &renew.KVStore{KV: new(memkv.Store)}
	a := &asker{issuer: newIssuer(t), slot: slot}
	run := func(d time.Duration) float64 {
		m := &renew.Manager{Issuer: a, Solver: solver{}, Store: s, Policy: renew.Policy{AccountBudget: renew.Budget{N: 1 << 30, Per: time.Hour}}}
		for k := range n {
			require.NoError(t, m.Add(nameOf(k), acme.Request{Names: []string{nameOf(k)}}))
		}
		a.from, a.asks = time.Now(), nil
		stop := start(t, m)
		<-time.After(d)
		stop()
		sum := 0
		for _, x := range a.asks {
			sum += x
		}
		require.Greater(t, sum, 2*n) // asked every 6 hours
		return float64(slices.Max(a.asks)) / (float64(sum) * float64(slot) / float64(d))
	}
	before = run(24 * time.Hour)
	<-time.After(24 * time.Hour)
	return before, run(24 * time.Hour)
}

// Questions about windows are spread evenly, also of certificates that were obtained all
// at once, and after the program stood still. HOSTKIT_RENEW_SPREAD is how many
// certificates there are.
func TestSpread(t *testing.T) {
	n, slot := 500, 20*time.Minute // fewer are more uneven by the minute, by chance alone
	if text := os.Getenv("HOSTKIT_RENEW_SPREAD"); text != "" {
		var err error
		n, err = strconv.Atoi(text)
		require.NoError(t, err)
		slot = time.Minute
	}
	synctest.Test(t, func(t *testing.T) {
		before, after := spread(t, n, slot)
		require.Less(t, before, 3.0)
		require.Less(t, after, 3.0)
		t.Logf("most per %v / mean: %.2f, after a day without the program %.2f", slot, before, after)
	})
}
