package access_test

import (
	"context"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/access"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/access/accesstest"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/audit"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/model"
)

var (
	alice    = model.Viewer{Name: "alice"}
	operator = model.Viewer{Name: "noc", Operator: true}
)

func guarded(t *testing.T, v model.Viewer) (access.Guarded, *accesstest.House) {
	t.Helper()
	log, err := audit.Open(audit.Options{})
	require.NoError(t, err)
	house := accesstest.New()
	return access.Guarded{House: house, Viewer: v, Audit: log, Actor: audit.Actor{Name: "another", By: audit.Session}}, house
}

func history(t *testing.T, g access.Guarded) []audit.Entry {
	t.Helper()
	g.Viewer = operator
	entries, err := g.History(t.Context(), audit.Filter{})
	require.NoError(t, err)
	return entries
}

// things are names by kind: of alice, of bob, and of nothing.
var things = map[model.Kind][3]string{
	model.PiKind:     {"pi-01", "pi-02", "pi-99"},
	model.DomainKind: {"alice.example", "bob.example", "none.example"},
	model.SiteKind:   {"www.alice.example", "www.bob.example", "www.none.example"},
}

// call calls a method on a thing, with a zero value or what is usual for the rest.
func call(t *testing.T, g model.House, method, thing string) error {
	t.Helper()
	fn := reflect.ValueOf(g).MethodByName(method)
	args := []reflect.Value{reflect.ValueOf(t.Context())}
	named := false
	for i := 1; i < fn.Type().NumIn(); i++ {
		in := fn.Type().In(i)
		arg := reflect.New(in).Elem()
		switch {
		case in == reflect.TypeFor[string]() && !named:
			arg.SetString(thing)
			named = true
		case in == reflect.TypeFor[string]():
			arg.SetString("forged")
		case in.Kind() == reflect.Int:
			arg.SetInt(10)
		}
		args = append(args, arg)
	}
	out := fn.Call(args)
	err, _ := out[len(out)-1].Interface().(error)
	return err
}

// TestEveryMethod goes through the interface itself, so that a new method without a rule
// fails here.
func TestEveryMethod(t *testing.T) {
	house := reflect.TypeFor[model.House]()
	var methods []string
	for method := range house.Methods() {
		methods = append(methods, method.Name)
	}
	rules := access.Rules()
	require.ElementsMatch(t, methods, slices.Collect(maps.Keys(rules)), "each method of model.House has a rule")
	for method, rule := range rules {
		if rule.Kind == "" {
			require.False(t, rule.Change, "%s: what changes something names it", method)
			continue
		}
		t.Run(method, func(t *testing.T) { testMethod(t, method, rule, things[rule.Kind]) })
	}
}

func testMethod(t *testing.T, method string, rule access.Rule, names [3]string) {
	theirs, others, none := names[0], names[1], names[2]
	t.Run("owner", func(t *testing.T) {
		g, house := guarded(t, alice)
		require.NoError(t, call(t, g, method, theirs))
		requireWritten(t, g, rule, theirs, "alice", audit.Done)
		for _, made := range house.Calls() {
			require.NotContains(t, made, "by forged", "the house is told who it was, not who they say")
		}
	})
	t.Run("another", func(t *testing.T) {
		g, house := guarded(t, alice)
		err := call(t, g, method, others)
		require.ErrorIs(t, err, model.ErrUnknown)
		unknown := call(t, g, method, none)
		require.ErrorIs(t, unknown, model.ErrUnknown)
		require.Equal(t, quoteless(unknown, none), quoteless(err, others), "nobody learns that it is there")
		require.Empty(t, house.Calls())
		entries := history(t, g)
		for _, e := range entries {
			require.Equal(t, audit.Denied, e.Outcome)
			require.Empty(t, e.Owner)
		}
		if rule.Action != "" {
			require.Len(t, entries, 2)
		}
	})
	t.Run("nobody", func(t *testing.T) {
		g, house := guarded(t, model.Viewer{})
		for _, name := range names {
			require.ErrorIs(t, call(t, g, method, name), model.ErrUnknown)
		}
		require.Empty(t, house.Calls())
	})
	t.Run("operator", func(t *testing.T) {
		g, _ := guarded(t, operator)
		require.NoError(t, call(t, g, method, others))
		requireWritten(t, g, rule, others, "bob", audit.Done)
		require.ErrorIs(t, call(t, g, method, none), model.ErrUnknown)
	})
	t.Run("read only", func(t *testing.T) {
		g, house := guarded(t, operator)
		g.ReadOnly = true
		err := call(t, g, method, theirs)
		if !rule.Change {
			require.NoError(t, err)
			return
		}
		require.ErrorIs(t, err, access.ErrReadOnly)
		require.Empty(t, house.Calls())
	})
	t.Run("without a log", func(t *testing.T) {
		g, house := guarded(t, operator)
		g.Audit = nil
		err := call(t, g, method, theirs)
		if rule.Action != "" {
			require.ErrorContains(t, err, "no audit log")
			require.Empty(t, house.Calls())
		}
	})
	t.Run("closed log", func(t *testing.T) {
		g, house := guarded(t, operator)
		require.NoError(t, g.Audit.Close())
		if err := call(t, g, method, theirs); rule.Action != "" {
			require.ErrorContains(t, err, "audit: write down")
			require.Empty(t, house.Calls(), "what cannot be written down is not done")
		}
	})
}

