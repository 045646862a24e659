package snmpx

import "time"

// rtt follows the round trip time, RFC 6298. A retry has an id of its own, so
// that an answer always tells which message it is to, and Karn's rule is not
// needed.
type rtt struct {
	smoothed, variation time.Duration
	known               bool
}

// firstTimeouts is how many times the least timeout the first message waits,
// before anything is known.
const firstTimeouts = 3

func (r *rtt) sample(d time.Duration) {
	if !r.known {
		r.smoothed, r.variation, r.known = d, d/2, true
		return
	}
	r.variation += ((r.smoothed - d).Abs() - r.variation) / 4
	r.smoothed += (d - r.smoothed) / 8
}

// timeout is how long to wait for the answer to a message that was sent
// retries times before.
func (r *rtt) timeout(retries int, least, most time.Duration) time.Duration {
	d := firstTimeouts * least
	if r.known {
		d = max(r.smoothed+4*r.variation, least)
	}
	for range retries {
		if d >= most {
			break
		}
		d *= 2
	}
	return min(d, most)
}
