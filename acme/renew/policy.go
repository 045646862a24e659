package renew

import (
	"hash/fnv"
	"math"
	"math/rand/v2"
	"time"

	"github.com/mythic-beasts/hostkit/acme"
)

const day = 24 * time.Hour

// Clocks that differ by less are the same.
const skew = time.Hour

// Policy says when to renew. The zero value is what authorities recommend.
type Policy struct {
	// Fraction is the share of the lifetime after which to renew. 0 is 2/3.
	Fraction float64
	// ShortFraction is the same for lifetimes below Short. 0 is 1/2.
	ShortFraction float64
	// Short is the lifetime from which Fraction counts. 0 is 10 days.
	Short time.Duration
	// Emergency is the share of the lifetime that must be left: then the certificate
	// is renewed even if the authority's window begins later. 0 is 1/20.
	Emergency float64
	// Jitter is the share of the lifetime by which renewals come sooner than Fraction
	// says, each by another part of it, so that certificates made together are not
	// renewed together. 0 is 1/50, a negative one none.
	Jitter float64
	// Backoff is the waits after the first failure, the second and so on; the last
	// one stays. Nil is 1 minute, 10 minutes, 100 minutes, 1 day.
	Backoff []time.Duration
	// AccountBudget bounds the orders of the account. Zero is 300 in 3 hours.
	AccountBudget Budget
	// NamesBudget bounds the certificates for the exact set of names. It counts none
	// that the authority took for a replacement. Zero is 5 in 7 days.
	NamesBudget Budget
}

// Plan is what to do about a certificate.
type Plan struct {
	// Renew says to renew now.
	Renew bool
	// Ask says to ask the authority for its window now.
	Ask bool
	// RenewAt is when the certificate is to be renewed as far as is known, a failure
	// and its wait included. Zero is at once.
	RenewAt time.Time
	// Next is when to look again if nothing changes, never before now.
	Next time.Time
	// Why is the reason for RenewAt, in a few words.
	Why string
}

// Next is what to do about a certificate in state s at that time. It is a pure
// function: the same arguments give the same plan, on every node.
func (p Policy) Next(s State, now time.Time) Plan {
	at, why := p.renewAt(s, now)
	if retry := p.retryAt(s, now); retry.After(at) {
		at, why = retry, "waits after a failure"
	}
	plan := Plan{RenewAt: at, Why: why, Renew: !at.After(now)}
	plan.Next = at
	if s.CertID != "" && s.Stale == "" {
		ask := askAt(s, now)
		plan.Ask = !ask.After(now)
		plan.Next = earliest(at, ask)
	}
	if plan.Next.Before(now) {
		plan.Next = now
	}
	return plan
}

// renewAt is when the certificate should be renewed if nothing fails.
func (p Policy) renewAt(s State, now time.Time) (time.Time, string) {
	switch {
	case s.CertID == "":
		return time.Time{}, "there is no certificate yet"
	case s.Stale != "":
		return time.Time{}, s.Stale
	}
	at, why := p.fallback(s), "its share of the lifetime has passed"
	if s.ARI.CertID == s.CertID && usable(s.ARI, s.Issued) {
		at, why = s.ARI.Selected, "in the authority's window"
		if last := p.emergency(s); at.After(last) {
			at, why = last, "too little time is left to wait for the authority's window"
		}
	}
	if rest := s.Issued.Add(restFor(s)); at.Before(rest) && !s.Issued.After(now.Add(skew)) {
		at, why = rest, "it was renewed only just"
	}
	return at, why
}

// usable says whether a stored window makes sense for what was issued then.
func usable(w Window, issued time.Time) bool {
	return w.End.After(w.Start) && w.End.After(issued) &&
		!w.Selected.Before(w.Start) && !w.Selected.After(w.End)
}

// fallback is when to renew without a window of the authority.
func (p Policy) fallback(s State) time.Time {
	life := s.NotAfter.Sub(s.NotBefore)
	share := or(p.Fraction, 2.0/3)
	if life < or(p.Short, 10*day) {
		share = or(p.ShortFraction, 0.5)
	}
	share -= max(or(p.Jitter, 1.0/50), 0) * fraction(s.CertID)
	return s.NotBefore.Add(part(life, share))
}

