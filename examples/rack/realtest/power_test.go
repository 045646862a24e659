package realtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/poe"
	"github.com/mythic-beasts/hostkit/poe/poetest"
	"github.com/mythic-beasts/hostkit/poe/snmp"
)

// feeder is the switch's power supply: a port gives power while its machine's
// process runs. Ports begin without power.
type feeder struct {
	t       testing.TB
	names   []string
	machine map[string]func() *exec.Cmd // what is plugged in, by port

	mu      sync.Mutex // guards what follows
	admin   map[string]bool
	running map[string]*peer.Process
}

var _ poe.Switch = (*feeder)(nil)

// Ports implements [poe.Switch].
func (f *feeder) Ports(context.Context) ([]poe.PortStatus, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := make([]poe.PortStatus, len(f.names))
	for i, name := range f.names {
		all[i] = f.status(i, name)
	}
	return all, nil
}

func (f *feeder) status(i int, name string) poe.PortStatus {
	s := poe.PortStatus{Name: name, IfIndex: i + 1, Admin: f.admin[name], Class: -1, Priority: poe.PriorityLow, At: time.Now()}
	switch {
	case f.running[name] != nil:
		s.Detection, s.Class = poe.DetectionDelivering, 2
		s.Power = poe.Power{Milliwatts: 2100, Kind: poe.PowerMeasured}
	case s.Admin:
		s.Detection = poe.DetectionSearching
	default:
		s.Detection = poe.DetectionDisabled
	}
	return s
}

// Port implements [poe.Switch].
func (f *feeder) Port(ctx context.Context, name string) (poe.PortStatus, error) {
	all, err := f.Ports(ctx)
	for _, s := range all {
		if s.Name == name {
			return s, err
		}
	}
	return poe.PortStatus{}, errors.Join(err, fmt.Errorf("port %q: %w", name, poe.ErrUnknownPort))
}

// SetAdmin implements [poe.Switch]. Power that goes is gone at once, without a
// word to the machine.
func (f *feeder) SetAdmin(_ context.Context, name string, on bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.admin[name] = on
	switch p := f.running[name]; {
	case on && p == nil && f.machine[name] != nil:
		if p = f.start(name); p == nil {
			return fmt.Errorf("port %q: its machine does not start", name)
		}
		f.running[name] = p
	case !on && p != nil:
		p.Stop()
		delete(f.running, name)
	}
	return nil
}

// start starts a machine. A failure ends the goroutine and the test, but not the
// caller.
func (f *feeder) start(name string) *peer.Process {
	started := make(chan *peer.Process, 1)
	go func() {
		defer close(started)
		started <- peer.Start(f.t, f.machine[name](), peer.Options{Grace: -1})
	}()
	return <-started
}

// Budgets implements [poe.Switch].
func (f *feeder) Budgets(ctx context.Context) ([]poe.Budget, error) {
	all, err := f.Ports(ctx)
	used := int64(0)
	for _, s := range all {
		used += s.Power.Milliwatts
	}
	return []poe.Budget{{
		Group: 1, Nominal: poe.Power{Milliwatts: 370_000, Kind: poe.PowerMeasured}, Used: poe.Power{Milliwatts: used, Kind: poe.PowerMeasured},
	}}, err
}

// power is the way to it: an SNMP agent with a Catalyst's tables, whose rows have
// gaps, and the controller that sets what it finds in them.
func (r *rack) power() *power {
	r.t.Helper()
	supply := &feeder{
		t: r.t, names: []string{r.pi.Port, r.pi2.Port}, admin: map[string]bool{}, running: map[string]*peer.Process{},
		machine: map[string]func() *exec.Cmd{r.pi.Port: r.qemu},
	}
	agent := &poetest.Agent{Switch: supply, Vendor: poetest.VendorCisco, ReadCommunity: "look", WriteCommunity: "switch"}
	sw, err := snmp.Dial(r.t.Context(), snmp.Config{
		Addr:        agent.Start(r.t),
		Credentials: snmp.Credentials{V2c: snmp.V2c{Read: "look", Write: "switch"}},
	})
	require.NoError(r.t, err)
	r.t.Cleanup(func() { _ = sw.Close() })
	return &power{r, &poe.Controller{
		Name: "sw", Switch: sw, Journal: &poe.FileStore{Dir: r.path("journal")}, Audit: poe.AuditFile{Path: r.path("audit.jsonl")},
		// A machine of the emulator has nothing that must discharge.
		Policy: poe.Policy{MinOff: time.Second, OnDeadline: time.Minute, OffDeadline: time.Minute},
	}}
}

// power is the customer's switch of the first machine.
type power struct {
	rack       *rack
	controller *poe.Controller
}

func (p *power) on(why string)    { p.do(p.controller.On, "on", why) }
func (p *power) off(why string)   { p.do(p.controller.Off, "off", why) }
func (p *power) cycle(why string) { p.do(p.controller.Cycle, "cycled", why) }

func (p *power) do(action func(context.Context, string, poe.Reason) (poe.Result, error), what, why string) {
	p.rack.t.Helper()
	_, err := action(p.rack.t.Context(), p.rack.pi.Port, poe.Reason{Who: "customer", Why: why})
	require.NoError(p.rack.t, err)
	p.rack.say("power: %s, because %s", what, why)
}

// audited requires that these are the records of what was done.
func (p *power) audited(want ...poe.Action) {
	p.rack.t.Helper()
	text, err := os.ReadFile(p.rack.path("audit.jsonl"))
	require.NoError(p.rack.t, err)
	var got []poe.Action
	for line := range strings.Lines(string(text)) {
		var rec poe.Record
		require.NoError(p.rack.t, json.Unmarshal([]byte(line), &rec))
		require.Equal(p.rack.t, "customer", rec.Who)
		got = append(got, rec.Action)
	}
	require.Equal(p.rack.t, want, got)
}

// qemu is the machine in the first port: it boots from its network card, and its
// serial port is a socket. Its card computes all checksums itself, since those
// behind it do not.
func (r *rack) qemu() *exec.Cmd {
	return r.sw.Command(peer.Look(r.t, "qemu-system-x86_64"),
		"-accel", "tcg,thread=multi", "-cpu", "max", "-m", "1024", "-smp", "2",
		"-display", "none", "-monitor", "none", "-nodefaults", "-no-reboot", "-boot", "n",
		"-chardev", "socket,id=console,path="+r.path("pi1.con")+",server=on,wait=off", "-serial", "chardev:console",
		"-netdev", "tap,id=n0,ifname="+r.pi.Port+",script=no,downscript=no,vnet_hdr=off",
		"-device", "virtio-net-pci,netdev=n0,mac=52:54:00:77:00:01", "-device", "virtio-rng-pci")
}
