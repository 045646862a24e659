package manager

import (
	"context"
	"sync"
	"time"

	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/dnssec/rotate"
)

// zone is what this process knows of a zone.
type zone struct {
	name string // canonical, with the dot at its end
	apex dnssec.Name

	work chan struct{} // holds a token while somebody works on the zone; guards the fields below

	contents *dnssec.Zone // as SetZone gave it; nil if it did not
	dirty    bool         // contents or policy may have changed since the last signing
	resign   bool         // all signatures are to be new, besides what the record says

	rec *record // as read or written last; nil before and after an error
	rev int64

	loaded   bool             // from Zones
	signed   *dnssec.Zone     // saved last, nil if there is none
	verified *dnssec.Verified // of signed
	staged   *dnssec.Zone     // its serial is taken, and it is not saved
	checked  *dnssec.Verified // of staged
	out      bool             // signed was published by this process
	announce bool             // once it is

	asides    map[string]bool // what fails and holds up nothing
	fresh     []rotate.NewKey // generated, and not in the state
	askNext   time.Time       // when the parent is asked again
	submitted string          // what the parent was asked for
	submitAt  time.Time

	mu   sync.Mutex // guards view
	view view
}

// view is what is told of a zone while somebody works on it.
type view struct {
	rev           int64 // of the record as this process wrote it last
	refresh, tick time.Time
	served        map[string]uint32
	problem       error
	since         time.Time
	failures      int
	toldDS        string
	given         bool // SetZone was called in this process
}

// enter waits until nobody works on the zone.
func (z *zone) enter(ctx context.Context) error {
	select {
	case z.work <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (z *zone) leave() { <-z.work }

// see returns what is told of the zone.
func (z *zone) see() view {
	z.mu.Lock()
	defer z.mu.Unlock()
	return z.view
}

// tell changes what is told of the zone.
func (z *zone) tell(fn func(v *view)) {
	z.mu.Lock()
	defer z.mu.Unlock()
	fn(&z.view)
}

// forget makes the next look begin with what is stored: somebody else wrote there, or a
// write may or may not have been done.
func (z *zone) forget() {
	z.rec, z.rev = nil, 0
	z.staged, z.checked = nil, nil
	z.fresh = nil
}
