package snmpx

import (
	"context"
	"errors"
	"fmt"

	"github.com/gosnmp/gosnmp"
)

// bulkTries is how often a GETBULK is sent before it is taken for too large for
// the agent.
const bulkTries = 2

// bulk asks for the rows behind the cursors, of which there are at most perBulk,
// and returns them one row after the other, each with width of the cursors.
func (c *Client) bulk(ctx context.Context, cursors []OID) (vars []Var, width int, err error) {
	op := operation{name: "getbulk", tag: gosnmp.GetBulkRequest, vars: make([]Var, len(cursors))}
	for i, o := range cursors {
		op.vars[i].OID = o
	}
	for {
		rows := max(min(int(c.perBulk.Load())/len(cursors), c.config.maxRepetitions()), 1)
		least := rows == 1 && len(cursors) == 1
		op.retries = c.config.retries()
		if !least {
			op.retries = min(op.retries, bulkTries-1)
		}
		op.rows = rows
		vars, err := c.do(ctx, op)
		if err != nil && !least && c.tooLarge(ctx, err) {
			c.lower(rows*len(cursors), err)
			if rows > 1 {
				continue
			}
			return c.bulk(ctx, cursors[:len(cursors)/2])
		}
		if err != nil {
			return nil, 0, err
		}
		if len(vars) == 0 {
			return nil, 0, c.fail(op, fmt.Errorf("%w: the answer is empty", ErrTruncated))
		}
		c.recover()
		return vars, len(cursors), nil
	}
}

// tooLarge reports whether an agent may answer a smaller GETBULK: it says so, or
// it is silent though it is there.
func (c *Client) tooLarge(ctx context.Context, err error) bool {
	if refusal, ok := errors.AsType[*PDUError](err); ok {
		return refusal.Status == TooBig
	}
	if !errors.Is(err, ErrTimeout) {
		return false
	}
	sysUpTime := OID{1, 3, 6, 1, 2, 1, 1, 3, 0}
	_, err = c.get(ctx, []OID{sysUpTime})
	_, refused := errors.AsType[*PDUError](err)
	return err == nil || refused
}

// recovery is how many answers it takes until one object more is asked for,
// after lost messages looked as if the agent could not do so much.
const recovery = 4

// lower makes the next ones smaller: for good where the agent has said so.
func (c *Client) lower(tooMuch int, err error) {
	c.halve(&c.perBulk, tooMuch)
	if _, said := errors.AsType[*PDUError](err); said {
		c.mostBulk.Store(c.perBulk.Load())
	}
}

func (c *Client) recover() {
	if now := c.perBulk.Load(); now < c.mostBulk.Load() && c.answered.Add(1)%recovery == 0 {
		c.perBulk.CompareAndSwap(now, now+1)
	}
}

// column is one that is being read.
type column struct {
	root   OID
	cursor OID // the last object that was read, or root
	ended  bool
}

// take moves on to v. It reports whether v is of this column.
func (col *column) take(v Var) (bool, error) {
	if col.ended {
		return false, nil
	}
	if v.Value.Type == TypeEndOfMibView || !v.OID.HasPrefix(col.root) && v.OID.Compare(col.root) > 0 {
		col.ended = true
		return false, nil
	}
	if v.OID.Compare(col.cursor) <= 0 {
		return false, fmt.Errorf("%w: %s after %s", ErrNotIncreasing, v.OID, col.cursor)
	}
	col.cursor = v.OID
	return true, nil
}

// stream reads columns to their ends and calls fn for each object of column i.
func (c *Client) stream(ctx context.Context, columns []*column, fn func(i int, v Var) error) error {
	for {
		var active []int
		var cursors []OID
		for i, col := range columns {
			if !col.ended && len(active) < int(c.perBulk.Load()) {
				active, cursors = append(active, i), append(cursors, col.cursor)
			}
		}
		if len(active) == 0 {
			return nil
		}
		vars, width, err := c.bulk(ctx, cursors)
		if err != nil {
			return err
		}
		for n, v := range vars {
			i := active[n%width]
			ok, err := columns[i].take(v)
			if ok {
				err = fn(i, v)
			} else if err != nil {
				err = fmt.Errorf("snmpx: getbulk of %s on %s: %w", columns[i].root, c.target, err)
			}
			if err != nil {
				return err
			}
		}
	}
}

// Walk calls fn for each object below root, in order. An error-status in
// between is an error, not an end. It ends at fn's first error.
func (c *Client) Walk(ctx context.Context, root OID, fn func(Var) error) error {
	return c.stream(ctx, []*column{{root: root, cursor: root}}, func(_ int, v Var) error { return fn(v) })
}
