package parent

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mythic-beasts/hostkit/dnssec/rotate"
)

// Change is what a person is to do at the registry or the parent's operator.
type Change struct {
	Zone string
	// Add must be there before Remove is taken away.
	Add, Remove []rotate.DS
	// Reminder is 0 the first time that the change is told of, and counts up.
	Reminder int
	// Since is when it was told of first.
	Since time.Time
}

// String is the change in words, a record on each line, as a zone file has it.
func (c Change) String() string {
	var b strings.Builder
	part := func(what string, list []rotate.DS) {
		for _, d := range list {
			fmt.Fprintf(&b, "%s %s IN DS %s\n", what, c.Zone, d)
		}
	}
	part("add", c.Add)
	part("remove", c.Remove)
	return b.String()
}

// Memory is where Manual remembers what it told; two methods of any store that
// package manager takes.
type Memory interface {
	// Get returns an error that wraps fs.ErrNotExist for a missing key.
	Get(ctx context.Context, key string) (val []byte, rev int64, err error)
	// Put replaces revision ifRev, or creates the key if that is 0; fs.ErrExist
	// when somebody else was faster.
	Put(ctx context.Context, key string, val []byte, ifRev int64) (rev int64, err error)
}

// Manual tells a person of each change once, and reminds.
type Manual struct {
	// Tell sends the change to somebody: a mail, a ticket. After an error it is
	// called for the same change again.
	Tell func(ctx context.Context, c Change) error
	// Memory keeps what was told over restarts, in keys that begin with
	// "parent/manual/". Nil means that it is told again after each.
	Memory Memory
	// Remind is how long after it was told the last time a change is told again.
	// Zero means a day.
	Remind time.Duration
	// Reminders is how often; zero means 7, less means never.
	Reminders int
	// Observer nil means that people confirm what the parent has.
	Observer Observer
	// Now is the clock; nil means time.Now.
	Now func() time.Time

	mu   sync.Mutex // guards told
	told mapMemory
}

// errNoTell is for a Manual that could tell nobody.
var errNoTell = errors.New("Manual.Tell is not set, so that nobody would learn of it")

// Submit tells of the change, unless that was done and no reminder is due.
func (m *Manual) Submit(ctx context.Context, zone string, add, remove []rotate.DS) error {
	zone, err := canonical(zone)
	if err != nil {
		return err
	}
	if len(add)+len(remove) == 0 {
		return nil
	}
	if m.Tell == nil {
		return fmt.Errorf("parent: change of DS records of %s: %w", zone, errNoTell)
	}
	if err := m.submit(ctx, Change{Zone: zone, Add: add, Remove: remove}); err != nil {
		return fmt.Errorf("parent: tell of a change of DS records of %s: %w", zone, err)
	}
	return nil
}

// Observe asks the Observer.
func (m *Manual) Observe(ctx context.Context, zone string) (rotate.DSFacts, error) {
	return observe(ctx, m.Observer, zone)
}

// note is what is remembered of the last change of a zone.
type note struct {
	Change string    `json:"change"` // its digest
	Since  time.Time `json:"since"`
	Last   time.Time `json:"last"`
	Count  int       `json:"count"` // how often it was told
}

// submit remembers before it tells, since two that tell the same at once are told
// apart by the store only; if telling fails it takes that back.
func (m *Manual) submit(ctx context.Context, c Change) error {
	memory := m.memory()
	key := "parent/manual/" + c.Zone
	old, rev, err := load(ctx, memory, key)
	if err != nil {
		return err
	}
	now := time.Now()
	if m.Now != nil {
		now = m.Now()
	}
	next := note{Change: c.digest(), Since: now, Last: now, Count: 1}
	if old.Change == next.Change {
		if !m.due(old, now) {
			return nil
		}
		next.Since, next.Count = old.Since, old.Count+1
	}
	rev, err = save(ctx, memory, key, next, rev)
	if errors.Is(err, fs.ErrExist) {
		return nil // another process tells of it
	}
	if err != nil {
		return err
	}
	c.Since, c.Reminder = next.Since, next.Count-1
	if err := m.Tell(ctx, c); err != nil {
		_, undo := save(context.WithoutCancel(ctx), memory, key, old, rev)
		return errors.Join(err, undo)
	}
	return nil
}

// due says whether it is time for a reminder.
func (m *Manual) due(n note, now time.Time) bool {
	remind, most := m.Remind, m.Reminders
	if remind == 0 {
		remind = 24 * time.Hour
	}
	if most == 0 {
		most = 7
	}
	return n.Count <= most && !now.Before(n.Last.Add(remind))
}

func (m *Manual) memory() Memory {
	if m.Memory != nil {
		return m.Memory
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.told.vals == nil {
		m.told.vals = make(map[string][]byte)
		m.told.revs = make(map[string]int64)
	}
	return &m.told
}

// digest tells changes apart, whatever the order of their records.
func (c Change) digest() string {
	lines := strings.Split(c.String(), "\n")
	slices.Sort(lines)
	sum := sha256.Sum256([]byte(strings.Join(lines, "\n")))
	return hex.EncodeToString(sum[:])
}

func load(ctx context.Context, memory Memory, key string) (note, int64, error) {
	val, rev, err := memory.Get(ctx, key)
	if errors.Is(err, fs.ErrNotExist) {
		return note{}, 0, nil
	}
	var n note
	if err == nil {
		err = json.Unmarshal(val, &n)
	}
	return n, rev, err
}

func save(ctx context.Context, memory Memory, key string, n note, rev int64) (int64, error) {
	val, err := json.Marshal(n)
	if err != nil {
		return 0, err
	}
	return memory.Put(ctx, key, val, rev)
}

// mapMemory is a Memory that a restart empties.
type mapMemory struct {
	mu   sync.Mutex // guards vals and revs
	vals map[string][]byte
	revs map[string]int64
}

func (m *mapMemory) Get(_ context.Context, key string) ([]byte, int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	val, ok := m.vals[key]
	if !ok {
		return nil, 0, fs.ErrNotExist
	}
	return val, m.revs[key], nil
}

func (m *mapMemory) Put(_ context.Context, key string, val []byte, ifRev int64) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.revs[key] != ifRev {
		return 0, fs.ErrExist
	}
	m.revs[key]++
	m.vals[key] = val
	return m.revs[key], nil
}
