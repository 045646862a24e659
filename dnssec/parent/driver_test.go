package parent_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/dnssec/dnssectest"
	"github.com/mythic-beasts/hostkit/dnssec/parent"
	"github.com/mythic-beasts/hostkit/dnssec/rotate"
)

// both is what every driver has.
type both interface {
	parent.Submitter
	parent.Observer
}

var (
	_ both = (*parent.Driver)(nil)
	_ both = parent.CDSOnly{}
	_ both = (*parent.Manual)(nil)
	_ both = (*parent.Update)(nil)
	_ both = (*parent.Notify)(nil)
	_ both = (*dnssectest.Parent)(nil)
)

type submitter func() error

func (s submitter) Submit(context.Context, string, []rotate.DS, []rotate.DS) error { return s() }

func TestDriver(t *testing.T) {
	var zero parent.Driver
	require.NoError(t, zero.Submit(t.Context(), child, []rotate.DS{digest(1)}, nil))
	facts, err := zero.Observe(t.Context(), child)
	require.NoError(t, err)
	require.Zero(t, facts, "nothing is known, which is not that there is nothing")

	calls := 0
	broken := errors.New("broken")
	d := parent.Driver{
		Submitters: []parent.Submitter{
			submitter(func() error { calls++; return broken }),
			submitter(func() error { calls++; return nil }),
		},
		Observer: dnssectest.NewParent(t, dnssectest.ParentOptions{}),
	}
	require.ErrorIs(t, d.Submit(t.Context(), child, nil, nil), broken)
	require.Equal(t, 2, calls)
	facts, err = d.Observe(t.Context(), child)
	require.NoError(t, err)
	require.Len(t, facts.Servers, 2)
}

func TestCDSOnly(t *testing.T) {
	w := dnssectest.NewParent(t, dnssectest.ParentOptions{})
	require.NoError(t, w.Delegate(child, "ns.child.test."))
	c := parent.CDSOnly{Observer: w}
	require.NoError(t, c.Submit(t.Context(), child, []rotate.DS{digest(1)}, nil))
	require.Empty(t, w.DS(child))
	facts, err := c.Observe(t.Context(), child)
	require.NoError(t, err)
	require.True(t, facts.Servers[0].Answered)
}
