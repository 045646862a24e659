package tftp

import "time"

// initialRTO is the retransmission timeout before the first round trip was
// timed. bootcode.bin of a Raspberry Pi gives a file up after one second
// without a packet: there is time to lose two.
const initialRTO = 100 * time.Millisecond

// timer estimates how long an answer takes, as RFC 6298 does, between a floor
// and a ceiling of its own. RFC 1123 section 4.2.3.2 asks for it.
type timer struct {
	low, high time.Duration
	srtt, dev time.Duration // srtt 0: nothing timed yet
	shift     uint          // doublings since an answer came in time
}

// sample takes in a round trip. The caller leaves out those of packets that
// were sent twice (Karn's rule).
func (t *timer) sample(rtt time.Duration) {
	rtt = max(rtt, time.Microsecond)
	t.shift = 0
	if t.srtt == 0 {
		t.srtt, t.dev = rtt, rtt/2
		return
	}
	t.dev += ((t.srtt - rtt).Abs() - t.dev) / 4
	t.srtt += (rtt - t.srtt) / 8
}

// late takes in the answer to a packet that was sent more than once, first that
// long ago and again that long ago. One that comes much sooner than a round trip
// after the copy is to an earlier one: the client is slow, and nothing was lost.
// It has to be allowed more then, or each packet would be sent twice for ever.
func (t *timer) late(first, again time.Duration) {
	if again < t.srtt/2 {
		t.dev += ((t.srtt - min(first, t.high)).Abs() - t.dev) / 4
	}
}

// backoff doubles the timeout until the next sample.
func (t *timer) backoff() { t.shift = min(t.shift+1, 16) }

// rto returns the timeout of the next packet.
func (t *timer) rto() time.Duration {
	d := initialRTO
	if t.srtt > 0 {
		d = t.srtt + 4*t.dev
	}
	d = max(d, t.low)
	for range t.shift {
		if d *= 2; d >= t.high {
			break
		}
	}
	return min(d, t.high)
}

// firstRTO returns the timeout of the packet that answers a request, when it
// was sent n times before. Nobody has proved yet that the address in the
// request is real, so it backs off far beyond the ceiling: one forged request
// draws few packets. A real client asks again.
func (t *timer) firstRTO(n int) time.Duration {
	const most = 2 * time.Second
	d := min(max(initialRTO, t.low), t.high)
	for range n {
		if d *= 2; d >= most {
			return most
		}
	}
	return d
}
