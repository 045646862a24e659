package realtest

import (
	"bufio"
	"context"
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/netnstest"
	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/netboot"
)

// What every lab has.
const (
	labBridge  = "br0"
	labTap     = "tap0"
	labServer  = "10.78.0.1"
	labMachine = "10.78.0.50"
	labMAC     = "52:54:00:77:00:02"

	labNet6     = "fd78::/64"
	labServer6  = "fd78::1"
	labMachine6 = "fd78::50"
)

// lab is a network namespace with a bridge for the servers, and a tap on it
// for a machine in QEMU.
type lab struct {
	t   *testing.T
	ns  *netnstest.NS
	dir string // files that are served
}

func newLab(t *testing.T) *lab {
	t.Helper()
	l := &lab{t: t, ns: netnstest.New(t), dir: t.TempDir()}
	l.ns.Tap(labTap)
	l.ns.Bridge(labBridge, labTap)
	l.ns.AddAddr(labBridge, netip.MustParsePrefix(labServer+"/24"))
	l.ns.AddAddr(labBridge, netip.MustParsePrefix(labServer6+"/64"))
	return l
}

// neighbor returns a namespace whose interface "c0" is on the lab's bridge.
func (l *lab) neighbor() *netnstest.NS {
	l.t.Helper()
	other := netnstest.New(l.t)
	netnstest.Veth(l.t, l.ns, "s2", other, "c0")
	l.ns.IP("link", "set", "s2", "master", labBridge)
	return other
}

// write puts a file among those that are served.
func (l *lab) write(name string, data []byte) {
	l.t.Helper()
	path := filepath.Join(l.dir, filepath.FromSlash(name))
	require.NoError(l.t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(l.t, os.WriteFile(path, data, 0o644))
}

// copy puts a copy of a file among those that are served.
func (l *lab) copy(name, from string) {
	l.t.Helper()
	data, err := os.ReadFile(from)
	require.NoError(l.t, err)
	l.write(name, data)
}

// server is a running server process.
type server struct{ *peer.Process }

// serve starts the servers in the lab. Zero fields of conf are filled in with
// the lab's own bridge, folder and machine.
func (l *lab) serve(conf serverConf) server {
	l.t.Helper()
	if conf.Interface == "" {
		conf.Interface = labBridge
	}
	if conf.Machines == nil {
		conf.Machines = []machineConf{{Name: "m1", MAC: labMAC, Addr: netip.MustParsePrefix(labMachine + "/24")}}
	}
	conf.Dir = l.dir
	text, err := json.Marshal(conf)
	require.NoError(l.t, err)
	self, err := os.Executable()
	require.NoError(l.t, err)
	cmd := l.ns.Command(self)
	cmd.Env = append(os.Environ(), serverEnv+"="+string(text))
	return server{peer.Start(l.t, cmd, peer.Options{ReadyOutput: regexp.MustCompile(`"kind":"ready"`)})}
}

// records returns what the server wrote so far.
func (s server) records() []record {
	var all []record
	lines := bufio.NewScanner(strings.NewReader(s.Output()))
	for lines.Scan() {
		var r record
		if json.Unmarshal(lines.Bytes(), &r) == nil && r.Kind != "" {
			all = append(all, r)
		}
	}
	return all
}

// find returns the records of one kind.
func (s server) find(kind string) []record {
	var some []record
	for _, r := range s.records() {
		if r.Kind == kind {
			some = append(some, r)
		}
	}
	return some
}

// first returns the first event of a kind, and fails when there is none.
func (s server) first(t testing.TB, kind netboot.EventKind) record {
	t.Helper()
	some := s.find(kind.String())
	require.NotEmpty(t, some, "no event %q", kind)
	return some[0]
}

// request returns the last request for a file, and fails when there is none.
func (s server) request(t testing.TB, file string) record {
	t.Helper()
	var last record
	for _, r := range s.find("request") {
		if strings.TrimPrefix(r.File, "/") == file {
			last = r
		}
	}
	require.NotEmpty(t, last.Kind, "%s was not asked for: %v", file, s.find("request"))
	return last
}

// waited is how long iPXE took from its address to its first file, which is what
// an unanswered router solicitation delays.
func (s server) waited(t testing.TB) time.Duration {
	t.Helper()
	return s.request(t, "boot.ipxe").At.Sub(s.first(t, netboot.Leased).At).Round(time.Millisecond)
}

// served returns the names of the files that were received to the end.
func (s server) served() []string {
	var names []string
	for _, r := range s.find(netboot.FileServed.String()) {
		names = append(names, strings.TrimPrefix(r.File, "/"))
	}
	return names
}

// qemu starts a machine whose first serial port is its output.
func (l *lab) qemu(program string, args ...string) *peer.Process {
	l.t.Helper()
	common := []string{
		"-display", "none", "-monitor", "none", "-no-reboot",
		"-netdev", "tap,id=n0,ifname=" + labTap + ",script=no,downscript=no",
	}
	cmd := l.ns.Command(peer.Look(l.t, program), append(common, args...)...)
	return peer.Start(l.t, cmd, peer.Options{Grace: -1})
}

// boots waits until the machine's init has said who it is, and logs how long
// that took.
func (l *lab) boots(machine *peer.Process, guest guest, within time.Duration) {
	l.t.Helper()
	start := time.Now()
	ctx, cancel := context.WithTimeout(l.t.Context(), within)
	defer cancel()
	said, err := machine.WaitOutput(ctx, guest.says())
	require.NoError(l.t, err)
	l.t.Logf("init reached after %s: %s", time.Since(start).Round(100*time.Millisecond), said[0])
	require.Equal(l.t, labMachine, said[1], "address that the system got")
	require.Equal(l.t, guest.token, said[2], "what the system fetched")
}
