package api

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/account"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/model"
)

const (
	usualWait = 25 // seconds
	// consoleLasts is how long a console stays open after its last use.
	consoleLasts = time.Minute
	mostConsoles = 16 // of a token
)

// errNothing is that there is no answer.
var errNothing = errors.New("nothing")

type consoleQuery struct {
	After uint64 `json:"after,omitempty" doc:"The number of the last screen; 0 asks for what there is."`
	Wait  int    `json:"wait,omitempty" doc:"How many seconds to wait at most; 25 if it is not said." least:"1" most:"60"`
}

// getConsole answers with a screen, or nothing if there was no other in time.
func getConsole(c *call, q consoleQuery, _ nothing) (model.Screen, error) {
	if q.Wait == 0 {
		q.Wait = usualWait
	}
	console, done, err := c.s.consoles.get(c, model.ConsoleOptions{})
	if err != nil {
		return model.Screen{}, err
	}
	defer done()
	ctx, cancel := context.WithTimeout(c.r.Context(), time.Duration(q.Wait)*time.Second)
	defer cancel()
	screen, err := console.Screen(ctx, q.After)
	switch {
	case err == nil:
		return screen, nil
	case errors.Is(context.Cause(ctx), account.ErrExpired):
		return model.Screen{}, account.ErrExpired
	case ctx.Err() != nil:
		return model.Screen{}, errNothing
	}
	console.close() // the next request opens another
	return model.Screen{}, err
}

type keysRequest struct {
	Keys string `json:"keys" doc:"As a terminal would send them." most:"4096"`
	Take bool   `json:"take,omitempty" doc:"Whether to take the right to type from who has it."`
}

func postKeys(c *call, _ nothing, b keysRequest) (nothing, error) {
	o := model.ConsoleOptions{Keyboard: true, Take: b.Take}
	err := typeKeys(c, o, b.Keys)
	if b.Take && errors.Is(err, model.ErrRefused) {
		err = typeKeys(c, o, b.Keys) // another had taken the keyboard since
	}
	return nothing{}, err
}

func typeKeys(c *call, o model.ConsoleOptions, keys string) error {
	console, done, err := c.s.consoles.get(c, o)
	if err != nil {
		return err
	}
	defer done()
	if err = console.Type(c.r.Context(), []byte(keys)); err != nil {
		console.close() // the next request opens another, and asks for the keyboard
	}
	return err
}

// consoles are those that tokens have open.
type consoles struct {
	mu   sync.Mutex
	open map[consoleKey]*openConsole // under mu
}

type consoleKey struct{ token, pi string }

// openConsole is a console. users and timer are under the lock of the consoles.
type openConsole struct {
	model.Console
	keyboard bool
	users    int
	timer    *time.Timer
	close    func()
}

// get is the token's console of a Pi, opened if need be. done lets go of it.
func (cs *consoles) get(c *call, o model.ConsoleOptions) (_ *openConsole, done func(), err error) {
	key := consoleKey{c.who.ID, c.pi()}
	if found := cs.find(key, o.Keyboard); found != nil {
		return found, func() { cs.done(found) }, nil
	}
	if cs.count(c.who.ID) >= mostConsoles {
		return nil, nil, errTooMany
	}
	// The console ends with the token and not with the request.
	ctx, cancel := c.s.o.Accounts.Until(context.WithoutCancel(c.r.Context()), c.who)
	opened, err := c.house.Console(ctx, key.pi, o)
	if err != nil {
		cancel()
		return nil, nil, err
	}
	made := &openConsole{Console: opened, keyboard: o.Keyboard, users: 1}
	made.close = sync.OnceFunc(func() {
		cs.forget(key, made)
		cancel()
		_ = opened.Close() // nobody can do anything about it
	})
	cs.keep(key, made)
	context.AfterFunc(ctx, made.close)
	return made, func() { cs.done(made) }, nil
}

// find is a console that is open, with the right to type if that is asked for.
func (cs *consoles) find(key consoleKey, keyboard bool) *openConsole {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	found := cs.open[key]
	if found == nil || keyboard && !found.keyboard {
		return nil
	}
	found.users++
	return found
}

func (cs *consoles) count(token string) (n int) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	for key := range cs.open {
		if key.token == token {
			n++
		}
	}
	return n
}

// keep keeps a new console. One that it replaces is closed when nobody uses it any more.
func (cs *consoles) keep(key consoleKey, made *openConsole) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if cs.open == nil {
		cs.open = map[consoleKey]*openConsole{}
	}
	made.timer = time.AfterFunc(consoleLasts, func() { cs.idle(made) })
	cs.open[key] = made
}

func (cs *consoles) done(c *openConsole) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	c.users--
	c.timer.Reset(consoleLasts)
}

// idle closes a console that nobody uses.
func (cs *consoles) idle(c *openConsole) {
	cs.mu.Lock()
	used := c.users > 0
	if used {
		c.timer.Reset(consoleLasts)
	}
	cs.mu.Unlock()
	if !used {
		c.close()
	}
}

func (cs *consoles) forget(key consoleKey, c *openConsole) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	c.timer.Stop()
	if cs.open[key] == c {
		delete(cs.open, key)
	}
}
