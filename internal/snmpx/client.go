package snmpx

import (
	"context"
	"errors"
)

// Client talks to one agent. It may be used by many goroutines, whose requests
// wait for each other.
type Client struct{}

// Row is one row of a table.
type Row struct {
	Index  OID     // what comes after the column
	Values []Value // by column as asked for; the zero Value where there is none
}

// Dial makes a client. It sends nothing: a wrong password shows at the first
// request.
func Dial(ctx context.Context, c Config) (*Client, error) {
	return nil, errors.ErrUnsupported
}

// Close closes the socket. Requests under way fail with ErrClosed.
func (c *Client) Close() error { return nil }

// Get reads objects. A missing one is a Value that is not present; many are
// asked for in as many messages as needed.
func (c *Client) Get(ctx context.Context, oids ...OID) ([]Value, error) {
	return nil, errors.ErrUnsupported
}

// Set writes all vars in one message. A refusal is a [*PDUError].
func (c *Client) Set(ctx context.Context, vars ...Var) error { return errors.ErrUnsupported }

// Table reads columns of one table, row by row, with GETBULK.
func (c *Client) Table(ctx context.Context, columns ...OID) ([]Row, error) {
	return nil, errors.ErrUnsupported
}

// Walk calls fn for every object below root.
func (c *Client) Walk(ctx context.Context, root OID, fn func(Var) error) error {
	return errors.ErrUnsupported
}
