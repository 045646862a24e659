package sniproxy

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestConnTableGenerations has an event of a connection that ended meet the one that
// took its place, as happens within one batch of events.
func TestConnTableGenerations(t *testing.T) {
	var table connTable
	first, second := &conn{}, &conn{}
	table.add(first)
	stale := socketEvent(first.id, roleTry+3)
	table.remove(first)
	table.add(second)
	require.Equal(t, first.id.slot, second.id.slot, "the place is used again")
	id, role := eventOf(&stale)
	require.Nil(t, table.get(id), "the event is not the second one's")
	require.EqualValues(t, roleTry+3, role)
	fresh := socketEvent(second.id, roleClient)
	id, role = eventOf(&fresh)
	require.Same(t, second, table.get(id))
	require.EqualValues(t, roleClient, role)
	require.Equal(t, 1, table.n)
	require.Nil(t, table.get(connID{slot: 99}))
}

func TestGenerationsComeRound(t *testing.T) {
	var table connTable
	c := &conn{}
	table.add(c)
	table.gens[c.id.slot] = genMask
	c.id.gen = genMask
	ev := socketEvent(c.id, roleMask)
	id, role := eventOf(&ev)
	require.Same(t, c, table.get(id))
	require.EqualValues(t, roleMask, role)
	table.remove(c)
	table.add(c)
	require.Zero(t, c.id.gen)
}

func TestPipesAreGivenBack(t *testing.T) {
	r := &running{}
	p := pipes{count: &r.counts.pipes}
	one := p.get()
	require.NotNil(t, one)
	p.put(one)
	require.Same(t, one, p.get(), "it is used again")
	one.n = 1
	p.put(one)
	require.Zero(t, r.counts.pipes.Load(), "one that holds bytes of another connection is not")
	var all []*pipe
	for range pipesIdle + 2 {
		all = append(all, p.get())
	}
	for _, one := range all {
		p.put(one)
	}
	require.EqualValues(t, pipesIdle, r.counts.pipes.Load())
	p.closeAll()
	require.Zero(t, r.counts.pipes.Load())
	require.Zero(t, p.used)
}
