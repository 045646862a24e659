package dnssec

import (
	"fmt"
	"time"
)

// ExpireError says that a secondary which loses touch with its primary would serve
// expired signatures before it stops to serve the zone.
type ExpireError struct {
	Zone Name
	// Expire is that of the SOA record: how long a secondary serves the zone without
	// its primary (RFC 1035, section 3.3.13).
	Expire time.Duration
	// Left is how long the first signature to expire is still good.
	Left time.Duration
}

// Error says what to change.
func (e *ExpireError) Error() string {
	return fmt.Sprintf("dnssec: zone %q: secondaries may serve it for %v without the primary (SOA EXPIRE), and its first signature expires in %v: lower EXPIRE, or raise Refresh of the signer",
		e.Zone, e.Expire, e.Left)
}

// CheckExpire returns an [*ExpireError] if the SOA's EXPIRE is longer than the
// signatures of the zone are still good at a time (RFC 6781, section 4.4.2.2). It
// is a warning: nothing is wrong while all secondaries reach the primary. Just before
// the zone is signed again, at [Report.NextRefresh], is when it matters most.
func (z *Zone) CheckExpire(at time.Time) error {
	var first census
	for _, c := range z.nodes {
		first.add(c.census)
	}
	if first.sigs == 0 {
		return nil
	}
	left := time.Duration(int32(first.expires-uint32(at.Unix()))) * time.Second
	return z.checkExpire(max(left, 0))
}

// CheckExpire is what [Zone.CheckExpire] says at the worst moment of a zone that is
// always signed again in time: its signatures are then good for Refresh.
func (v Validity) CheckExpire(z *Zone) error { return z.checkExpire(v.withDefaults().Refresh) }

func (z *Zone) checkExpire(left time.Duration) error {
	rdata := z.soa().rdata[0]
	expire := time.Duration(at32(rdata, len(rdata)-8)) * time.Second
	if expire <= left {
		return nil
	}
	return &ExpireError{Zone: z.origin, Expire: expire, Left: left}
}
