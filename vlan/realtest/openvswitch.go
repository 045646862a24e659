package realtest

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/mythic-beasts/hostkit/internal/netnstest"
	"github.com/mythic-beasts/hostkit/internal/peer"
)

// schema is where Debian's openvswitch-common keeps the tables of the database.
const schema = "/usr/share/openvswitch/vswitch.ovsschema"

// OpenVSwitch is a running Open vSwitch with one bridge. Its methods fail the
// test that started it, and must be called from that test's goroutine.
type OpenVSwitch struct {
	// Database is what ovs-vsctl's option --db takes.
	Database string
	// Bridge is the name of the bridge.
	Bridge string

	t             testing.TB
	vsctl, appctl string
	control       string // the switch's control socket
}

// StartOpenVSwitch starts the database and the switch of Open vSwitch in a
// network namespace and makes a bridge, in which there is no port yet. The test
// is skipped where the programs are missing; its cleanup stops them.
func StartOpenVSwitch(t testing.TB, ns *netnstest.NS, bridge string) *OpenVSwitch {
	t.Helper()
	programs := peer.Need(t, "ovsdb-tool", "ovsdb-server", "ovs-vswitchd", "ovs-vsctl", "ovs-appctl")
	if _, err := os.Stat(schema); err != nil {
		peer.Skip(t, "needs Open vSwitch's database schema: %v", err)
	}
	// Not t.TempDir, whose paths are too long for a socket.
	dir, err := os.MkdirTemp("", "ovs")
	if err != nil {
		t.Fatalf("realtest: folder of Open vSwitch: %v", err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	db := filepath.Join(dir, "conf.db")
	if out, err := exec.Command(programs[0], "create", db, schema).CombinedOutput(); err != nil {
		t.Fatalf("realtest: ovsdb-tool create: %v: %s", err, out)
	}
	socket := filepath.Join(dir, "db.sock")
	o := &OpenVSwitch{
		Database: "unix:" + socket, Bridge: bridge, t: t,
		vsctl: programs[3], appctl: programs[4], control: filepath.Join(dir, "vswitchd.ctl"),
	}
	o.start(ns, dir, programs[1], db, "--remote=punix:"+socket, "--pidfile="+filepath.Join(dir, "ovsdb.pid"),
		"--unixctl="+filepath.Join(dir, "ovsdb.ctl"))
	o.Control("--no-wait", "init")
	o.start(ns, dir, programs[2], o.Database, "--pidfile="+filepath.Join(dir, "vswitchd.pid"),
		"--unixctl="+o.control)
	o.Control("add-br", bridge, "--", "set", "bridge", bridge, "datapath_type=netdev", "fail-mode=standalone",
		"other-config:disable-in-band=true")
	return o
}

// start runs one of the two daemons in the foreground. Each makes its control
// socket once it serves; ovs-vsctl waits for the rest.
func (o *OpenVSwitch) start(ns *netnstest.NS, dir, program string, args ...string) {
	o.t.Helper()
	cmd := ns.Command(program, append(args, "-vconsole:warn", "-vsyslog:off", "-vfile:off")...)
	cmd.Env = append(os.Environ(), "OVS_RUNDIR="+dir, "OVS_LOGDIR="+dir, "OVS_DBDIR="+dir)
	control := strings.TrimPrefix(args[len(args)-1], "--unixctl=")
	peer.Start(o.t, cmd, peer.Options{Ready: func(context.Context) error {
		_, err := os.Stat(control)
		return err
	}})
}

// Control runs ovs-vsctl and returns what it prints. The program waits until
// the switch works as it was told.
func (o *OpenVSwitch) Control(args ...string) string {
	o.t.Helper()
	out, err := exec.Command(o.vsctl, append([]string{"--db=" + o.Database, "--timeout=20"}, args...)...).CombinedOutput()
	if err != nil {
		o.t.Fatalf("realtest: ovs-vsctl %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// Flush has the switch decide anew about every frame from now on. Without it what
// it decided by an older configuration may stay in force for a moment.
func (o *OpenVSwitch) Flush() {
	o.t.Helper()
	if out, err := exec.Command(o.appctl, "--target="+o.control, "dpctl/del-flows").CombinedOutput(); err != nil {
		o.t.Fatalf("realtest: ovs-appctl dpctl/del-flows: %v: %s", err, out)
	}
}

// Internal adds an interface of the machine itself that carries one VLAN
// untagged, as a kernel's own VLAN interface would: Internal("eth0.11", 11).
func (o *OpenVSwitch) Internal(name string, vid int) {
	o.t.Helper()
	o.Control("add-port", o.Bridge, name, "tag="+strconv.Itoa(vid), "--", "set", "interface", name, "type=internal")
}
