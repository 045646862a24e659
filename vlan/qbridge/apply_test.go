package qbridge_test

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/snmptest"
	"github.com/mythic-beasts/hostkit/internal/snmpx"
	"github.com/mythic-beasts/hostkit/vlan"
	"github.com/mythic-beasts/hostkit/vlan/qbridge"
	"github.com/mythic-beasts/hostkit/vlan/vlantest"
)

// planned is two Pis on the first ports of a switch and the trunk on the last.
func planned(t *testing.T, ports []string) vlan.SwitchConfig {
	t.Helper()
	plan, err := vlan.Build(vlan.Spec{
		Private: netip.MustParsePrefix("10.64.0.0/16"), FileServer: vlan.FileServer{Iface: "eth0"},
		VLANs:  vlan.Range{First: 11, Last: 99},
		Public: vlan.Public{VID: 131, Prefix: netip.MustParsePrefix("2001:db8::/64")},
		Shelves: []vlan.Shelf{{
			Name: "shelf", Switches: []vlan.Switch{{Name: "sw", Uplink: vlan.Uplink{Port: ports[len(ports)-1]}}},
			Pis: []vlan.Host{{Name: "pi1", Port: ports[0]}, {Name: "pi2", Port: ports[1]}},
		}},
	}, nil)
	require.NoError(t, err)
	c, err := plan.Switch("sw")
	require.NoError(t, err)
	return c
}

// recorder keeps the names of what is written, in order.
type recorder struct {
	mu    sync.Mutex // guards wrote
	wrote []string
}

func (r *recorder) observe(req snmptest.Request) {
	if req.Kind != snmptest.Set {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, v := range req.Vars {
		r.wrote = append(r.wrote, v.OID.String())
	}
}

// at is where an object was first written.
func (r *recorder) at(t *testing.T, o snmpx.OID) int {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	i := slices.Index(r.wrote, o.String())
	require.GreaterOrEqual(t, i, 0, "%v was not written", o)
	return i
}

// A port joins its VLAN, then gets it as PVID, then leaves the old one; the VLAN is
// there before all, and the port filters before it is in the new one.
func TestOrderOfWrites(t *testing.T) {
	fake := &vlantest.QBridge{Ports: shelf(4), KeepPVID: true}
	var r recorder
	fake.Agent().Observe = r.observe
	_, err := vlan.Apply(t.Context(), dial(t, fake), planned(t, fake.Ports), vlan.ApplyOptions{NoSave: true})
	require.NoError(t, err)
	table := oid("1.3.6.1.2.1.17.7.1.4.3.1")
	order := []int{
		r.at(t, table.Append(5, 11)), r.at(t, qIngress.Append(1)), r.at(t, table.Append(2, 11)), r.at(t, table.Append(4, 11)),
		r.at(t, qPVID.Append(1)), r.at(t, table.Append(4, 1)), r.at(t, table.Append(2, 1)),
	}
	require.True(t, slices.IsSorted(order), "%v", order)
}

// The context ends with each write there is. Afterwards the switch is as it was.
func TestCancelAtEveryWrite(t *testing.T) {
	writes := int32(1 << 30)
	for at := int32(1); at <= writes; at++ {
		fake := &vlantest.QBridge{Ports: shelf(4)}
		ctx, cancel := context.WithCancel(t.Context())
		var n atomic.Int32
		fake.Agent().Observe = func(req snmptest.Request) {
			if req.Kind == snmptest.Set && n.Add(1) == at {
				cancel()
			}
		}
		before := fake.State()
		report, err := vlan.Apply(ctx, dial(t, fake), planned(t, fake.Ports), vlan.ApplyOptions{NoSave: true})
		if n.Load() < at { // it was not cancelled: these are all
			require.NoError(t, err)
			break
		}
		if err == nil {
			require.Equal(t, len(report.Steps), report.Done, "the last write was the end")
			break
		}
		require.ErrorIs(t, err, context.Canceled)
		require.NotErrorIs(t, err, vlan.ErrRollback)
		require.True(t, before.Equal(fake.State()), "write %d: %v", at, fake.State())
		cancel()
	}
}

// A switch that refuses one kind of change, whichever it is, is as it was.
func TestRefusedChangeIsRolledBack(t *testing.T) {
	for name, column := range map[string]snmpx.OID{
		"PVID": qPVID, "ingress filtering": qIngress, "egress": oid("1.3.6.1.2.1.17.7.1.4.3.1.2.131"),
		"untagged": oid("1.3.6.1.2.1.17.7.1.4.3.1.4.12"), "a VLAN": oid("1.3.6.1.2.1.17.7.1.4.3.1.5.12"),
	} {
		t.Run(name, func(t *testing.T) {
			fake := &vlantest.QBridge{Ports: shelf(4)}
			fake.Agent().Writable(column, snmptest.Hook{
				Create: true, Check: func(snmpx.OID, snmpx.Value) snmpx.Status { return snmpx.ResourceUnavailable },
			})
			before := fake.State()
			_, err := vlan.Apply(t.Context(), dial(t, fake), planned(t, fake.Ports), vlan.ApplyOptions{})
			var refused *snmpx.PDUError
			require.True(t, errors.As(err, &refused), "%v", err)
			require.Equal(t, snmpx.ResourceUnavailable, refused.Status)
			require.NotErrorIs(t, err, vlan.ErrRollback)
			require.True(t, before.Equal(fake.State()))
		})
	}
}

// Two drivers of one switch in one process would overwrite each other's lists; one
// driver in two goroutines does not.
func TestConcurrentSteps(t *testing.T) {
	fake := &vlantest.QBridge{Ports: shelf(16)}
	sw := dial(t, fake)
	require.NoError(t, sw.Do(t.Context(), vlan.Step{Op: vlan.CreateVLAN, VID: 131, Name: "public"}))
	var wg sync.WaitGroup
	errs := make([]error, len(fake.Ports))
	for i, port := range fake.Ports {
		wg.Go(func() { errs[i] = sw.Do(t.Context(), vlan.Step{Op: vlan.Join, Port: port, VID: 131}) })
	}
	wg.Wait()
	require.NoError(t, errors.Join(errs...))
	for _, ps := range fake.State().Ports {
		require.True(t, ps.Tagged.Contains(131))
	}
}

// A wrong passphrase says so, and shows none.
func TestRealWrongPassphrase(t *testing.T) {
	t.Parallel()
	addr := snmptest.StartSnmpd(t, snmptest.SnmpdConfig{
		Agent: saving(vlantest.QBridge{}).Agent(), Roots: []snmpx.OID{oid("1.3.6.1.2.1.17"), qIfName},
		Users: []snmptest.SnmpdUser{{Name: "vlans", Auth: "SHA-256", AuthPass: "authentic", Priv: "AES", PrivPass: "privately"}},
	})
	sw := dialAddr(t, addr, func(c *qbridge.Config) {
		c.Credentials = qbridge.Credentials{V3: qbridge.V3{
			User: "vlans", Auth: qbridge.SHA256, AuthPass: "not authentic", Priv: qbridge.AES, PrivPass: "privately",
		}}
	})
	_, err := sw.Read(t.Context())
	require.ErrorIs(t, err, snmpx.ErrAuth)
	require.NotContains(t, err.Error(), "authentic\"")
	require.NotContains(t, err.Error(), "privately")
}
