package web

import (
	"crypto/rand"
	"sync"
	"time"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/model"
)

const (
	maxKeyboards = 256 // consoles that somebody types on
	maxOfSession = 4   // of them of one session
	keyboardIdle = 2 * time.Minute
)

// keyboards are the consoles that somebody types on. A browser comes and goes with
// each request, so the console is kept between them, and is given back when nothing
// has come for a while.
type keyboards struct {
	mu   sync.Mutex // guards all below
	byID map[string]*keyboard
}

// keyboard is one of them.
type keyboard struct {
	all         *keyboards
	id          string
	session, pi string
	console     model.Console

	users int         // requests that use it now; guarded by all.mu
	idle  *time.Timer // runs while there are none; guarded by all.mu
}

var errTooMany = input("Too many keyboards are taken: leave one first.")

// add keeps a console, and returns the name that only its session can use.
func (k *keyboards) add(console model.Console, session, pi string) (id string, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	own := 0
	for _, other := range k.byID {
		if other.session == session {
			own++
		}
	}
	if own >= maxOfSession || len(k.byID) >= maxKeyboards {
		return "", errTooMany
	}
	if k.byID == nil {
		k.byID = make(map[string]*keyboard)
	}
	b := &keyboard{all: k, id: rand.Text(), session: session, pi: pi, console: console}
	b.idle = time.AfterFunc(keyboardIdle, b.expire)
	k.byID[b.id] = b
	return b.id, nil
}

// use returns a keyboard of a session, which stays until unuse. Nil is that there is
// none, or that it is another's.
func (k *keyboards) use(id, session, pi string) *keyboard {
	k.mu.Lock()
	defer k.mu.Unlock()
	b := k.byID[id]
	if b == nil || b.session != session || b.pi != pi {
		return nil
	}
	b.users++
	b.idle.Stop()
	return b
}

func (b *keyboard) unuse() {
	b.all.mu.Lock()
	defer b.all.mu.Unlock()
	if b.users--; b.users == 0 {
		b.idle.Reset(keyboardIdle)
	}
}

// expire gives the console back if nobody uses it.
func (b *keyboard) expire() {
	b.all.mu.Lock()
	unused := b.users == 0 && b.all.byID[b.id] == b
	if unused {
		delete(b.all.byID, b.id)
	}
	b.all.mu.Unlock()
	if unused {
		_ = b.console.Close() // nothing is lost by it
	}
}

// leave gives a console of a session back.
func (k *keyboards) leave(id, session string) {
	k.mu.Lock()
	b := k.byID[id]
	mine := b != nil && b.session == session
	if mine {
		delete(k.byID, id)
		b.idle.Stop()
	}
	k.mu.Unlock()
	if mine {
		_ = b.console.Close() // nothing is lost by it
	}
}

// closeAll gives all back.
func (k *keyboards) closeAll() {
	k.mu.Lock()
	all := k.byID
	k.byID = nil
	for _, b := range all {
		b.idle.Stop()
	}
	k.mu.Unlock()
	for _, b := range all {
		_ = b.console.Close() // nothing is lost by it
	}
}
