package routes

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// FollowerStatus is how a [Follower] is.
type FollowerStatus struct {
	// Synced says that what the store held at first is in force.
	Synced bool
	// Sites is how many are in force, LeftOut how many others the store has.
	Sites, LeftOut int
	// Err is why the store does not answer; nil when it does.
	Err error
	// Since is when it did not answer first, for Err; else it is zero.
	Since time.Time
}

// Status returns how the follower is. While the store does not answer, the routes are
// those of the time before.
func (f *Follower) Status() FollowerStatus {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.state
}

// count notes what is in force.
func (f *Follower) count() {
	f.state.Synced, f.state.Sites = true, f.known.in
	f.state.LeftOut = len(f.known.sites) - f.known.in
}

// probe asks the store now and then whether it answers.
func (f *Follower) probe(ctx context.Context, store Pinger) {
	every := f.Probe
	if every == 0 {
		every = 5 * time.Second
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		asked, cancel := context.WithTimeout(ctx, every)
		err := store.Ping(asked)
		cancel()
		if ctx.Err() != nil {
			return
		}
		f.mu.Lock()
		f.note(&f.pinging, err)
		f.mu.Unlock()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// note takes down how one of the ways to the store is, nil for well. The caller holds mu.
func (f *Follower) note(way *error, err error) {
	*way = err
	before := f.state.Err
	f.state.Err = errors.Join(f.watching, f.pinging)
	switch {
	case before == nil && f.state.Err != nil:
		f.state.Since = time.Now()
		f.log().Error("the store of routes does not answer, the routes stay", "prefix", f.Prefix, "err", err)
	case before != nil && f.state.Err == nil:
		f.log().Info("the store of routes answers again", "prefix", f.Prefix, "after", time.Since(f.state.Since).Round(time.Millisecond))
		f.state.Since = time.Time{}
	}
}

// String is for people.
func (s FollowerStatus) String() string {
	switch {
	case s.Err != nil && s.Synced:
		return fmt.Sprintf("%d sites, as they were %v ago: the store does not answer: %v", s.Sites, time.Since(s.Since).Round(time.Second), s.Err)
	case s.Err != nil:
		return fmt.Sprintf("no sites from the store, which does not answer for %v: %v", time.Since(s.Since).Round(time.Second), s.Err)
	case !s.Synced:
		return "the store is being read"
	}
	return fmt.Sprintf("%d sites, %d left out", s.Sites, s.LeftOut)
}
