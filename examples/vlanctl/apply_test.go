package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/examples/internal/cli"
	"github.com/mythic-beasts/hostkit/internal/netnstest"
	"github.com/mythic-beasts/hostkit/internal/snmptest"
	"github.com/mythic-beasts/hostkit/internal/snmpx"
	"github.com/mythic-beasts/hostkit/vlan"
	"github.com/mythic-beasts/hostkit/vlan/realtest"
	"github.com/mythic-beasts/hostkit/vlan/vlantest"
)

// bench is a configuration of one switch with three Pis.
type bench struct {
	t    *testing.T
	path string
}

// newBench writes the configuration, with the lines of a driver and the unused
// ports, and plans.
func newBench(t *testing.T, driver string, unused ...string) bench {
	t.Helper()
	dir := t.TempDir()
	b := bench{t: t, path: filepath.Join(dir, "vlanctl.toml")}
	text := fmt.Sprintf(`plan = %q
private = "10.77.0.0/24"
vlans = "11-99"
native = 999
[public]
vlan = 131
prefix = "2001:db8:0:84::/64"
[file_server]
interface = "eth0"
[[shelf]]
name = "a"
[[shelf.switch]]
name = "sw1"
unused = %q
uplink = { port = "swp5" }
[shelf.switch.driver]
%s
[[shelf.row]]
name = "pi%%d"
port = "swp%%d"
first = 1
last = 3
`, filepath.Join(dir, "plan.json"), unused, driver)
	require.NoError(t, os.WriteFile(b.path, []byte(text), 0o600))
	b.good("plan")
	return b
}

// run runs vlanctl.
func (b bench) run(args ...string) (code int, stdout, stderr string) {
	b.t.Helper()
	var out, err bytes.Buffer
	code = program.Run(b.t.Context(), append([]string{"-config", b.path}, args...), &out, &err)
	return code, out.String(), err.String()
}

// good runs vlanctl, which must not fail.
func (b bench) good(args ...string) (stdout string) {
	b.t.Helper()
	code, stdout, stderr := b.run(args...)
	require.Zero(b.t, code, stdout+stderr)
	return stdout
}

// bad runs vlanctl, which must fail.
func (b bench) bad(args ...string) (stdout, stderr string) {
	b.t.Helper()
	code, stdout, stderr := b.run(args...)
	require.Equal(b.t, cli.ExitFail, code, stdout+stderr)
	return stdout, stderr
}

// spoil puts the first Pi into the second one's VLAN, past vlanctl.
func (b bench) spoil() {
	b.t.Helper()
	c, err := loadConfig(b.path)
	require.NoError(b.t, err)
	require.NoError(b.t, c.Shelves[0].Switches[0].use(b.t.Context(), nil, func(d vlan.Driver) error {
		return d.Do(b.t.Context(), vlan.Step{Op: vlan.Join, Port: "swp1", VID: 12})
	}))
}

// applies goes from a switch out of the box to one that is as planned, and once
// more from one that somebody else changed.
func (b bench) applies() {
	t := b.t
	t.Helper()
	for range 2 { // nothing is changed unless it is asked for
		stdout := b.good("apply")
		require.Contains(t, stdout, "sw1: would: port swp1: join VLAN 11 untagged\n")
		require.Contains(t, stdout, "nothing was changed; with -yes it is\n")
		require.NotContains(t, stdout, "did")
	}
	_, stderr := b.bad("diff")
	require.Contains(t, stderr, "not as planned")
	_, stderr = b.bad("check", "-live")
	require.Contains(t, stderr, "VLAN 1", "where all ports are")

	stdout := b.good("apply", "-yes")
	require.Contains(t, stdout, "sw1: did: port swp1: join VLAN 11 untagged\n")
	require.Contains(t, stdout, " steps done, saved\n")
	require.Contains(t, b.good("diff", "sw1"), "sw1: is as planned\n")
	require.Equal(t, "the plan and 1 switches keep 3 Pis apart\n", b.good("check", "-live"))

	b.spoil()
	_, stderr = b.bad("check", "-live")
	require.Contains(t, stderr, "pi1")
	require.Contains(t, stderr, "pi2")
	stdout, _ = b.bad("diff")
	require.Contains(t, stdout, "sw1: would: port swp1: leave VLAN 12\n")
	b.good("apply", "-yes", "-every-step", "-no-save")
	b.good("check", "-live", "sw1")
}

