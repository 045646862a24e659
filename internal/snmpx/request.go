package snmpx

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/gosnmp/gosnmp"
)

// Get reads objects. A missing one is a Value that is not present; many are
// asked for in as many messages as needed, and in smaller ones when the agent
// answers tooBig.
func (c *Client) Get(ctx context.Context, oids ...OID) ([]Value, error) {
	values := make([]Value, 0, len(oids))
	for len(oids) > 0 {
		n := min(len(oids), int(c.perGet.Load()))
		some, err := c.get(ctx, oids[:n])
		var refusal *PDUError
		if errors.As(err, &refusal) && refusal.Status == TooBig && n > 1 {
			c.halve(&c.perGet, n)
			continue
		}
		if err != nil {
			return nil, err
		}
		values, oids = append(values, some...), oids[n:]
	}
	return values, nil
}

func (c *Client) get(ctx context.Context, oids []OID) ([]Value, error) {
	op := operation{name: "get", tag: gosnmp.GetRequest, vars: make([]Var, len(oids)), retries: c.config.retries()}
	for i, o := range oids {
		op.vars[i].OID = o
	}
	vars, err := c.do(ctx, op)
	if err != nil {
		return nil, err
	}
	if len(vars) != len(oids) {
		return nil, c.fail(op, fmt.Errorf("%w: %d values for %d objects", errMalformed, len(vars), len(oids)))
	}
	values := make([]Value, len(oids))
	for i, v := range vars {
		if !v.OID.Equal(oids[i]) {
			return nil, c.fail(op, fmt.Errorf("%w: it is about %s", errMalformed, v.OID))
		}
		values[i] = v.Value
	}
	return values, nil
}

// setPatience is how many times the least timeout a SET waits at least. Sent
// again too soon, its late double might undo what is written next.
const setPatience = 5

// Set writes all vars in one message. A refusal is a [*PDUError], after which
// they should be read again: an agent may have changed some. With [ErrTimeout]
// nobody knows whether it was done.
func (c *Client) Set(ctx context.Context, vars ...Var) error {
	op := operation{
		name: "set", tag: gosnmp.SetRequest, write: true, vars: vars,
		retries: c.config.retries(), patience: setPatience * c.config.minTimeout(),
	}
	if err := c.mayWrite(); err != nil {
		return c.fail(op, err)
	}
	if len(vars) == 0 {
		return nil
	}
	for _, v := range vars {
		if err := v.Value.writable(); err != nil {
			return c.fail(op, fmt.Errorf("%s: %w", v.OID, err))
		}
	}
	_, err := c.do(ctx, op)
	return err
}

func (c *Client) mayWrite() error {
	v := c.config.Credentials.V3
	switch {
	case v.User == "" && c.config.Credentials.V2c.Write == "":
		return fmt.Errorf("%w: there is no community for writing", ErrReadOnly)
	case v.User != "" && v.weak() && !c.config.AllowWeak:
		return fmt.Errorf("%w: user %q has no authentication, or MD5 or DES, which others can forge: use SHA-256 and AES, "+
			"or allow it", ErrReadOnly, v.User)
	}
	return nil
}

// halve lowers a limit to half of what was too much, for good.
func (c *Client) halve(limit *atomic.Int32, tooMuch int) {
	half := int32(max(tooMuch/2, 1))
	for now := limit.Load(); now > half && !limit.CompareAndSwap(now, half); now = limit.Load() {
	}
	c.config.log().Info("the agent gets smaller requests from now on", "agent", c.target, "objects", half)
}
