package farm

import (
	"fmt"
	"io/fs"
	"slices"
	"time"
)

// Generation is one root that was built for a Pi.
type Generation struct {
	ID        int       `json:"id"` // counts from 1, and is never used again
	Base      string    `json:"base"`
	Built     time.Time `json:"built"`
	Confirmed time.Time `json:"confirmed,omitzero"` // when a boot of it was seen
	Failed    bool      `json:"failed,omitempty"`   // it was rolled back
	Handle    string    `json:"handle"`             // of its folder, as of name_to_handle_at(2)
}

// State is what is known of a Pi. It is stored as JSON, and changes by exchange
// of the whole file.
type State struct {
	Name        string       `json:"name"`
	Number      uint16       `json:"number"`  // of its export, from 1, and stable
	Current     int          `json:"current"` // the generation that is served
	Pending     bool         `json:"pending"` // no boot was seen since it is served
	Swapped     time.Time    `json:"swapped"` // since when it is served
	Cycled      time.Time    `json:"cycled,omitzero"`
	Cycles      int          `json:"cycles,omitempty"` // power cycles since Swapped
	Seen        time.Time    `json:"seen,omitzero"`    // the last boot
	InUse       []int        `json:"in_use"`           // generations that the Pi may be running
	Last        int          `json:"last"`             // the newest generation there ever was
	Swap        *Swap        `json:"swap,omitempty"`   // an exchange that was begun
	Generations []Generation `json:"generations"`      // oldest first
}

// Swap is an exchange of roots that was begun.
type Swap struct {
	To       int  `json:"to"`
	Rollback bool `json:"rollback,omitempty"`
}

// Generation returns one by its number, or an error that is [fs.ErrNotExist].
func (s *State) Generation(id int) (*Generation, error) {
	for i := range s.Generations {
		if s.Generations[i].ID == id {
			return &s.Generations[i], nil
		}
	}
	return nil, fmt.Errorf("generation %d: %w", id, fs.ErrNotExist)
}

// Previous is the generation that a rollback returns to: the newest that was
// confirmed and is not the current one. 0: there is none.
func (s *State) Previous() int {
	for _, g := range slices.Backward(s.Generations) {
		if g.ID != s.Current && !g.Confirmed.IsZero() && !g.Failed {
			return g.ID
		}
	}
	return 0
}

// swapped records that the exchange is done.
func (s *State) swapped(now time.Time) {
	if s.Swap.Rollback {
		if g, err := s.Generation(s.Current); err == nil {
			g.Failed = true
		}
	}
	s.Current, s.Swap = s.Swap.To, nil
	s.Pending, s.Swapped, s.Cycled, s.Cycles = true, now, time.Time{}, 0
	if !slices.Contains(s.InUse, s.Current) {
		s.InUse = append(s.InUse, s.Current)
	}
}

// seen records a boot that began at some time. One that began before the current
// generation was served says nothing about it.
func (s *State) seen(at time.Time) (confirmed bool) {
	if at.After(s.Seen) {
		s.Seen = at
	}
	if !at.After(s.Swapped) {
		return false
	}
	s.Pending, s.InUse = false, []int{s.Current}
	g, err := s.Generation(s.Current)
	if err != nil {
		return false
	}
	g.Failed = false
	if !g.Confirmed.IsZero() {
		return false
	}
	g.Confirmed = at
	return true
}

// drop forgets a generation.
func (s *State) drop(id int) {
	s.Generations = slices.DeleteFunc(s.Generations, func(g Generation) bool { return g.ID == id })
}
