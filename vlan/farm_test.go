package vlan_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/vlan"
	"github.com/mythic-beasts/hostkit/vlan/vlantest"
)

// world is a spec that changes at random, as customers come and go.
type world struct {
	r    *rand.Rand
	spec vlan.Spec
	next int
}

// free is a port of a switch that nobody is in.
func (w *world) free(sw string) (string, bool) {
	var ports []string
	for n := 1; n <= 6; n++ {
		ports = append(ports, fmt.Sprint(n))
	}
	for _, shelf := range w.spec.Shelves {
		for _, h := range shelf.Pis {
			if h.Switch == sw {
				ports = slices.DeleteFunc(ports, func(p string) bool { return p == h.Port })
			}
		}
	}
	if len(ports) == 0 {
		return "", false
	}
	return ports[w.r.IntN(len(ports))], true
}

// change adds, removes or moves a Pi.
func (w *world) change() {
	shelf := &w.spec.Shelves[w.r.IntN(len(w.spec.Shelves))]
	sw := shelf.Switches[w.r.IntN(2)].Name
	port, ok := w.free(sw)
	switch kind := w.r.IntN(4); {
	case kind <= 1 && ok: // somebody new, or one who returns
		name := fmt.Sprintf("pi%d", w.next)
		if w.r.IntN(3) == 0 {
			name = fmt.Sprintf("pi%d", w.r.IntN(w.next+1))
		}
		for _, s := range w.spec.Shelves {
			if slices.ContainsFunc(s.Pis, func(h vlan.Host) bool { return h.Name == name }) {
				return
			}
		}
		w.next++
		at := w.r.IntN(len(shelf.Pis) + 1)
		shelf.Pis = slices.Insert(shelf.Pis, at, vlan.Host{Name: name, Switch: sw, Port: port})
	case kind == 2 && len(shelf.Pis) > 0:
		at := w.r.IntN(len(shelf.Pis))
		shelf.Pis = slices.Delete(shelf.Pis, at, at+1)
	case kind == 3 && ok && len(shelf.Pis) > 0:
		h := &shelf.Pis[w.r.IntN(len(shelf.Pis))]
		h.Switch, h.Port = sw, port
	}
}

// A farm lives for a while: plans follow one another, by way of their files, and
// every switch is brought up to each. Nobody who stays ever has other numbers, no
// two have the same, and everything is proved every time.
func TestFarmLives(t *testing.T) {
	w := &world{r: rand.New(rand.NewPCG(7, 7)), spec: farm(2, 0)}
	w.spec.VLANs = vlan.Range{First: 10, Last: 49}
	w.spec.Private = netip.MustParsePrefix("10.64.0.0/25")
	switches := map[string]*vlantest.Switch{}
	for _, shelf := range w.spec.Shelves {
		for _, sw := range shelf.Switches {
			switches[sw.Name] = vlantest.NewSwitch("1", "2", "3", "4", "5", "6", "49", "50")
		}
	}
	var plan *vlan.Plan
	for range 60 {
		for range 1 + w.r.IntN(3) {
			w.change()
		}
		next := build(t, w.spec, plan)
		stays(t, plan, next)
		require.NoError(t, next.Verify())
		plan = throughFile(t, next)

		all := map[string]vlan.State{}
		for name, sw := range switches {
			_, err := vlan.Apply(t.Context(), sw, config(t, plan, name), vlan.ApplyOptions{})
			require.NoError(t, err)
			all[name] = sw.State()
			for v := range all[name].VLANs {
				require.True(t, v == 1 || slices.ContainsFunc(config(t, plan, name).VLANs, func(have vlan.VLAN) bool { return have.ID == v }),
					"%s still has VLAN %d", name, v)
			}
		}
		require.NoError(t, vlan.VerifyState(plan, all))
	}
	require.Greater(t, w.next, 30)
	require.NotEmpty(t, plan.Retired)
}

// stays checks that those who are in both plans have the same numbers, and that
// all are different.
func stays(t *testing.T, before, after *vlan.Plan) {
	t.Helper()
	old := map[string]vlan.Pi{}
	if before != nil {
		for _, pi := range before.Pis {
			old[pi.Name] = pi
		}
	}
	vids, nets := map[vlan.VID]bool{}, map[netip.Prefix]bool{}
	for _, pi := range after.Pis {
		require.False(t, vids[pi.VID] || nets[pi.Net], "%v", pi)
		vids[pi.VID], nets[pi.Net] = true, true
		if was, there := old[pi.Name]; there {
			require.Equal(t, []any{was.VID, was.Net, was.Public, was.Slot * b2i(was.Shelf == pi.Shelf)},
				[]any{pi.VID, pi.Net, pi.Public, pi.Slot * b2i(was.Shelf == pi.Shelf)})
		}
	}
	for _, r := range after.Retired {
		require.False(t, vids[r.VID] || nets[r.Net], "%v", r)
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func throughFile(t *testing.T, p *vlan.Plan) *vlan.Plan {
	t.Helper()
	var text bytes.Buffer
	_, err := p.WriteTo(&text)
	require.NoError(t, err)
	back := new(vlan.Plan)
	require.NoError(t, json.Unmarshal(text.Bytes(), back))
	require.Equal(t, p, back)
	return back
}