// quoteless is an error without the name of the thing.
func quoteless(err error, name string) string { return strings.ReplaceAll(err.Error(), name, "") }

// requireWritten requires one entry about a thing, if the rule has it written down.
func requireWritten(t *testing.T, g access.Guarded, rule access.Rule, thing, owner string, outcome audit.Outcome) {
	t.Helper()
	entries := history(t, g)
	if rule.Action == "" {
		require.Empty(t, entries)
		return
	}
	require.Len(t, entries, 1)
	e := entries[0]
	require.Equal(t, []string{rule.Action, string(rule.Kind), thing, owner, string(outcome), g.Viewer.Name},
		[]string{e.Action, e.Kind, e.Thing, e.Owner, string(e.Outcome), e.Name})
	require.Equal(t, audit.Session, e.By)
}

func TestLists(t *testing.T) {
	for _, c := range []struct {
		viewer                model.Viewer
		shelves, pis, domains int
	}{
		{alice, 1, 1, 1}, {model.Viewer{Name: "carol"}, 0, 0, 0}, {model.Viewer{}, 0, 0, 0}, {operator, 1, 3, 2},
	} {
		g, _ := guarded(t, c.viewer)
		shelves, err := g.Shelves(t.Context())
		require.NoError(t, err)
		require.Len(t, shelves, c.shelves)
		pis := 0
		for _, s := range shelves {
			pis += len(s.Pis)
			require.Equal(t, c.viewer.Operator, s.Switch.Watts > 0)
			for _, p := range s.Pis {
				require.True(t, c.viewer.Sees(p.Owner))
			}
		}
		require.Equal(t, c.pis, pis)
		domains, err := g.Domains(t.Context())
		require.NoError(t, err)
		sites, err := g.Sites(t.Context())
		require.NoError(t, err)
		require.Len(t, domains, c.domains)
		require.Len(t, sites, c.domains)
		for i := range domains {
			require.True(t, c.viewer.Sees(domains[i].Owner) && c.viewer.Sees(sites[i].Owner))
		}
	}
}

// A change that the house refuses, or fails, is written down with why.
func TestFailed(t *testing.T) {
	g, house := guarded(t, alice)
	broken := errors.New("the switch does not answer")
	g.House = failing{house, broken}
	g.Reason = "smoke"
	require.ErrorIs(t, g.Rebuild(t.Context(), "pi-01", ""), broken)
	e := history(t, g)[0]
	require.Equal(t, audit.Failed, e.Outcome)
	require.Equal(t, broken.Error(), e.Problem)
	require.Equal(t, "smoke", e.Why)

	require.NoError(t, g.Power(t.Context(), "pi-01", model.SwitchOff, "fire", ""))
	require.Equal(t, "fire", history(t, g)[0].Why)
	require.Equal(t, "off", history(t, g)[0].Detail)
	require.Equal(t, "Power pi-01 off fire by alice", house.Calls()[0])
}

// failing fails to rebuild.
type failing struct {
	*accesstest.House
	err error
}

func (f failing) Rebuild(context.Context, string, string) error { return f.err }

// Errors of the house that say nothing of who owns what go through.
func TestHouseFails(t *testing.T) {
	g, house := guarded(t, alice)
	broken := errors.New("the store is away")
	house.Fail(broken)
	_, err := g.Pi(t.Context(), "pi-01")
	require.ErrorIs(t, err, broken)
	_, err = g.Shelves(t.Context())
	require.ErrorIs(t, err, broken)
	require.ErrorIs(t, g.Watch(t.Context(), nil), broken)
	_, err = access.Guarded{House: house}.History(t.Context(), audit.Filter{})
	require.ErrorContains(t, err, "no audit log")
}

func TestHistoryIsTheirs(t *testing.T) {
	g, _ := guarded(t, alice)
	require.NoError(t, g.Certify(t.Context(), "alice.example", ""))
	g.Viewer = model.Viewer{Name: "bob"}
	require.NoError(t, g.Certify(t.Context(), "bob.example", ""))
	entries, err := g.History(t.Context(), audit.Filter{Viewer: audit.Viewer{Operator: true}})
	require.NoError(t, err)
	require.Len(t, entries, 1, "who asks is not what the filter says")
	require.Equal(t, "bob.example", entries[0].Thing)
}
