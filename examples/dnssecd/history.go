package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"sync"
	"time"

	"github.com/mythic-beasts/hostkit/dnssec/manager"
	"github.com/mythic-beasts/hostkit/dnssec/rotate"
	"github.com/mythic-beasts/hostkit/dnssec/timeline"
)

// history remembers what happened to keys, for the drawing. It is in the same
// store as the zones' states, and of no consequence if it is lost.
type history struct {
	store manager.Store
	mu    sync.Mutex // one writer of this process
}

// remembered is for how long keys that are gone stay in the drawing.
const remembered = 400 * 24 * time.Hour

func historyKey(zone string) string { return "history/" + zone }

// load is what is known of a zone.
func (h *history) load(ctx context.Context, zone string) (timeline.Log, int64, error) {
	var log timeline.Log
	text, rev, err := h.store.Get(ctx, historyKey(zone))
	if errors.Is(err, fs.ErrNotExist) {
		return log, 0, nil
	}
	if err != nil {
		return log, 0, err
	}
	return log, rev, json.Unmarshal(text, &log)
}

// observe adds what changed. Another process that was quicker has added the same.
func (h *history) observe(ctx context.Context, zone string, keys []rotate.KeyStatus, now time.Time) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	log, rev, err := h.load(ctx, zone)
	if err != nil {
		return err
	}
	plain := make([]rotate.Key, len(keys))
	for i, k := range keys {
		plain[i] = k.Key
	}
	if !log.Observe(plain, now) {
		return nil
	}
	log.Trim(now.Add(-remembered))
	text, err := json.Marshal(log)
	if err != nil {
		return err
	}
	_, err = h.store.Put(ctx, historyKey(zone), text, rev)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}

// chart is the keys of a zone, past and planned. Zero durations are all that is
// known, and 90 days.
func (s *signer) chart(ctx context.Context, zone string, past, future time.Duration) (*timeline.Chart, error) {
	state, policy, err := s.State(ctx, zone)
	if err != nil {
		return nil, err
	}
	log, _, err := s.history.load(ctx, zone)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	future = cmp.Or(future, 90*24*time.Hour)
	c := &timeline.Chart{Zone: zone, Now: now, Past: log.Changes, To: now.Add(future)}
	if past > 0 {
		c.From = now.Add(-past)
	}
	// Parents that look at CDS records do so once a day as a rule.
	c.Planned, err = timeline.Plan(state, policy, now, timeline.Assume{For: future, ParentDelay: 24 * time.Hour})
	return c, err
}
