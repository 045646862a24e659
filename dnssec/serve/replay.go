package serve

import (
	"sync"
	"time"

	"github.com/mythic-beasts/hostkit/dnssec/internal/tsig"
)

// A signature is good for a while before and after its time, and is not accepted
// again for as long.
const (
	replayTime  = 2 * tsig.Fudge * time.Second
	replayLimit = 1 << 16
)

// replays knows the signatures of transfers that were asked for not long ago: those
// of this period and of the one before.
type replays struct {
	mu        sync.Mutex // guards what is below
	now, last map[string]bool
	since     time.Time
}

// first says whether a signature is new.
func (r *replays) first(mac []byte, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now.Sub(r.since) > replayTime || len(r.now) >= replayLimit {
		r.last, r.now, r.since = r.now, make(map[string]bool), now
	}
	key := string(mac)
	if r.now[key] || r.last[key] {
		return false
	}
	r.now[key] = true
	return true
}
