package demo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/model"
	"github.com/mythic-beasts/hostkit/poe"
	"github.com/mythic-beasts/hostkit/poe/poetest"
	"github.com/mythic-beasts/hostkit/poe/snmp"
)

// supply is the emulated switch: what the house switches over SNMP, and what gives the
// emulated Pis their power. It is the poe.Switch behind the SNMP agent.
type supply struct {
	inner *poetest.Switch
	slots []*slot

	mu    sync.Mutex      // guards all below
	lies  map[string]bool // ports that say that they give power, and give none
	wires map[string]bool // ports whose state is on its way to the Pi
	kick  chan struct{}
	ports []poe.PortStatus // as they were read last
	read  time.Time
}

var _ poe.Switch = (*supply)(nil)

// glance is how long what was read of all ports is good enough: an agent reads them
// all for every message.
const glance = 100 * time.Millisecond

// newSupply returns a switch of which all ports are off.
func newSupply(ctx context.Context, o Options, slots []*slot) (*supply, error) {
	s := &supply{
		inner: poetest.New(len(slots)), slots: slots,
		lies: make(map[string]bool), wires: make(map[string]bool), kick: make(chan struct{}, 1),
	}
	s.inner.PowerUp = max(o.scaled(time.Second), 20*time.Millisecond)
	s.inner.PowerDown = max(o.scaled(100*time.Millisecond), 10*time.Millisecond)
	s.inner.Budget = 370_000
	if len(slots) > 40 {
		s.inner.Budget = 1_440_000
	}
	for _, p := range slots {
		if err := s.inner.SetAdmin(ctx, p.plan.Port, false); err != nil {
			return nil, fmt.Errorf("demo: port %s of the emulated switch: %w", p.plan.Port, err)
		}
		s.inner.Edit(p.plan.Port, func(st *poe.PortStatus) { st.Alias = p.plan.Name })
	}
	return s, nil
}

// Ports implements poe.Switch.
func (s *supply) Ports(ctx context.Context) ([]poe.PortStatus, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.read) < glance {
		return append([]poe.PortStatus(nil), s.ports...), nil
	}
	ports, err := s.inner.Ports(ctx)
	if err != nil {
		return nil, err
	}
	for i := range ports {
		ports[i] = s.metered(ports[i])
	}
	s.ports, s.read = ports, time.Now()
	return append([]poe.PortStatus(nil), ports...), nil
}

// Port implements poe.Switch.
func (s *supply) Port(ctx context.Context, name string) (poe.PortStatus, error) {
	status, err := s.inner.Port(ctx, name)
	return s.metered(status), err
}

// metered is a port with the watts that its Pi draws.
func (s *supply) metered(status poe.PortStatus) poe.PortStatus {
	if p := s.slot(status.Name); p != nil && status.Delivering() {
		status.Power = poe.Power{Milliwatts: p.machine.milliwatts(), Kind: poe.PowerMeasured}
	}
	return status
}

// slot is the one that a port feeds.
func (s *supply) slot(port string) *slot {
	n, err := strconv.Atoi(port)
	if err != nil || n < 1 || n > len(s.slots) {
		return nil
	}
	return s.slots[n-1]
}

// SetAdmin implements poe.Switch. A port that is switched off ceases to lie.
func (s *supply) SetAdmin(ctx context.Context, name string, on bool) error {
	if err := s.inner.SetAdmin(ctx, name, on); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !on {
		delete(s.lies, name)
	}
	s.read = time.Time{}
	s.wires[name] = true
	s.wake()
	return nil
}

func (s *supply) wake() {
	select {
	case s.kick <- struct{}{}:
	default:
	}
}

// Budgets implements poe.Switch.
func (s *supply) Budgets(ctx context.Context) ([]poe.Budget, error) {
	budgets, err := s.inner.Budgets(ctx)
	if err != nil || len(budgets) == 0 {
		return budgets, err
	}
	ports, err := s.Ports(ctx)
	if err != nil {
		return nil, err
	}
	var used int64
	for _, p := range ports {
		used += p.Power.Milliwatts
	}
	budgets[0].Used = poe.Power{Milliwatts: used, Kind: poe.PowerMeasured}
	return budgets, nil
}