// emergency is the last moment at which to renew.
func (p Policy) emergency(s State) time.Time {
	return s.NotAfter.Add(-part(s.NotAfter.Sub(s.NotBefore), or(p.Emergency, 1.0/20)))
}

// restFor is how long a certificate is left alone.
func restFor(s State) time.Duration {
	life := s.NotAfter.Sub(s.NotBefore)
	rest := min(day, life/4)
	for range s.Early {
		if rest *= 2; rest >= life/2 {
			return life / 2
		}
	}
	return max(rest, 0)
}

// retryAt is when to try again after failures.
func (p Policy) retryAt(s State, now time.Time) time.Time {
	if s.Failures == 0 || s.Tried.After(now.Add(skew)) {
		return time.Time{} // none, or by a clock that was wrong
	}
	waits := p.Backoff
	if len(waits) == 0 {
		waits = []time.Duration{time.Minute, 10 * time.Minute, 100 * time.Minute, day}
	}
	wait := waits[min(s.Failures, len(waits))-1]
	if s.CertID != "" {
		// A day is too long when the certificate has hours.
		wait = min(wait, max(s.NotAfter.Sub(s.Tried)/8, 15*time.Minute))
	}
	wait = max(wait, min(s.Wait, day))
	return s.Tried.Add(wait + part(wait/10, fraction(s.Tried.String()+s.CertID)))
}

// askAt is when to ask the authority for its window.
func askAt(s State, now time.Time) time.Time {
	if s.AskAt.After(now.Add(2 * day)) {
		return time.Time{} // by a clock that was wrong
	}
	return s.AskAt
}

// Answer is the state after a good answer of the authority about the certificate.
// The moment is chosen by random the first time, and again only if the window
// changed so that it is outside. An answer for another certificate, or whose window
// was over when this one was made, changes only when to ask again.
func (p Policy) Answer(s State, info acme.RenewalInfo, now time.Time) State {
	every := min(max(info.RetryAfter, time.Minute), day)
	s.AskAt = wall(now.Add(every + part(every/10, chance())))
	w := Window{CertID: info.CertID, Start: wall(info.Start), End: wall(info.End), Selected: s.ARI.Selected, Explanation: info.ExplanationURL}
	if s.ARI.CertID != w.CertID || w.Selected.Before(w.Start) || w.Selected.After(w.End) {
		w.Selected = wall(w.Start.Add(part(w.End.Sub(w.Start), chance())))
	}
	if w.CertID == s.CertID && usable(w, s.Issued) {
		s.ARI = w
	}
	return s
}

// NoAnswer is the state after the authority was asked for its window and gave no
// good answer. What it said before still counts.
func (p Policy) NoAnswer(s State, now time.Time) State {
	s.AskAt = wall(now.Add(6*time.Hour + part(time.Hour, chance())))
	return s
}

// Failed is the state after a try that failed.
func (p Policy) Failed(s State, why string, wait time.Duration, now time.Time) State {
	s.Failures++
	s.Tried, s.Wait, s.LastError = wall(now), max(wait, 0), why
	return s
}

func or[T comparable](v, zero T) T {
	var none T
	if v == none {
		return zero
	}
	return v
}

func part(d time.Duration, share float64) time.Duration {
	return time.Duration(math.Round(float64(d) * share))
}

// fraction is a number in [0, 1) that is always the same for a text.
func fraction(text string) float64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(text))
	return rand.New(rand.NewPCG(h.Sum64(), 1)).Float64() //nolint:gosec // a moment, not a key
}

// chance is a number in [0, 1) that is another each time.
func chance() float64 { return rand.Float64() } //nolint:gosec // a moment, not a key

func earliest(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// wall is the time without the monotonic clock and below a second.
func wall(t time.Time) time.Time { return t.Round(0).UTC().Truncate(time.Second) }
