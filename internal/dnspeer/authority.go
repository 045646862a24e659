package dnspeer

import (
	"fmt"
	"maps"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/mythic-beasts/hostkit/internal/peer"
)

// Authority is what an authoritative server has, and what its configuration says
// besides. Lines are in the syntax of the server that runs.
type Authority struct {
	// Zones are the texts of zone files by origin. An empty text is a zone without a
	// file, as secondaries begin.
	Zones map[string]string
	// ZoneLines are added to each zone, or with an origin as the key to that one;
	// those of "" to all.
	ZoneLines map[string][]string
	// Lines are added to the server clause: of NSD and Knot, to the options of named.
	Lines []string
	// Blocks come before the zones: keys, remotes, lists of addresses.
	Blocks []string
}

// Server is a running one.
type Server struct {
	// Addr is where it listens, by UDP and TCP.
	Addr netip.AddrPort
	// Dir has its configuration, and the zones it writes: see [Server.ZoneFile].
	Dir string
	// Process is the program, for signals and its output.
	Process *peer.Process
}

// ZoneFile is where the server has, or will write, the file of a zone.
func (s *Server) ZoneFile(origin string) string { return zoneFile(s.Dir, origin) }

func zoneFile(dir, origin string) string {
	return filepath.Join(dir, "zone-"+strings.Trim(strings.ToLower(origin), ".")+".db")
}

// prepare writes the zone files and returns the origins in order.
func (a Authority) prepare(t testing.TB, dir string) []string {
	t.Helper()
	origins := slices.Sorted(maps.Keys(a.Zones))
	for _, origin := range origins {
		if text := a.Zones[origin]; text != "" {
			write(t, dir, filepath.Base(zoneFile(dir, origin)), []string{text})
		}
	}
	return origins
}

func (a Authority) zoneLines(origin string) []string {
	return slices.Concat(a.ZoneLines[""], a.ZoneLines[origin])
}

// indent puts lines under a clause of YAML.
func indent(lines []string, by string) []string {
	out := make([]string, len(lines))
	for i, line := range lines {
		out[i] = by + line
	}
	return out
}

// NSD starts nsd. It answers without limits of rate.
func NSD(t testing.TB, a Authority) *Server {
	t.Helper()
	program := peer.Look(t, "nsd")
	addr, dir := free(t), t.TempDir()
	lines := []string{
		"server:",
		fmt.Sprintf("ip-address: %v@%d", addr.Addr(), addr.Port()),
		`username: ""`, `chroot: ""`, `database: ""`, `pidfile: ""`, "server-count: 1", "verbosity: 1",
		fmt.Sprintf("zonesdir: %q", dir), fmt.Sprintf("xfrdir: %q", dir),
		fmt.Sprintf("xfrdfile: %q", filepath.Join(dir, "xfrd.state")),
		fmt.Sprintf("zonelistfile: %q", filepath.Join(dir, "zone.list")),
		"rrl-ratelimit: 0", "rrl-whitelist-ratelimit: 0",
	}
	lines = append(append(lines, a.Lines...), "remote-control:", "control-enable: no")
	lines = append(lines, a.Blocks...)
	for _, origin := range a.prepare(t, dir) {
		lines = append(lines, "zone:", fmt.Sprintf("name: %q", origin), fmt.Sprintf("zonefile: %q", zoneFile(dir, origin)))
		lines = append(lines, a.zoneLines(origin)...)
	}
	file := write(t, dir, "nsd.conf", lines)
	p := peer.Start(t, exec.Command(program, "-d", "-c", file), peer.Options{ReadyOutput: regexp.MustCompile(`nsd started`)})
	return &Server{Addr: addr, Dir: dir, Process: p}
}

// Knot starts knotd. Its Lines and ZoneLines are indented for it.
func Knot(t testing.TB, a Authority) *Server {
	t.Helper()
	program := peer.Look(t, "knotd")
	addr, dir := free(t), t.TempDir()
	// Names of sockets may be 108 octets long, and folders of tests are longer.
	run, err := os.MkdirTemp("", "knot")
	if err != nil {
		t.Fatalf("dnspeer: %v", err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(run) })
	lines := append([]string{
		"server:",
		fmt.Sprintf("    listen: %v@%d", addr.Addr(), addr.Port()),
		fmt.Sprintf("    rundir: %q", run),
		"    udp-workers: 1", "    tcp-workers: 1", "    background-workers: 1",
	}, indent(a.Lines, "    ")...)
	lines = append(lines,
		"log:", "  - target: stderr", "    any: info",
		"database:", fmt.Sprintf("    storage: %q", dir))
	lines = append(lines, a.Blocks...)
	lines = append(lines, "zone:")
	for _, origin := range a.prepare(t, dir) {
		lines = append(lines, fmt.Sprintf("  - domain: %q", origin), fmt.Sprintf("    file: %q", zoneFile(dir, origin)))
		lines = append(lines, indent(a.zoneLines(origin), "    ")...)
	}
	file := write(t, dir, "knot.conf", lines)
	p := peer.Start(t, exec.Command(program, "-c", file), peer.Options{ReadyOutput: regexp.MustCompile(`server started`)})
	return &Server{Addr: addr, Dir: dir, Process: p}
}

// NamedAuthority starts named without recursion. A zone is primary unless its lines
// give it another type.
func NamedAuthority(t testing.TB, a Authority) *Server {
	t.Helper()
	program := peer.Look(t, "named")
	addr, dir := free(t), t.TempDir()
	lines := append([]string{
		"controls { };",
		"options {",
		fmt.Sprintf("directory %q; session-keyfile none; pid-file none;", dir),
		fmt.Sprintf("listen-on port %d { %v; }; listen-on-v6 { none; };", addr.Port(), addr.Addr()),
		"recursion no; allow-query { 127.0.0.0/8; }; dnssec-validation no; notify no; empty-zones-enable no; check-names primary ignore;",
	}, a.Lines...)
	lines = append(append(lines, "};"), a.Blocks...)
	for _, origin := range a.prepare(t, dir) {
		zone := a.zoneLines(origin)
		if !strings.Contains(strings.Join(zone, "\n"), "type ") {
			zone = append([]string{"type primary;"}, zone...)
		}
		lines = append(lines, fmt.Sprintf("zone %q { file %q;", origin, zoneFile(dir, origin)))
		lines = append(append(lines, zone...), "};")
	}
	file := write(t, dir, "named.conf", lines)
	p := peer.Start(t, exec.Command(program, "-g", "-n", "1", "-c", file), peer.Options{ReadyOutput: regexp.MustCompile(`(?m) running\s*$`)})
	return &Server{Addr: addr, Dir: dir, Process: p}
}
