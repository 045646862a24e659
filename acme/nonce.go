package acme

import (
	"sync"
	"time"
)

const (
	maxNonces = 256
	// nonceLife is less than authorities keep a nonce.
	nonceLife = 5 * time.Minute
)

// noncePool keeps the nonces that replies brought, RFC 8555 section 6.5: the
// newest are used first, the oldest forgotten.
type noncePool struct {
	mu   sync.Mutex
	free []nonce // guarded by mu, oldest first
}

type nonce struct {
	value string
	at    time.Time
}

func (p *noncePool) put(value string, now time.Time) {
	if value == "" || len(value) > maxNonceLength {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.free) == maxNonces {
		p.free = append(p.free[:0], p.free[1:]...)
	}
	p.free = append(p.free, nonce{value, now})
}

const maxNonceLength = 1024

// take returns a nonce that is not old, or "".
func (p *noncePool) take(now time.Time) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.free)
	if n == 0 {
		return ""
	}
	last := p.free[n-1]
	if age := now.Sub(last.at); age > nonceLife || age < -nonceLife {
		p.free = p.free[:0] // the others are older
		return ""
	}
	p.free = p.free[:n-1]
	return last.value
}
