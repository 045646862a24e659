package web

import (
	"crypto/rand"
	"sync"
	"time"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/model"
)

const (
	maxConsoles  = 1024 // that are open
	maxKeyboards = 4    // of one session, to type on
	maxLooks     = 32   // of one session, to look on
	consoleIdle  = 2 * time.Minute
)

// consoles are those that are open. A browser comes and goes with each request, so a
// console is kept between them, and is given back when nothing has come for a while:
// who looks on is written down once, and not with each page.
type consoles struct {
	mu   sync.Mutex // guards all below
	byID map[string]*openConsole
}

// openConsole is one of them.
type openConsole struct {
	all         *consoles
	id          string
	session, pi string
	console     model.Console
	typing      bool

	users int         // requests that use it now; guarded by all.mu
	idle  *time.Timer // runs while there are none; guarded by all.mu
}

var errTooMany = input("Too many consoles are open: leave one first.")

// lookID names the console through which a session looks on.
func lookID(session, pi string) string { return "look " + session + " " + pi }

// add keeps a console with the keyboard, and returns the name that only its session
// can use.
func (k *consoles) add(console model.Console, session, pi string) (id string, err error) {
	b := &openConsole{all: k, id: rand.Text(), session: session, pi: pi, console: console, typing: true}
	return b.id, k.keep(b)
}

// look keeps a console to look on. The session may have another for the same Pi, which
// was opened meanwhile: then that stays.
func (k *consoles) look(console model.Console, session, pi string) error {
	return k.keep(&openConsole{all: k, id: lookID(session, pi), session: session, pi: pi, console: console})
}

func (k *consoles) keep(b *openConsole) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.byID[b.id] != nil {
		return errTooMany
	}
	own, most := 0, maxLooks
	if b.typing {
		most = maxKeyboards
	}
	for _, other := range k.byID {
		if other.session == b.session && other.typing == b.typing {
			own++
		}
	}
	if own >= most || len(k.byID) >= maxConsoles {
		return errTooMany
	}
	if k.byID == nil {
		k.byID = make(map[string]*openConsole)
	}
	k.byID[b.id] = b
	b.idle = time.AfterFunc(consoleIdle, b.expire)
	return nil
}

// use returns a console of a session, which stays until unuse. Nil is that there is
// none, or that it is another's.
func (k *consoles) use(id, session, pi string) *openConsole {
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

func (b *openConsole) unuse() {
	b.all.mu.Lock()
	defer b.all.mu.Unlock()
	if b.users--; b.users == 0 {
		b.idle.Reset(consoleIdle)
	}
}

// expire gives the console back if nobody uses it.
func (b *openConsole) expire() {
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
func (k *consoles) leave(id, session string) {
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
func (k *consoles) closeAll() {
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
