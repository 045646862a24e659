package poetest_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/poe"
	"github.com/mythic-beasts/hostkit/poe/poetest"
	"github.com/stretchr/testify/require"
)

// bad is an implementation with one fault; what is nil is as it should be.
type bad struct {
	poe.Switch
	ports   func([]poe.PortStatus) []poe.PortStatus
	port    func(poe.PortStatus, error) (poe.PortStatus, error)
	set     func(ctx context.Context, name string, on bool) error
	budgets func([]poe.Budget) []poe.Budget
}

func (b bad) Ports(ctx context.Context) ([]poe.PortStatus, error) {
	all, err := b.Switch.Ports(ctx)
	if b.ports != nil && err == nil {
		all = b.ports(all)
	}
	return all, err
}

func (b bad) Port(ctx context.Context, name string) (poe.PortStatus, error) {
	st, err := b.Switch.Port(ctx, name)
	if b.port != nil {
		return b.port(st, err)
	}
	return st, err
}

func (b bad) SetAdmin(ctx context.Context, name string, on bool) error {
	if b.set != nil {
		return b.set(ctx, name, on)
	}
	return b.Switch.SetAdmin(ctx, name, on)
}

func (b bad) Budgets(ctx context.Context) ([]poe.Budget, error) {
	all, err := b.Switch.Budgets(ctx)
	if b.budgets != nil && err == nil {
		all = b.budgets(all)
	}
	return all, err
}

// each changes every port.
func each(change func(*poe.PortStatus)) func(*bad) {
	return func(b *bad) {
		b.ports = func(all []poe.PortStatus) []poe.PortStatus {
			for i := range all {
				change(&all[i])
			}
			return all
		}
	}
}

// badSwitches are faults that drivers have, and what the suite says of them.
var badSwitches = map[string]struct {
	spoil func(*bad)
	says  string
}{
	"names twice":       {each(func(st *poe.PortStatus) { st.Name = "3" }), "two ports have the name"},
	"no index":          {each(func(st *poe.PortStatus) { st.Index = "" }), "or no index"},
	"watts of nothing":  {each(func(st *poe.PortStatus) { st.Power.Kind = poe.PowerUnknown }), "nobody knows what they are"},
	"mW for W":          {each(func(st *poe.PortStatus) { st.Power.Milliwatts *= 1000 }), "2100000 mW"},
	"class off by nine": {each(func(st *poe.PortStatus) { st.Class += 9 }), "-1 means not known"},
	"class of nothing":  {each(func(st *poe.PortStatus) { st.Class = max(st.Class, 0) }), "a class is known of a device that has power"},
	"stale":             {each(func(st *poe.PortStatus) { st.At = st.At.Add(-time.Hour) }), "and was asked for at"},
	"another alias": {func(b *bad) {
		b.port = func(st poe.PortStatus, err error) (poe.PortStatus, error) { st.Alias = "x"; return st, err }
	}, "and Ports"},
	"missing is nothing": {func(b *bad) {
		b.port = func(st poe.PortStatus, _ error) (poe.PortStatus, error) { return st, nil }
	}, "and not ErrUnknownPort"},
	"by suffix": {func(b *bad) {
		b.set = func(ctx context.Context, name string, on bool) error {
			return b.Switch.SetAdmin(ctx, name[max(0, len(name)-1):], on)
		}
	}, `SetAdmin("x3")`},
	"swallows errors": {func(b *bad) {
		b.set = func(context.Context, string, bool) error { return nil }
	}, "ErrUnknownPort"},
	"the port beside": {func(b *bad) {
		b.set = func(ctx context.Context, name string, on bool) error {
			return errors.Join(b.Switch.SetAdmin(ctx, name, on), b.Switch.SetAdmin(ctx, "4", on))
		}
	}, `port "4" went from`},
	"deaf to cancels": {func(b *bad) {
		b.set = func(ctx context.Context, name string, on bool) error {
			return b.Switch.SetAdmin(context.WithoutCancel(ctx), name, on)
		}
	}, "SetAdmin after the context has ended"},
	"a supply twice": {func(b *bad) {
		b.budgets = func(all []poe.Budget) []poe.Budget { return append(all, all...) }
	}, "two supplies have the group"},
	"supply in watts": {func(b *bad) {
		b.budgets = func(all []poe.Budget) []poe.Budget { all[0].Nominal.Milliwatts = 370; return all }
	}, "are these watts"},
}

