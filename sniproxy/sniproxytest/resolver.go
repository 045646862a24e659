package sniproxytest

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"github.com/mythic-beasts/hostkit/sniproxy/backend"
)

// Answer is what a [Resolver] says to one question.
type Answer struct {
	Addrs []netip.Addr
	TTL   time.Duration // zero means 5 minutes
	// Err is returned in place of Addrs.
	Err error
	// Hold keeps the answer back until it is closed or something is sent to it, or
	// the question's context ends.
	Hold <-chan struct{}
}

// Resolver is a [backend.Resolver] in memory. Names that are not scripted do not
// exist, for a minute. The zero value works.
type Resolver struct {
	mu      sync.Mutex
	answers map[string][]Answer
	asked   map[string]int
}

var _ backend.Resolver = (*Resolver)(nil)

// NewResolver returns a Resolver that knows the addresses of names, for 5 minutes.
func NewResolver(names map[string][]netip.Addr) *Resolver {
	r := new(Resolver)
	for name, addrs := range names {
		r.Set(name, Answer{Addrs: addrs})
	}
	return r
}

// Set scripts the answers to the next questions for a name, one each. The last one
// stays.
func (r *Resolver) Set(name string, answers ...Answer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.answers == nil {
		r.answers = make(map[string][]Answer)
	}
	r.answers[name] = answers
}

// Asked returns how many questions there were for a name.
func (r *Resolver) Asked(name string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.asked[name]
}

// Questions returns how many questions there were for all names.
func (r *Resolver) Questions() (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, asked := range r.asked {
		n += asked
	}
	return n
}

// LookupAAAA implements [backend.Resolver].
func (r *Resolver) LookupAAAA(ctx context.Context, name string) ([]netip.Addr, time.Duration, error) {
	a, ok := r.take(name)
	if !ok {
		return nil, time.Minute, &backend.LookupError{Name: name, Reason: backend.NoName}
	}
	if a.Hold != nil {
		select {
		case <-a.Hold:
		case <-ctx.Done():
			return nil, 0, &backend.LookupError{Name: name, Reason: backend.ServerFailure, Err: context.Cause(ctx)}
		}
	}
	if a.TTL == 0 {
		a.TTL = 5 * time.Minute
	}
	return a.Addrs, a.TTL, a.Err
}

func (r *Resolver) take(name string) (Answer, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.asked == nil {
		r.asked = make(map[string]int)
	}
	r.asked[name]++
	script := r.answers[name]
	if len(script) == 0 {
		return Answer{}, false
	}
	if len(script) > 1 {
		r.answers[name] = script[1:]
	}
	return script[0], true
}
