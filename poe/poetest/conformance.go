package poetest

import (
	"cmp"
	"context"
	"errors"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/poe"
)

// Bench is a switch to be tested, as it stands on somebody's bench.
type Bench struct {
	Switch poe.Switch
	// Port has a device plugged in, is on and gives power. It is switched off
	// and on.
	Port string
	// Missing is a name that no port has. Empty means "no such port".
	Missing string
	// ReadOnly is for a switch that takes no orders: it must refuse them.
	ReadOnly bool
	// Patience is how long the switch may take to do what it is told. 0 means
	// 20 seconds.
	Patience time.Duration
}

// TestSwitch holds an implementation of [poe.Switch] to its contract. It opens a
// switch for each of its tests, on real time.
func TestSwitch(t *testing.T, open func(t *testing.T) Bench) {
	for _, tt := range []struct {
		name string
		test func(*testing.T, Bench)
	}{
		{"ports", testPorts},
		{"one port", testOnePort},
		{"an unknown port", testMissing},
		{"off and on", testOffAndOn},
		{"orders twice", testTwice},
		{"read-only", testReadOnly},
		{"budgets", testBudgets},
		{"a context that has ended", testEnded},
		{"many at once", testConcurrent},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := open(t)
			b.Missing = cmp.Or(b.Missing, "no such port")
			b.Patience = cmp.Or(b.Patience, 20*time.Second)
			tt.test(t, b)
		})
	}
}

func testPorts(t *testing.T, b Bench) {
	before := time.Now()
	ports := b.ports(t)
	names, indexes := make(map[string]bool), make(map[string]bool)
	for _, st := range ports {
		b.wellFormed(t, st)
		if names[st.Name] || indexes[st.Index] {
			t.Errorf("two ports have the name %q or the index %q", st.Name, st.Index)
		}
		names[st.Name], indexes[st.Index] = true, true
		if st.At.Before(before.Add(-time.Second)) || st.At.After(time.Now().Add(time.Second)) {
			t.Errorf("port %q: the status is of %v, and was asked for at %v", st.Name, st.At, before)
		}
	}
	if !names[b.Port] {
		t.Errorf("there is no port %q", b.Port)
	}
}

// wellFormed checks what holds of any status.
func (b Bench) wellFormed(t *testing.T, st poe.PortStatus) {
	t.Helper()
	switch {
	case st.Name == "" || st.Index == "":
		t.Errorf("port %+v has no name, or no index", st)
	case st.Detection > poe.DetectionOtherFault:
		t.Errorf("port %q: detection %v", st.Name, st.Detection)
	case st.Class < -1 || st.Class > 8:
		t.Errorf("port %q: class %d; -1 means not known", st.Name, st.Class)
	case st.Class >= 0 && st.Detection != poe.DetectionDelivering:
		t.Errorf("port %q: class %d while it is %v: a class is known of a device that has power", st.Name, st.Class, st.Detection)
	case st.Power.Kind == poe.PowerUnknown && st.Power.Milliwatts != 0:
		t.Errorf("port %q: %d mW of which nobody knows what they are", st.Name, st.Power.Milliwatts)
	case st.Power.Milliwatts < 0 || st.Power.Milliwatts > 100000:
		t.Errorf("port %q: %d mW", st.Name, st.Power.Milliwatts)
	}
}

func testOnePort(t *testing.T, b Bench) {
	for _, want := range b.ports(t) {
		got, err := b.Switch.Port(t.Context(), want.Name)
		if err != nil {
			t.Fatalf("Port(%q): %v", want.Name, err)
		}
		got.At, want.At = time.Time{}, time.Time{}
		got.Power.Milliwatts, want.Power.Milliwatts = 0, 0 // it may have changed
		if !reflect.DeepEqual(got, want) {
			t.Errorf("Port(%q) returns\n%+v, and Ports\n%+v", want.Name, got, want)
		}
	}
}

func testMissing(t *testing.T, b Bench) {
	if _, err := b.Switch.Port(t.Context(), b.Missing); !errors.Is(err, poe.ErrUnknownPort) {
		t.Errorf("Port(%q): %v, and not ErrUnknownPort", b.Missing, err)
	}
	for _, name := range []string{b.Missing, "", b.Port + "x", "x" + b.Port} {
		err := b.Switch.SetAdmin(t.Context(), name, true)
		if !errors.Is(err, poe.ErrUnknownPort) && !(b.ReadOnly && errors.Is(err, poe.ErrReadOnly)) {
			t.Errorf("SetAdmin(%q): %v, and not ErrUnknownPort", name, err)
		}
	}
}

func testOffAndOn(t *testing.T, b Bench) {
	b.canWrite(t)
	others := b.ports(t)
	b.set(t, false)
	b.await(t, poe.PortStatus.Dark)
	b.untouched(t, others)
	b.set(t, true)
	b.await(t, poe.PortStatus.Delivering)
	b.untouched(t, others)
}

// untouched checks that ports other than the one that is switched are as before.
func (b Bench) untouched(t *testing.T, before []poe.PortStatus) {
	t.Helper()
	for i, st := range b.ports(t) {
		if st.Name != b.Port && (st.Admin != before[i].Admin || st.Detection != before[i].Detection) {
			t.Errorf("port %q went from %v to %v while %q was switched", st.Name, before[i].Detection, st.Detection, b.Port)
		}
	}
}

