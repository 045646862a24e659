package manager

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"
)

// clock judges whether the time is to be believed. It knows when it last was, also from
// processes before this one, and distrusts a long silence: the clock was set, or nobody
// ran. A machine whose clock is wrong when it starts, and set right by NTP soon after,
// must not make signatures that begin next year, nor let caches forget in no time.
type clock struct {
	mu        sync.Mutex
	last      time.Time // when it was believed last
	stored    time.Time // what is in the store
	suspect   time.Time // since when it is distrusted, by itself
	latest    time.Time // what it said last while it is
	confirmed bool      // by a person, for the next look
	agreed    bool      // so, and nothing was wrong since
}

// maxSkew is by how much the clock of one machine may be behind that of another.
const maxSkew = time.Minute

// heartbeat is how often the time is stored.
const heartbeat = time.Hour

type beat struct {
	Time time.Time `json:"time"`
}

func (m *Manager) now() time.Time {
	if m.Now != nil {
		return m.Now()
	}
	return time.Now()
}

func (m *Manager) clockKey() string { return m.prefix() + "clock" }

// trust returns an error that wraps ErrClock if the time is not to be believed.
func (c *clock) trust(ctx context.Context, m *Manager) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := m.now().UTC().Round(0)
	if c.last.IsZero() {
		if err := c.read(ctx, m); err != nil {
			return err
		}
	}
	maxGap, settle := or(m.MaxGap, 5*24*time.Hour), or(m.Settle, time.Hour)
	switch {
	case c.last.IsZero():
	case c.confirmed:
		c.agreed = true
	case now.Before(c.last.Add(-maxSkew)):
		c.suspect, c.agreed = time.Time{}, false
		return fmt.Errorf("manager: %w: it is %s, and it was %s before: set it right; no key moves and nothing is signed until then",
			ErrClock, now.Format(time.RFC3339), c.last.Format(time.RFC3339))
	case now.Sub(c.last) > maxGap:
		if c.suspect.IsZero() || now.Before(c.latest) || now.Sub(c.latest) > maxGap {
			c.suspect = now // it begins, or jumped again
		}
		c.latest = now
		if now.Sub(c.suspect) < settle {
			c.agreed = false
			return fmt.Errorf("manager: %w: it is %s, and nothing was heard of it since %s: no key moves and nothing is signed before %s, or before it is confirmed",
				ErrClock, now.Format(time.RFC3339), c.last.Format(time.RFC3339), c.suspect.Add(settle).Format(time.RFC3339))
		}
	}
	c.suspect, c.confirmed, c.last = time.Time{}, false, now
	return c.write(ctx, m)
}

// confirm believes the clock as it is.
func (c *clock) confirm() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.confirmed = true
}

func (c *clock) read(ctx context.Context, m *Manager) error {
	data, _, err := m.Store.Get(ctx, m.clockKey())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("manager: read when the clock was believed last: %w", err)
	}
	var b beat
	if err := json.Unmarshal(data, &b); err != nil {
		return fmt.Errorf("manager: read when the clock was believed last: %w: %w; remove it from the store", ErrDamaged, err)
	}
	c.last, c.stored = b.Time, b.Time
	return nil
}

// write stores the time now and then.
func (c *clock) write(ctx context.Context, m *Manager) error {
	if c.last.Sub(c.stored).Abs() < heartbeat {
		return nil
	}
	data, err := json.Marshal(beat{c.last})
	if err == nil {
		_, err = m.Store.Put(ctx, m.clockKey(), data, -1)
	}
	if err != nil {
		return fmt.Errorf("manager: store the time: %w", err)
	}
	c.stored = c.last
	return nil
}

// stepTime is the time of a step. Another machine may have taken the last one, with a
// clock that is a little ahead. After a clock that was far ahead, and a person who says
// that it no longer is, time goes on from now; what was to wait until then waits.
func (m *Manager) stepTime(z *zone) time.Time {
	now, last := m.now(), z.rec.State.Last
	switch {
	case !now.Before(last):
	case !now.Before(last.Add(-maxSkew)):
		return last
	case m.clock.agrees():
		z.rec.State.Last = now.UTC().Round(0)
	}
	return now
}

func (c *clock) agrees() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.agreed
}
