package snmpx

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/gosnmp/gosnmp"
)

// Client talks to one agent. It may be used by many goroutines, whose requests
// wait for each other.
type Client struct {
	config Config
	target string
	wire   *wire
	count  counters
	closed atomic.Bool

	perGet, perBulk atomic.Int32 // how many objects are asked for at once
	mostBulk        atomic.Int32 // what perBulk may become again
	answered        atomic.Int32 // GETBULKs while it may

	turn chan struct{} // holds one token; who has it may use what follows

	id      int32          // of v2c: the last request's
	session *gosnmp.GoSNMP // of v3: nil before the first request and after an engine change
	engine  []byte         // of v3: the last one that knew our keys
	met     []byte         // of v3: a new one, of which somebody who wanted to write was told
}

// Dial makes a client. It sends nothing: a wrong password shows at the first
// request.
func Dial(ctx context.Context, c Config) (*Client, error) {
	if err := c.Credentials.Validate(); err != nil {
		return nil, err
	}
	conn, err := c.dial(ctx)
	if err != nil {
		return nil, fmt.Errorf("snmpx: dial %s: %w", c.target(), err)
	}
	client := &Client{config: c, target: c.target(), turn: make(chan struct{}, 1), id: firstID()}
	client.perGet.Store(c.maxVarbinds(defaultPerGet))
	client.perBulk.Store(c.maxVarbinds(defaultPerBulk))
	client.mostBulk.Store(c.maxVarbinds(defaultPerBulk))
	client.wire = &wire{conn: conn, minTimeout: c.minTimeout(), maxTimeout: c.maxTimeout(), count: &client.count}
	return client, nil
}

// firstID is where request ids begin, so that nobody can guess them.
func firstID() int32 {
	var b [4]byte
	rand.Read(b[:])
	return int32(binary.BigEndian.Uint32(b[:]) & 0x7fffffff)
}

// Close closes the socket. A request under way fails with [ErrClosed].
func (c *Client) Close() error {
	if c.closed.Swap(true) {
		return nil
	}
	return c.wire.Close()
}

// Target is the agent's address, as "192.0.2.1:161".
func (c *Client) Target() string { return c.target }

// String is the agent's address. The credentials are in no printed form.
func (c *Client) String() string { return "snmpx client of " + c.target }

// Format prints String, whatever the verb.
func (c *Client) Format(f fmt.State, _ rune) { fmt.Fprint(f, c.String()) }

// operation is one request, in as many messages as it takes.
type operation struct {
	name     string // "get", "set", "getbulk"
	tag      gosnmp.PDUType
	write    bool
	vars     []Var // what it is about; for a GET without values
	rows     int   // of a GETBULK: max-repetitions
	patience time.Duration
	retries  int
}

// do does an operation and returns the answer's variables. An answer with an
// error-status is a *PDUError.
func (c *Client) do(ctx context.Context, op operation) ([]Var, error) {
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return nil, c.fail(op, ctx.Err())
	}
	r, err := c.attempt(ctx, op)
	var change *engineChange
	if errors.As(err, &change) {
		r, err = c.meet(ctx, op, change.engine)
	}
	if err != nil {
		return nil, c.fail(op, err)
	}
	c.accept()
	if r.status != NoError {
		return nil, c.refusal(op, r)
	}
	return r.vars, nil
}

// attempt does an operation once, with the retries that the network needs.
func (c *Client) attempt(ctx context.Context, op operation) (r reply, err error) {
	if c.closed.Load() {
		return reply{}, ErrClosed
	}
	end := c.wire.begin(ctx)
	defer end()
	w := c.wire
	w.community, w.pinned, w.patience = c.community(op.write), c.pinned(op.write), op.patience
	if c.config.Credentials.V3.User == "" {
		r, err = c.askV2c(op)
	} else {
		r, err = c.askV3(op)
	}
	if err != nil {
		return reply{}, c.explain(ctx, op, err)
	}
	return r, nil
}

// explain finds the error behind what gosnmp says, which has one text for many.
func (c *Client) explain(ctx context.Context, op operation, err error) error {
	w := c.wire
	switch {
	case w.fatal != nil:
		if c.config.Credentials.V3.User != "" {
			c.session = nil // its keys or engine do not fit
		}
		return w.fatal
	case ctx.Err() != nil:
		return ctx.Err()
	case c.closed.Load():
		return ErrClosed
	case w.broken != nil:
		return w.broken
	case w.silent:
		return c.silence(op)
	case w.report != nil:
		c.session = nil
		return fmt.Errorf("%w: the agent does not take our messages (report %s)", ErrAuth, w.report)
	}
	return err
}

// accept notes that the agent has proved to know our keys.
func (c *Client) accept() {
	old, now := c.engine, c.wire.engine
	if now == nil || string(old) == string(now) {
		return
	}
	c.engine, c.met = now, nil
	if old == nil {
		return
	}
	c.config.log().Warn("another SNMP engine answers for the agent", "agent", c.target,
		"old", fmt.Sprintf("%x", old), "new", fmt.Sprintf("%x", now))
	if c.config.OnEngineChange != nil {
		c.config.OnEngineChange(old, now)
	}
}

// meet goes on after another engine than before has answered. It may be another
// switch, on which the same name is another port: nothing is written to it
// before somebody was told.
func (c *Client) meet(ctx context.Context, op operation, engine []byte) (reply, error) {
	if pin := c.config.Credentials.V3.EngineID; len(pin) > 0 {
		return reply{}, fmt.Errorf("%w: %x in place of %x, which is pinned; nothing was sent to it", ErrEngineChanged, engine, pin)
	}
	if op.write {
		c.met = engine
		return reply{}, fmt.Errorf("%w: %x in place of %x; nothing was written: see that it is the same switch, and try again",
			ErrEngineChanged, engine, c.engine)
	}
	r, err := c.attempt(ctx, op)
	var change *engineChange
	if errors.As(err, &change) {
		return reply{}, fmt.Errorf("%w: again and again: two agents seem to have the address", ErrEngineChanged)
	}
	return r, err
}

// pinned is the only engine to talk to: for reading the one of the
// configuration, for writing one that the caller knows of.
func (c *Client) pinned(write bool) []byte {
	switch pin := c.config.Credentials.V3.EngineID; {
	case len(pin) > 0 || !write:
		return pin
	case c.met != nil:
		return c.met
	}
	return c.engine
}

// community is the one for the purpose; empty with v3.
func (c *Client) community(write bool) Secret {
	v := c.config.Credentials.V2c
	if write || v.Read == "" {
		return v.Write
	}
	return v.Read
}
