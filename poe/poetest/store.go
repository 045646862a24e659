package poetest

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/poe"
)

// TestStore holds an implementation of [poe.Store] to its contract. Each open
// returns an empty store twice, as two processes would open it.
func TestStore(t *testing.T, open func(t *testing.T) (a, b poe.Store)) {
	for _, tt := range []struct {
		name string
		test func(t *testing.T, a, b poe.Store)
	}{
		{"put and get", testPutGet},
		{"revisions", testRevisions},
		{"remove", testRemove},
		{"list", testList},
		{"locks", testLocks},
		{"locks end with their context", testLockContext},
		{"one wins", testRace},
		{"a context that has ended", testStoreEnded},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, b := open(t)
			tt.test(t, a, b)
		})
	}
}

// awkward are keys that a file system or a database may not like.
var awkward = []string{"intent/sw1/Fa3/0/25", "intent/../..", "a b", "%2F", "ümlaut", "intent/sw1/", ".hidden", "line\nbreak"}

func testPutGet(t *testing.T, a, b poe.Store) {
	for i, key := range awkward {
		if _, _, err := b.Get(t.Context(), key); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Get of the missing key %q: %v", key, err)
		}
		want := []byte{byte(i), 0, '\n', 0xff}
		rev, err := a.Put(t.Context(), key, want, 0)
		if err != nil || rev <= 0 {
			t.Fatalf("Put %q: revision %d, %v", key, rev, err)
		}
		got, gotRev, err := b.Get(t.Context(), key)
		if err != nil || !bytes.Equal(got, want) || gotRev != rev {
			t.Errorf("Get %q: %q of revision %d, and not %q of %d: %v", key, got, gotRev, want, rev, err)
		}
	}
	if _, err := a.Put(t.Context(), "empty", []byte{}, 0); err != nil {
		t.Fatalf("Put of an empty value: %v", err)
	}
	if val, _, err := b.Get(t.Context(), "empty"); err != nil || len(val) != 0 {
		t.Errorf("Get of an empty value: %q, %v", val, err)
	}
}

func testRevisions(t *testing.T, a, b poe.Store) {
	first := mustPut(t, a, "k", "1", 0)
	for _, wrong := range []int64{0, first - 1, first + 1} {
		if _, err := b.Put(t.Context(), "k", []byte("no"), wrong); !errors.Is(err, fs.ErrExist) {
			t.Errorf("Put over revision %d, where there is %d: %v", wrong, first, err)
		}
	}
	second := mustPut(t, b, "k", "2", first)
	third := mustPut(t, a, "k", "3", -1)
	if !(first < second && second < third) {
		t.Errorf("revisions %d, %d, %d do not grow", first, second, third)
	}
	if val, rev, err := b.Get(t.Context(), "k"); err != nil || string(val) != "3" || rev != third {
		t.Errorf("Get: %q of revision %d: %v", val, rev, err)
	}
	if _, err := a.Put(t.Context(), "other", []byte("no"), 7); !errors.Is(err, fs.ErrExist) {
		t.Errorf("Put over revision 7 of a missing key: %v", err)
	}
}

func testRemove(t *testing.T, a, b poe.Store) {
	rev := mustPut(t, a, "k", "1", 0)
	if _, err := b.Put(t.Context(), "k", nil, rev+1); !errors.Is(err, fs.ErrExist) {
		t.Errorf("removal of another revision: %v", err)
	}
	if _, err := b.Put(t.Context(), "k", nil, rev); err != nil {
		t.Fatalf("removal: %v", err)
	}
	if _, _, err := a.Get(t.Context(), "k"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Get after removal: %v", err)
	}
	if _, err := a.Put(t.Context(), "k", nil, -1); err != nil {
		t.Errorf("removal of what is not there: %v", err)
	}
	if again := mustPut(t, a, "k", "2", 0); again <= rev {
		t.Errorf("revision %d after the removal of %d", again, rev)
	}
}

