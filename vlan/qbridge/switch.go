package qbridge

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/mythic-beasts/hostkit/internal/snmpx"
	"github.com/mythic-beasts/hostkit/vlan"
)

// Switch is a switch. Dial makes one. It may be used by many goroutines, which
// wait for each other; two Switches of one switch must not write at the same
// time.
type Switch struct {
	cfg    Config
	client *snmpx.Client
	log    *slog.Logger

	mu    sync.Mutex // held from reading what there is to writing what it becomes
	quirk quirks
	ports *ports
	saves bool // HP's implicit saving is off and was on
}

// quirks are what was learned about a switch. Guarded by Switch.mu.
type quirks struct {
	format      Format // Detect until it is known
	vendor      Vendor // Auto until it is known
	width       int    // octets of a bitmap
	wait        bool   // VLANs are made by createAndWait
	integerPVID bool   // dot1qPvid takes INTEGER
	noNames     bool   // dot1qVlanStaticName is not written
}

var _ vlan.BatchDriver = (*Switch)(nil)

// Dial makes a Switch. It sends nothing: a wrong password shows at the first
// Read.
func Dial(ctx context.Context, c Config) (*Switch, error) {
	client, err := snmpx.Dial(ctx, snmpx.Config{
		Addr: c.Addr, Credentials: c.Credentials, AllowWeak: c.AllowWeak,
		MinTimeout: c.MinTimeout, MaxTimeout: c.MaxTimeout, Retries: c.Retries,
		Log: c.Log, OnEngineChange: c.OnEngineChange, Dial: c.Dial,
	})
	if err != nil {
		return nil, fmt.Errorf("qbridge: %w", err)
	}
	if c.Settle == 0 {
		c.Settle = defaultSettle
	}
	if c.MaxVars <= 0 {
		c.MaxVars = defaultMaxVars
	}
	log := c.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Switch{cfg: c, client: client, log: log, quirk: quirks{format: c.Format, vendor: c.Vendor, noNames: c.NoNames}}, nil
}

// Close closes the socket. Where the driver had turned HP's implicit saving off
// and Save was not called, it turns it on again first, and waits 5 s for that at
// most.
func (s *Switch) Close() error {
	const patience = 5 * time.Second
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	s.mu.Lock()
	err := s.resumeSaving(ctx)
	s.mu.Unlock()
	if closing := s.client.Close(); err == nil {
		err = closing
	}
	return s.wrap(err)
}

// Read returns all ports and VLANs. Ports without a PVID, which are no bridge
// ports to the switch, are left out.
func (s *Switch) Read(ctx context.Context) (vlan.State, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st, err := s.read(ctx)
	return st, s.wrap(err)
}

// Do makes one change.
func (s *Switch) Do(ctx context.Context, step vlan.Step) error {
	return s.DoAll(ctx, []vlan.Step{step})
}

// DoAll makes changes, in as few messages as the switch takes. After each it
// reads back what was written; a change that the switch accepted and did not
// make wraps [vlan.ErrNotApplied].
func (s *Switch) DoAll(ctx context.Context, steps []vlan.Step) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(steps) == 0 {
		return nil
	}
	if s.ports == nil || s.quirk.format == Detect {
		if _, err := s.read(ctx); err != nil {
			return s.wrap(err)
		}
	}
	if err := s.pauseSaving(ctx); err != nil {
		return s.wrap(err)
	}
	for _, run := range runs(steps) {
		if err := s.do(ctx, run); err != nil {
			return s.wrap(err)
		}
	}
	return nil
}

// wrap says which switch it was.
func (s *Switch) wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("qbridge: %s: %w", s.cfg.Addr, err)
}
