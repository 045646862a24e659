package demo

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"sync"

	"github.com/mythic-beasts/hostkit/vlan"
	"github.com/mythic-beasts/hostkit/vlan/qbridge"
	"github.com/mythic-beasts/hostkit/vlan/vlantest"
)

// What there is one of.
const (
	shelfName  = "shelf-1"
	switchName = "sw-1"
	uplinkPort = "up1"
)

// newPlan gives each Pi its VLAN and its addresses.
func newPlan(pis int) (*vlan.Plan, error) {
	shelf := vlan.Shelf{
		Name:     shelfName,
		Switches: []vlan.Switch{{Name: switchName, Uplink: vlan.Uplink{Port: uplinkPort}}},
	}
	for i := range pis {
		shelf.Pis = append(shelf.Pis, vlan.Host{Name: fmt.Sprintf("pi-%02d", i+1), Port: strconv.Itoa(i + 1)})
	}
	plan, err := vlan.Build(vlan.Spec{
		Private:    netip.MustParsePrefix("10.80.0.0/16"),
		VLANs:      vlan.Range{First: 100, Last: 299},
		Public:     vlan.Public{VID: 50, Prefix: netip.MustParsePrefix("2001:db8:0:84::/64")},
		FileServer: vlan.FileServer{Iface: "eth0"},
		Shelves:    []vlan.Shelf{shelf},
	}, nil)
	if err != nil {
		return nil, fmt.Errorf("demo: plan the VLANs of %d Pis: %w", pis, err)
	}
	if err := plan.Verify(); err != nil {
		return nil, fmt.Errorf("demo: the plan of the VLANs: %w", err)
	}
	return plan, nil
}

// applyPlan makes a switch on conn do what the plan says, over SNMP, and proves that
// it does. It closes conn.
func applyPlan(ctx context.Context, plan *vlan.Plan, conn net.PacketConn) error {
	bridge := &vlantest.QBridge{Ports: []string{uplinkPort}}
	for _, pi := range plan.Pis {
		bridge.Ports = append(bridge.Ports, pi.Port)
	}
	serving, stop := context.WithCancel(ctx)
	var served sync.WaitGroup
	served.Go(func() { _ = bridge.Serve(serving, conn) }) // writePlan says what its end does
	err := writePlan(ctx, plan, conn.LocalAddr().String())
	stop()
	served.Wait()
	_ = conn.Close()
	return err
}

func writePlan(ctx context.Context, plan *vlan.Plan, addr string) error {
	driver, err := qbridge.Dial(ctx, qbridge.Config{
		Addr:        addr,
		Credentials: qbridge.Credentials{V2c: qbridge.V2c{Read: "public", Write: "private"}},
		Format:      qbridge.Bitmap,
	})
	if err != nil {
		return fmt.Errorf("demo: reach the VLANs of %s: %w", switchName, err)
	}
	defer func() { _ = driver.Close() }()
	want, err := plan.Switch(switchName)
	if err != nil {
		return err
	}
	report, err := vlan.Apply(ctx, driver, want, vlan.ApplyOptions{NoSave: true})
	if err != nil {
		return fmt.Errorf("demo: set the VLANs of %s: %w", switchName, err)
	}
	if err := vlan.VerifyState(plan, map[string]vlan.State{switchName: report.After}); err != nil {
		return fmt.Errorf("demo: %s does not keep the Pis apart: %w", switchName, err)
	}
	return nil
}