func testList(t *testing.T, a, b poe.Store) {
	for _, key := range []string{"p/2", "p/10", "p/1/x", "q/1", "p"} {
		mustPut(t, a, key, "of "+key, 0)
	}
	var keys []string
	err := b.List(t.Context(), "p/", func(key string, val []byte, rev int64) error {
		keys = append(keys, key)
		if string(val) != "of "+key || rev <= 0 {
			t.Errorf("List: %q is %q of revision %d", key, val, rev)
		}
		return nil
	})
	if want := []string{"p/1/x", "p/10", "p/2"}; err != nil || !slices.Equal(keys, want) {
		t.Errorf("List returns %q, and not %q: %v", keys, want, err)
	}
	calls, stop := 0, errors.New("stop")
	if err := b.List(t.Context(), "", func(string, []byte, int64) error { calls++; return stop }); !errors.Is(err, stop) || calls != 1 {
		t.Errorf("List went on for %d calls after an error, and returns %v", calls, err)
	}
}

func testLocks(t *testing.T, a, b poe.Store) {
	held, unlock := mustLock(t, a, "k")
	if _, unlockOther := mustLock(t, b, "other"); unlockOther() != nil {
		t.Error("the lock of another name cannot be let go")
	}
	for name, store := range map[string]poe.Store{"the same": a, "the other": b} {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		if _, _, err := store.Lock(ctx, "k"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Lock of what is held, through %s store: %v", name, err)
		}
		cancel()
	}
	if held.Err() != nil {
		t.Errorf("the lock was lost: %v", context.Cause(held))
	}
	got := make(chan error, 1)
	go func() {
		_, unlockLater, err := b.Lock(t.Context(), "k")
		if err == nil {
			err = unlockLater()
		}
		got <- err
	}()
	if err := errors.Join(unlock(), <-got); err != nil {
		t.Errorf("after the lock was let go: %v", err)
	}
	_ = unlock() // again, which must do no harm
	_, unlock = mustLock(t, a, "k")
	if err := unlock(); err != nil {
		t.Errorf("unlock: %v", err)
	}
}

func testLockContext(t *testing.T, a, _ poe.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	held, unlock, err := a.Lock(ctx, "k")
	if err != nil {
		t.Fatalf("Lock: %v", err)
	}
	cancel()
	select {
	case <-held.Done():
	case <-t.Context().Done():
		t.Error("what is held did not end with the context it was asked for with")
	}
	_ = unlock()
}

// Of many that replace one revision, one succeeds.
func testRace(t *testing.T, a, b poe.Store) {
	rev := mustPut(t, a, "k", "0", 0)
	var mu sync.Mutex
	wins := 0
	var racers sync.WaitGroup
	for _, store := range []poe.Store{a, b, a, b} {
		racers.Go(func() {
			_, err := store.Put(t.Context(), "k", []byte("1"), rev)
			if err != nil && !errors.Is(err, fs.ErrExist) {
				t.Errorf("Put: %v", err)
			}
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				wins++
			}
		})
	}
	racers.Wait()
	if wins != 1 {
		t.Errorf("%d writers replaced one revision", wins)
	}
}

func testStoreEnded(t *testing.T, a, b poe.Store) {
	mustPut(t, a, "k", "1", 0)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, getErr := a.Get(ctx, "k")
	_, putErr := a.Put(ctx, "k", []byte("2"), -1)
	_, _, lockErr := a.Lock(ctx, "k")
	listErr := a.List(ctx, "", func(string, []byte, int64) error { return nil })
	for call, err := range map[string]error{"Get": getErr, "Put": putErr, "Lock": lockErr, "List": listErr} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s after the context has ended: %v", call, err)
		}
	}
	if val, _, err := b.Get(t.Context(), "k"); err != nil || string(val) != "1" {
		t.Errorf("Put wrote %q though its context had ended: %v", val, err)
	}
}

func mustPut(t *testing.T, s poe.Store, key, val string, ifRev int64) int64 {
	t.Helper()
	rev, err := s.Put(t.Context(), key, []byte(val), ifRev)
	if err != nil {
		t.Fatalf("Put %q: %v", key, err)
	}
	return rev
}

func mustLock(t *testing.T, s poe.Store, name string) (context.Context, func() error) {
	t.Helper()
	held, unlock, err := s.Lock(t.Context(), name)
	if err != nil {
		t.Fatalf("Lock %q: %v", name, err)
	}
	return held, unlock
}