// agent serves a switch by SNMP on loopback, until the test ends.
func agent(t *testing.T, q *vlantest.QBridge) (address string) {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- q.Serve(ctx, conn) }()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-ended)
	})
	return conn.LocalAddr().String()
}

// catalyst is a switch that saves when it is told to.
func catalyst() *vlantest.QBridge {
	q := &vlantest.QBridge{Ports: []string{"swp1", "swp2", "swp3", "swp4", "swp5"}, ObjectID: "1.3.6.1.4.1.9.1.516"}
	save := snmpx.MustOID("1.3.6.1.4.1.9.2.1.54.0")
	q.Agent().Set(save, snmpx.Integer(0))
	q.Agent().Writable(save, snmptest.Hook{Check: snmptest.OneOf(1)})
	return q
}

const snmpDriver = `kind = "qbridge"
address = %q
community = { env = "VLANCTL_COMMUNITY" }
read_community = { env = "VLANCTL_READ" }`

func TestApplyBySNMP(t *testing.T) {
	t.Setenv("VLANCTL_COMMUNITY", "private")
	t.Setenv("VLANCTL_READ", "public")
	q := catalyst()
	newBench(t, fmt.Sprintf(snmpDriver, agent(t, q)), "swp4").applies()
	require.Equal(t, vlan.NewVIDs(12), q.State().Ports["swp2"].Untagged)
}

// A switch that refuses is left as it was, and the community is not told.
func TestApplyRefused(t *testing.T) {
	t.Setenv("VLANCTL_COMMUNITY", "notthecommunity")
	t.Setenv("VLANCTL_READ", "public")
	q := catalyst()
	before := q.State()
	b := newBench(t, fmt.Sprintf(snmpDriver, agent(t, q)))
	stdout, stderr := b.bad("apply", "-yes")
	require.Contains(t, stderr, "sw1")
	require.Contains(t, stdout, "sw1: did not: create VLAN 11")
	require.NotContains(t, stdout+stderr, "notthecommunity")
	require.True(t, before.Equal(q.State()))
}

// Open vSwitch, with the ports of a shelf.
func TestRealApplyToOpenVSwitch(t *testing.T) {
	ns := netnstest.New(t)
	ovs := realtest.StartOpenVSwitch(t, ns, "br0")
	for n := range 5 {
		port := fmt.Sprintf("swp%d", n+1)
		ns.IP("link", "add", port, "type", "veth", "peer", "name", port+"-peer")
		ovs.Control("add-port", "br0", port)
	}
	newBench(t, fmt.Sprintf("kind = \"ovs\"\nbridge = \"br0\"\ndatabase = %q", ovs.Database), "swp4").applies()
	require.Equal(t, "11", strings.TrimSpace(ovs.Control("get", "port", "swp1", "tag")))
}

// The text does the same as the driver: there is nothing left to apply.
func TestRealTextAndDriverAgree(t *testing.T) {
	ns := netnstest.New(t)
	ovs := realtest.StartOpenVSwitch(t, ns, "br0")
	for n := range 5 {
		ns.IP("link", "add", fmt.Sprintf("swp%d", n+1), "type", "veth", "peer", "name", fmt.Sprintf("swp%d-peer", n+1))
	}
	b := newBench(t, fmt.Sprintf("kind = \"ovs\"\nbridge = \"br0\"\ndatabase = %q", ovs.Database))
	script := filepath.Join(t.TempDir(), "sw1")
	require.NoError(t, os.WriteFile(script, []byte(b.good("render", "-for", "openvswitch")), 0o600))
	out, err := exec.CommandContext(t.Context(), "sh", script, "--db="+ovs.Database).CombinedOutput()
	require.NoError(t, err, string(out))
	require.Equal(t, "the plan and 1 switches keep 3 Pis apart\n", b.good("check", "-live"))
	_, stdout, _ := b.run("diff")
	require.NotContains(t, stdout, ": port ", "VLANs of Open vSwitch have no names but those that the driver notes")
}
