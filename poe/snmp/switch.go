package snmp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mythic-beasts/hostkit/internal/snmpx"
	"github.com/mythic-beasts/hostkit/poe"
)

// Switch is a switch that is managed by SNMP. It is safe for use by several
// goroutines, whose requests wait for each other. Only one port is switched at a
// time.
type Switch struct {
	cfg    Config
	client *snmpx.Client
	log    *slog.Logger
	info   Info
	layout layout
	mapper Mapper

	ports   atomic.Pointer[portMap]
	mapping sync.Mutex    // one at a time makes a new map
	writing chan struct{} // holds a token while a port is switched

	mu    sync.Mutex     // guards what follows
	modes map[string]int // of ports that were switched off, by index
	saves bool           // implicit saving was turned off, and has to be turned on again
	milli bool           // the power groups count milliwatts
}

var _ poe.Switch = (*Switch)(nil)

// Info is what was found out about a switch.
type Info struct {
	ObjectID string // sysObjectID; empty where Config.Vendor was given
	Vendor   Vendor
	// Watts is the object that has the ports' power; empty where only the class
	// says something.
	Watts string
	// ImplicitSave is true where each SET is written to flash at once
	// (hpSwitchImplicitConfigSave): a port that is off stays off across a restart.
	ImplicitSave bool
	ReadOnly     bool // nothing can be switched
}

// Dial finds out what a switch is and which of its ports are which. It asks for
// sysObjectID, for the rows of the power table and for the interfaces. That ports
// cannot be mapped is an error of the methods that need them, not of Dial.
func Dial(ctx context.Context, cfg Config) (*Switch, error) {
	s := &Switch{cfg: cfg, log: cfg.Log, modes: map[string]int{}, writing: make(chan struct{}, 1)}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.log = s.log.With("switch", cfg.Addr)
	client, err := snmpx.Dial(ctx, snmpx.Config{
		Addr: cfg.Addr, Credentials: cfg.Credentials.internal(),
		MinTimeout: cfg.MinTimeout, MaxTimeout: cfg.MaxTimeout, Retries: cfg.Retries, MaxRepetitions: cfg.MaxRepetitions,
		AllowWeak: cfg.AllowWeak, AnySource: cfg.AnySource, Log: cfg.Log, OnEngineChange: cfg.OnEngineChange, Dial: cfg.Dial,
	})
	if err != nil {
		return nil, s.faulty("dial", err)
	}
	s.client = client
	if err := s.discover(ctx); err != nil {
		return nil, errors.Join(s.faulty("find out what it is", err), client.Close())
	}
	return s, nil
}

// Close turns implicit saving on again where it was turned off, and closes the
// socket.
func (s *Switch) Close() error {
	return errors.Join(s.restoreSave(), s.faulty("close", s.client.Close()))
}

// String is the switch's address and vendor.
func (s *Switch) String() string {
	return fmt.Sprintf("snmp switch %s (%v)", s.cfg.Addr, s.info.Vendor)
}

// Format prints String, whatever the verb: package fmt would print the
// configuration's secrets, as it calls no methods of unexported fields.
func (s *Switch) Format(f fmt.State, _ rune) { fmt.Fprint(f, s.String()) }

// Info returns what was found out about the switch.
func (s *Switch) Info() Info { return s.info }

func (s *Switch) discover(ctx context.Context) error {
	s.info.Vendor = s.cfg.Vendor
	if s.cfg.Vendor == Auto {
		v, err := s.client.Get(ctx, sysObjectID)
		if err != nil {
			return err
		}
		id, ok := v[0].OID()
		if !ok {
			return fmt.Errorf("sysObjectID is %v: say which vendor it is (Config.Vendor)", v[0])
		}
		s.info.ObjectID, s.info.Vendor = id.String(), vendorOf(id)
	}
	found, err := s.findWatts(ctx)
	if err != nil {
		return err
	}
	s.layout = layoutOf(s.info.Vendor, found)
	if s.layout.power != nil {
		s.info.Watts = s.layout.power.String()
	}
	s.info.ReadOnly = s.cfg.ReadOnly || s.layout.admin == nil
	if s.mapper = s.cfg.Mapper; s.mapper == ByVendor {
		s.mapper = mapperOf(s.info.Vendor)
	}
	if s.info.ImplicitSave, err = s.savesImplicitly(ctx); err != nil {
		return err
	}
	_, err = s.remap(ctx, nil)
	return err
}

// findWatts returns the first of the vendor's places for watts that the switch
// has, and nil where it has none.
func (s *Switch) findWatts(ctx context.Context) (*watts, error) {
	for _, w := range wattsOf(s.info.Vendor) {
		has, err := s.has(ctx, w.columns[0])
		if err != nil {
			return nil, err
		}
		if has {
			return &w, nil
		}
	}
	return nil, nil
}

// errFound ends a walk that has seen enough.
var errFound = errors.New("found")

// has reports whether there is an object below a column.
func (s *Switch) has(ctx context.Context, column snmpx.OID) (bool, error) {
	err := s.client.Walk(ctx, column, func(snmpx.Var) error { return errFound })
	if errors.Is(err, errFound) {
		return true, nil
	}
	return false, err
}

// Remap asks again which rows are which ports, and what the ports' aliases are.
// The driver does so by itself where it sees that rows or names have changed; an
// alias that was edited shows in [Switch.Port] at once, and in [Switch.Ports] from
// here on.
func (s *Switch) Remap(ctx context.Context) error {
	_, err := s.remap(ctx, s.ports.Load())
	return s.faulty("map ports", err)
}

// remap makes a new map of the ports, unless somebody else did since old.
func (s *Switch) remap(ctx context.Context, old *portMap) (*portMap, error) {
	s.mapping.Lock()
	defer s.mapping.Unlock()
	if now := s.ports.Load(); now != old {
		return now, nil
	}
	m := mapping{client: s.client, layout: s.layout, mapper: s.mapper, pins: s.cfg.Ports, alias: s.cfg.Aliases}
	fresh, err := m.read(ctx)
	if err != nil {
		return nil, err
	}
	s.ports.Store(fresh)
	for name, why := range fresh.refused {
		s.log.Warn("a port of the configuration is not mapped", "port", name, "why", why)
	}
	if old != nil {
		s.log.Info("the rows of the power table were mapped again", "ports", len(fresh.ports))
	}
	return fresh, nil
}

const defaultSettle = 2 * time.Second