// lie has a port that gives power go on saying so, and give none.
func (s *supply) lie(port string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lies[port] = true
	s.wires[port] = true
	s.wake()
}

// wire carries power to the Pis, until ctx ends.
func (s *supply) wire(ctx context.Context) error {
	const look = 10 * time.Millisecond
	timer := time.NewTicker(look)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.kick:
		}
		for s.carry(ctx) {
			select {
			case <-ctx.Done():
				return nil
			case <-timer.C:
			}
		}
	}
}

// carry looks at the ports that were told something, and reports whether there are any
// left that have not done it yet.
func (s *supply) carry(ctx context.Context) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for port := range s.wires {
		status, err := s.inner.Port(ctx, port)
		if err != nil || status.Delivering() != status.Admin {
			continue
		}
		s.slot(port).machine.power(status.Delivering() && !s.lies[port])
		delete(s.wires, port)
	}
	return len(s.wires) > 0
}

// grid is the house's side: it switches, and reads watts, over SNMP.
type grid struct {
	options Options
	news    *news
	supply  *supply
	driver  *snmp.Switch
	control *poe.Controller

	mu      sync.Mutex // guards all below
	view    model.Switch
	problem string
}

// openGrid starts the emulated switch, which answers SNMP until the bench is cleared,
// and the driver that asks it.
func openGrid(ctx context.Context, o Options, n *news, slots []*slot, b *bench) (*grid, error) {
	g := &grid{options: o, news: n}
	var err error
	if g.supply, err = newSupply(ctx, o, slots); err != nil {
		return nil, err
	}
	conn, err := (&net.ListenConfig{}).ListenPacket(ctx, "udp4", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("demo: SNMP of the emulated switch: %w", err)
	}
	agent := &poetest.Agent{Switch: g.supply, Vendor: poetest.VendorNetgear, Uplinks: []string{uplinkPort}}
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	var served sync.WaitGroup
	served.Go(func() { _ = agent.Serve(serving, conn) })
	b.Cleanup(func() {
		stop()
		served.Wait()
	})
	g.view = model.Switch{Name: switchName, Model: "Netgear M4300 (emulated, SNMPv2c)", Budget: float64(g.supply.inner.Budget) / 1000}
	g.driver, err = snmp.Dial(ctx, snmp.Config{
		Addr:        conn.LocalAddr().String(),
		Credentials: snmp.Credentials{V2c: snmp.V2c{Read: "public", Write: "private"}},
		Log:         o.Log,
	})
	if err != nil {
		return nil, fmt.Errorf("demo: SNMP to %s: %w", switchName, err)
	}
	g.control = &poe.Controller{
		Switch: g.driver, Name: switchName, Log: o.Log,
		Policy: poe.Policy{
			MinOff: max(o.scaled(time.Second), 300*time.Millisecond),
			Poll:   max(o.scaled(200*time.Millisecond), 100*time.Millisecond+5*time.Millisecond*time.Duration(len(slots))),
			// Slow machines run this, with many Pis.
			OnDeadline: time.Minute, OffDeadline: time.Minute,
			MaxCycles: 20 + o.Heal.Max, Window: o.Heal.Window,
		},
	}
	return g, nil
}

// run looks at the watts, and carries power, until ctx ends.
func (g *grid) run(ctx context.Context) error {
	poller := &poe.Poller{
		Targets:  []poe.Target{{Name: switchName, Switch: g.driver}},
		Interval: max(g.options.scaled(2*time.Second), 500*time.Millisecond),
		Timeout:  time.Minute, OnSnapshot: g.snapshot, Log: g.options.Log,
	}
	work, ctx := errgroup.WithContext(ctx)
	work.Go(func() error { return g.supply.wire(ctx) })
	work.Go(func() error { return quiet(poller.Run(ctx)) })
	work.Go(func() error { g.switchOn(ctx); return nil })
	err := work.Wait()
	return errors.Join(err, g.driver.Close())
}