// An order that is carried out already is no error, and changes nothing.
func testTwice(t *testing.T, b Bench) {
	b.canWrite(t)
	b.set(t, true)
	b.await(t, poe.PortStatus.Delivering)
	b.set(t, false)
	b.set(t, false)
	b.await(t, poe.PortStatus.Dark)
	b.set(t, true)
	b.set(t, true)
	b.await(t, poe.PortStatus.Delivering)
}

func testReadOnly(t *testing.T, b Bench) {
	if !b.ReadOnly {
		return
	}
	for _, on := range []bool{false, true} {
		if err := b.Switch.SetAdmin(t.Context(), b.Port, on); !errors.Is(err, poe.ErrReadOnly) {
			t.Errorf("SetAdmin(%q, %v): %v, and not ErrReadOnly", b.Port, on, err)
		}
	}
	b.await(t, poe.PortStatus.Delivering)
}

func testBudgets(t *testing.T, b Bench) {
	budgets, err := b.Switch.Budgets(t.Context())
	if errors.Is(err, errors.ErrUnsupported) {
		return
	}
	if err != nil {
		t.Fatalf("Budgets: %v", err)
	}
	groups := make(map[int]bool)
	for _, budget := range budgets {
		if groups[budget.Group] {
			t.Errorf("two supplies have the group %d", budget.Group)
		}
		groups[budget.Group] = true
		if budget.Nominal.Milliwatts < 0 || budget.Used.Milliwatts < 0 || budget.Threshold < 0 || budget.Threshold > 100 {
			t.Errorf("supply %+v", budget)
		}
		if budget.Nominal.Milliwatts > 0 && budget.Nominal.Milliwatts < 1000 {
			t.Errorf("a supply of %d mW: are these watts?", budget.Nominal.Milliwatts)
		}
	}
}

// A context that ends is the error, at once, and nothing is done.
func testEnded(t *testing.T, b Bench) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, portsErr := b.Switch.Ports(ctx)
	_, portErr := b.Switch.Port(ctx, b.Port)
	setErr := b.Switch.SetAdmin(ctx, b.Port, false)
	for call, err := range map[string]error{"Ports": portsErr, "Port": portErr, "SetAdmin": setErr} {
		if !errors.Is(err, context.Canceled) && !(call == "SetAdmin" && b.ReadOnly && errors.Is(err, poe.ErrReadOnly)) {
			t.Errorf("%s after the context has ended: %v", call, err)
		}
	}
	if _, err := b.Switch.Budgets(ctx); !errors.Is(err, context.Canceled) && !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Budgets after the context has ended: %v", err)
	}
	b.await(t, poe.PortStatus.Delivering)
}

func testConcurrent(t *testing.T, b Bench) {
	var callers sync.WaitGroup
	for range 4 {
		callers.Go(func() {
			for range 3 {
				if _, err := b.Switch.Ports(t.Context()); err != nil {
					t.Errorf("Ports: %v", err)
				}
				if st, err := b.Switch.Port(t.Context(), b.Port); err != nil || st.Name != b.Port {
					t.Errorf("Port(%q) returns port %q: %v", b.Port, st.Name, err)
				}
				if err := b.Switch.SetAdmin(t.Context(), b.Port, true); err != nil && !b.ReadOnly {
					t.Errorf("SetAdmin: %v", err)
				}
			}
		})
	}
	callers.Wait()
}

func (b Bench) canWrite(t *testing.T) {
	t.Helper()
	if b.ReadOnly {
		t.Skip("the switch takes no orders")
	}
}

func (b Bench) ports(t *testing.T) []poe.PortStatus {
	t.Helper()
	ports, err := b.Switch.Ports(t.Context())
	if err != nil {
		t.Fatalf("Ports: %v", err)
	}
	if !slices.ContainsFunc(ports, func(st poe.PortStatus) bool { return st.Name == b.Port }) {
		t.Fatalf("Ports: %q is not among %d", b.Port, len(ports))
	}
	return ports
}

// set gives an order, which must be read back when it returns.
func (b Bench) set(t *testing.T, on bool) {
	t.Helper()
	if err := b.Switch.SetAdmin(t.Context(), b.Port, on); err != nil {
		t.Fatalf("SetAdmin(%q, %v): %v", b.Port, on, err)
	}
	st, err := b.Switch.Port(t.Context(), b.Port)
	if err != nil || st.Admin != on {
		t.Fatalf("after SetAdmin(%q, %v) Admin is %v: %v", b.Port, on, st.Admin, err)
	}
}

// await waits until the port is as wanted.
func (b Bench) await(t *testing.T, wanted func(poe.PortStatus) bool) {
	t.Helper()
	deadline := time.After(b.Patience)
	for {
		st, err := b.Switch.Port(t.Context(), b.Port)
		if err != nil {
			t.Fatalf("Port(%q): %v", b.Port, err)
		}
		b.wellFormed(t, st)
		if wanted(st) {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("port %q is on: %v, and %v after %v", b.Port, st.Admin, st.Detection, b.Patience)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
