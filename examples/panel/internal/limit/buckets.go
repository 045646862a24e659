package limit

import (
	"sync"
	"time"
)

// Buckets have a bucket for each key, which is full at first. Its methods may be called by
// many goroutines. Do not copy it after its first use.
type Buckets struct {
	// Burst is how many tokens a bucket holds. Zero means 1.
	Burst int
	// Every is how long it takes until a taken token is back. Zero means a second.
	Every time.Duration
	// Most is how many keys are remembered. When there are more, full buckets are
	// forgotten, and if that is not enough, the others that were taken from longest ago.
	// Zero means 100000.
	Most int

	mu  sync.Mutex
	key map[string]bucket // under mu
}

// bucket is as it was at a time.
type bucket struct {
	tokens float64
	at     time.Time
}

func (b *Buckets) burst() float64 { return float64(max(b.Burst, 1)) }

func (b *Buckets) every() time.Duration {
	if b.Every <= 0 {
		return time.Second
	}
	return b.Every
}

func (b *Buckets) most() int {
	if b.Most <= 0 {
		return 100_000
	}
	return b.Most
}

// Take takes a token. If there is none it returns how long to wait for one, and takes
// nothing.
func (b *Buckets) Take(key string) (wait time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	state := b.state(key, now)
	if state.tokens < 1 {
		return max(time.Duration((1-state.tokens)*float64(b.every())), 1)
	}
	state.tokens--
	b.keep(key, state, now)
	return 0
}

// Give gives a token back that was taken for nothing.
func (b *Buckets) Give(key string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	state := b.state(key, now)
	state.tokens = min(state.tokens+1, b.burst())
	b.keep(key, state, now)
}

// Full reports whether nothing was taken from a bucket lately.
func (b *Buckets) Full(key string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.state(key, time.Now()).tokens >= b.burst()
}

// state is a bucket as it is now.
func (b *Buckets) state(key string, now time.Time) bucket {
	state, ok := b.key[key]
	if !ok {
		return bucket{b.burst(), now}
	}
	state.tokens = min(state.tokens+float64(now.Sub(state.at))/float64(b.every()), b.burst())
	state.at = now
	return state
}

func (b *Buckets) keep(key string, state bucket, now time.Time) {
	if state.tokens >= b.burst() {
		delete(b.key, key)
		return
	}
	if b.key == nil {
		b.key = map[string]bucket{}
	}
	if _, ok := b.key[key]; !ok && len(b.key) >= b.most() {
		b.forget(now)
	}
	b.key[key] = state
}

// forget makes room: a tenth at least, so that it is not done for each key.
func (b *Buckets) forget(now time.Time) {
	for key := range b.key {
		if b.state(key, now).tokens >= b.burst() {
			delete(b.key, key)
		}
	}
	for len(b.key) > b.most()*9/10 {
		b.forgetHalf(now)
	}
}

// forgetHalf forgets those older than the middle of the span of times.
func (b *Buckets) forgetHalf(now time.Time) {
	oldest := now
	for _, state := range b.key {
		if state.at.Before(oldest) {
			oldest = state.at
		}
	}
	middle := oldest.Add(now.Sub(oldest) / 2)
	for key, state := range b.key {
		if !state.at.After(middle) {
			delete(b.key, key)
		}
	}
}