// badStores are the same of stores.
var badStores = map[string]struct {
	spoil func(*badStore)
	says  string
}{
	"loses races":    {func(s *badStore) { s.always = true }, "Put over revision"},
	"keeps nothing":  {func(s *badStore) { s.amnesia = true }, "Get \""},
	"locks nothing":  {func(s *badStore) { s.unlocked = true }, "Lock of what is held"},
	"lists all":      {func(s *badStore) { s.lists = true }, "List returns"},
	"cannot forget":  {func(s *badStore) { s.hoards = true }, "Get after removal"},
	"deaf to cancel": {func(s *badStore) { s.deaf = true }, "after the context has ended"},
}

type badStore struct {
	poe.Store
	always, amnesia, unlocked, lists, hoards, deaf bool
}

func (s *badStore) context(ctx context.Context) context.Context {
	if s.deaf {
		return context.WithoutCancel(ctx)
	}
	return ctx
}

func (s *badStore) Put(ctx context.Context, key string, val []byte, ifRev int64) (int64, error) {
	switch {
	case s.always:
		ifRev = -1
	case s.amnesia:
		key = "elsewhere"
	case s.hoards && val == nil:
		return 1, nil
	}
	return s.Store.Put(s.context(ctx), key, val, ifRev)
}

func (s *badStore) List(ctx context.Context, prefix string, fn func(string, []byte, int64) error) error {
	if s.lists {
		prefix = ""
	}
	return s.Store.List(ctx, prefix, fn)
}

func (s *badStore) Lock(ctx context.Context, name string) (context.Context, func() error, error) {
	if s.unlocked {
		return ctx, func() error { return nil }, ctx.Err()
	}
	return s.Store.Lock(ctx, name)
}

// badEnv has TestBadOne run a suite on a bad implementation.
const badEnv = "HOSTKIT_POETEST_BAD"

func TestBadOne(t *testing.T) {
	name := os.Getenv(badEnv)
	if s, ok := badSwitches[name]; ok {
		poetest.TestSwitch(t, func(*testing.T) poetest.Bench {
			sw := poetest.New(8)
			sw.PowerUp, sw.PowerDown = 5*time.Millisecond, 5*time.Millisecond
			sw.Unplug("2")
			b := &bad{Switch: sw}
			s.spoil(b)
			return poetest.Bench{Switch: b, Port: "3", Patience: 100 * time.Millisecond}
		})
	}
	if s, ok := badStores[name]; ok {
		poetest.TestStore(t, func(*testing.T) (a, b poe.Store) {
			store := &badStore{Store: &poe.MemoryStore{}}
			s.spoil(store)
			return store, store
		})
	}
}

// The suites find each fault, and say what it is.
func TestSuitesFindFaults(t *testing.T) {
	says := make(map[string]string)
	for name, s := range badSwitches {
		says[name] = s.says
	}
	for name, s := range badStores {
		says[name] = s.says
	}
	self, err := os.Executable()
	require.NoError(t, err)
	for name, want := range says {
		t.Run(name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), self, "-test.run=^TestBadOne$")
			cmd.Env = append(os.Environ(), badEnv+"="+name)
			out, err := cmd.CombinedOutput()
			require.Error(t, err, "the suite finds nothing")
			require.Contains(t, string(out), want)
			require.NotContains(t, string(out), "panic:")
		})
	}
}