// switchOn gives all Pis power, one after the other, because a whole shelf that draws
// its inrush current at once trips the breaker.
func (g *grid) switchOn(ctx context.Context) {
	var ports []string
	for _, p := range g.supply.slots {
		ports = append(ports, p.plan.Port)
	}
	_, err := g.control.Sequence(ctx, ports, poe.SequenceOptions{
		Reason:   poe.Reason{Who: "house", Why: "the shelf is switched on"},
		Gap:      max(g.options.scaled(4*time.Second)/time.Duration(len(ports)), time.Millisecond),
		InFlight: 16,
		Done: func(r poe.Result) {
			g.seen(r.After)
			if p := g.supply.slot(r.Port); p != nil {
				p.set(func(p *slot) { p.wanted, p.faint = true, 0 })
			}
		},
	})
	if err != nil && ctx.Err() == nil {
		g.options.Log.Error("not every Pi could be switched on", "err", err)
		g.trouble(err.Error())
	}
}

// snapshot takes in a look at the switch.
func (g *grid) snapshot(s poe.Snapshot) {
	if s.Err != nil {
		g.options.Log.Warn("the switch does not answer", "switch", s.Switch, "err", s.Err)
		return
	}
	var watts float64
	for _, b := range s.Budgets {
		watts += float64(b.Used.Milliwatts) / 1000
	}
	g.mu.Lock()
	g.view.Watts = watts
	g.mu.Unlock()
	for _, port := range s.Ports {
		if p := g.supply.slot(port.Name); p != nil {
			p.set(func(p *slot) { p.look(port.Delivering() && port.Power.Milliwatts > 0) })
		}
		g.seen(port)
	}
}

// seen takes in how a port is.
func (g *grid) seen(port poe.PortStatus) {
	p := g.supply.slot(port.Name)
	if p == nil {
		return
	}
	power := model.PowerOff
	if port.Delivering() {
		power = model.PowerOn
	}
	watts := float64(port.Power.Milliwatts) / 1000
	p.mu.Lock()
	changed := p.power != power || p.watts != watts
	p.power, p.watts = power, watts
	p.mu.Unlock()
	if changed {
		g.news.tell(model.PiKind, p.plan.Name)
	}
}

func (g *grid) trouble(words string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.problem = words
}

// show is the switch as the panel shows it.
func (g *grid) show() model.Switch {
	g.mu.Lock()
	defer g.mu.Unlock()
	v := g.view
	v.Problem = g.problem
	return v
}

// act carries out an order, and waits until the switch has confirmed it.
func (g *grid) act(ctx context.Context, p *slot, action model.PowerAction, why poe.Reason) error {
	var r poe.Result
	var err error
	switch action {
	case model.SwitchOn:
		r, err = g.control.On(ctx, p.plan.Port, why)
	case model.SwitchOff:
		r, err = g.control.Off(ctx, p.plan.Port, why)
	case model.Cycle:
		r, err = g.control.Cycle(ctx, p.plan.Port, why)
	default:
		return fmt.Errorf("demo: power %q of %s: it must be on, off or cycle: %w", action, p.plan.Name, model.ErrRefused)
	}
	if r.After.Name != "" {
		g.seen(r.After)
	}
	if err == nil {
		return nil
	}
	err = fmt.Errorf("demo: power %s of %s: %w", action, p.plan.Name, err)
	if errors.Is(err, poe.ErrLockedOut) || errors.Is(err, poe.ErrOff) || errors.Is(err, poe.ErrBusy) || errors.Is(err, poe.ErrProtected) {
		err = fmt.Errorf("%w: %w", err, model.ErrRefused)
	}
	return err
}

// quiet drops the error that only says that we were told to end.
func quiet(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}
