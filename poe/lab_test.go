package poe_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/poe"
	"github.com/mythic-beasts/hostkit/poe/poetest"
	"github.com/stretchr/testify/require"
)

var why = poe.Reason{Who: "ops", Why: "ticket 42"}

// auditor keeps records.
type auditor struct {
	mu      sync.Mutex
	records []poe.Record
	err     error
}

func (a *auditor) Record(_ context.Context, r poe.Record) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.records = append(a.records, r)
	return a.err
}

// lab is a switch with a controller.
type lab struct {
	*poe.Controller
	sw    *poetest.Switch
	audit *auditor
}

func newLab(ports int) *lab {
	sw, audit := poetest.New(ports), &auditor{}
	return &lab{&poe.Controller{Name: "sw1", Switch: sw, Audit: audit, Journal: &poe.MemoryStore{}}, sw, audit}
}

// status is what the switch really does, whatever is wrong with it.
func (l *lab) status(t *testing.T, port string) poe.PortStatus {
	t.Helper()
	l.sw.SetFaults(poetest.SwitchFaults{})
	st, err := l.sw.Port(context.WithoutCancel(t.Context()), port)
	require.NoError(t, err)
	return st
}

func (l *lab) pending(t *testing.T) []poe.Intent {
	t.Helper()
	intents, err := l.Pending(context.WithoutCancel(t.Context()))
	require.NoError(t, err)
	return intents
}

func wait(d time.Duration) { <-time.After(d) }
