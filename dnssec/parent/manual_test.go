package parent_test

import (
	"context"
	"errors"
	"io/fs"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/dnssec/parent"
	"github.com/mythic-beasts/hostkit/dnssec/rotate"
)

// memory is a store that outlives a Manual. It may fail.
type memory struct {
	vals map[string][]byte
	revs map[string]int64
	err  error
}

func (m *memory) Get(_ context.Context, key string) ([]byte, int64, error) {
	if m.err != nil {
		return nil, 0, m.err
	}
	if m.vals[key] == nil {
		return nil, 0, fs.ErrNotExist
	}
	return m.vals[key], m.revs[key], nil
}

func (m *memory) Put(_ context.Context, key string, val []byte, ifRev int64) (int64, error) {
	if m.revs[key] != ifRev {
		return 0, fs.ErrExist
	}
	m.revs[key]++
	m.vals[key] = val
	return m.revs[key], nil
}

func newMemory() *memory { return &memory{vals: map[string][]byte{}, revs: map[string]int64{}} }

func TestManualTellsOnce(t *testing.T) {
	var told []parent.Change
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	store := newMemory()
	start := func() *parent.Manual {
		return &parent.Manual{
			Tell:      func(_ context.Context, c parent.Change) error { told = append(told, c); return nil },
			Memory:    store,
			Reminders: 2,
			Now:       func() time.Time { return now },
		}
	}
	m := start()
	submit := func(add, remove []rotate.DS) {
		t.Helper()
		require.NoError(t, m.Submit(t.Context(), "Child.test", add, remove))
	}
	submit(nil, nil)
	require.Empty(t, told)
	submit([]rotate.DS{digest(2), digest(1)}, []rotate.DS{digest(3)})
	require.Len(t, told, 1)
	require.Equal(t, child, told[0].Zone)
	require.Equal(t, "add child.test. IN DS "+digest(2).String()+"\nadd child.test. IN DS "+digest(1).String()+
		"\nremove child.test. IN DS "+digest(3).String()+"\n", told[0].String())
	require.Zero(t, told[0].Reminder)

	submit([]rotate.DS{digest(1), digest(2)}, []rotate.DS{digest(3)}) // the same in another order
	m = start()                                                       // and after a restart
	submit([]rotate.DS{digest(1), digest(2)}, []rotate.DS{digest(3)})
	require.Len(t, told, 1)

	for day := range 5 { // two reminders, a day apart, and no more
		now = now.Add(24 * time.Hour)
		m = start()
		submit([]rotate.DS{digest(1), digest(2)}, []rotate.DS{digest(3)})
		require.Len(t, told, min(day+2, 3))
	}
	require.Equal(t, 2, told[2].Reminder)
	require.Equal(t, told[0].Since, told[2].Since)

	submit(nil, []rotate.DS{digest(3)}) // half of it was done: that is news
	require.Len(t, told, 4)
	require.Zero(t, told[3].Reminder)
}

func TestManualFails(t *testing.T) {
	broken := errors.New("no mail")
	var calls int
	store := newMemory()
	m := &parent.Manual{Memory: store, Tell: func(context.Context, parent.Change) error {
		calls++
		if calls == 1 {
			return broken
		}
		return nil
	}}
	add := []rotate.DS{digest(1)}
	require.ErrorIs(t, m.Submit(t.Context(), child, add, nil), broken)
	require.NoError(t, m.Submit(t.Context(), child, add, nil), "it is told again")
	require.NoError(t, m.Submit(t.Context(), child, add, nil))
	require.Equal(t, 2, calls)

	store.err = errors.New("disk on fire")
	require.ErrorIs(t, m.Submit(t.Context(), child, add, nil), store.err)
	store.err = nil
	store.vals["parent/manual/"+child] = []byte("{")
	require.Error(t, m.Submit(t.Context(), child, add, nil))
	require.Error(t, m.Submit(t.Context(), "a..b", add, nil))
	require.ErrorContains(t, (&parent.Manual{}).Submit(t.Context(), child, add, nil), "Manual.Tell is not set")
	require.NoError(t, (&parent.Manual{}).Submit(t.Context(), child, nil, nil))
}

// Without a memory nothing is told twice either, by any number of callers.
func TestManualForgetful(t *testing.T) {
	var mu sync.Mutex
	calls := 0
	m := &parent.Manual{Reminders: -1, Remind: time.Nanosecond, Tell: func(context.Context, parent.Change) error {
		mu.Lock()
		defer mu.Unlock()
		calls++
		return nil
	}}
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() { _ = m.Submit(t.Context(), child, []rotate.DS{digest(1)}, nil) })
	}
	all.Wait()
	require.Equal(t, 1, calls)
	facts, err := m.Observe(t.Context(), child)
	require.NoError(t, err)
	require.Empty(t, facts.Servers)
}
