package dnspeer

import (
	"fmt"
	"maps"
	"net/netip"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/mythic-beasts/hostkit/internal/peer"
)

// Trust is what a validating resolver believes, and where it asks.
type Trust struct {
	// Anchors are DS records in presentation format, of zones that are secure.
	Anchors []string
	// Stubs are the authoritative servers of zones. All else is asked in vain.
	Stubs map[string]netip.AddrPort
	// Lines are added to the configuration: to the server clause of unbound, to the
	// file of the recursor.
	Lines []string
}

// ValidatingUnbound starts an unbound that validates. It does not synthesise
// denials of its own, so that every question is asked; a line can change that.
func ValidatingUnbound(t testing.TB, c Trust) netip.AddrPort {
	t.Helper()
	program := peer.Look(t, "unbound")
	addr, dir := free(t), t.TempDir()
	lines := []string{
		"server:",
		"interface: 127.0.0.1", fmt.Sprintf("port: %d", addr.Port()),
		"access-control: 127.0.0.0/8 allow", "do-not-query-localhost: no", "do-daemonize: no",
		`username: ""`, `chroot: ""`, `directory: "` + dir + `"`, `pidfile: ""`,
		"use-syslog: no", `logfile: ""`, "verbosity: 1", "val-log-level: 2", "num-threads: 1", "do-ip6: no",
		`module-config: "validator iterator"`, "aggressive-nsec: no", "ede: yes",
		`local-zone: "test." nodefault`, `local-zone: "invalid." nodefault`,
	}
	for _, ds := range c.Anchors {
		lines = append(lines, fmt.Sprintf("trust-anchor: %q", strings.Join(strings.Fields(ds), " ")))
	}
	lines = append(lines, c.Lines...)
	for _, zone := range slices.Sorted(maps.Keys(c.Stubs)) {
		at := c.Stubs[zone]
		lines = append(lines, "stub-zone:", fmt.Sprintf("name: %q", zone), fmt.Sprintf("stub-addr: %v@%d", at.Addr(), at.Port()))
	}
	lines = append(lines, "remote-control:", "control-enable: no")
	file := write(t, dir, "unbound.conf", lines)
	peer.Start(t, exec.Command(program, "-d", "-c", file), peer.Options{ReadyOutput: regexp.MustCompile(`start of service`)})
	return addr
}

// Recursor starts a pdns_recursor that validates, and does not synthesise denials.
func Recursor(t testing.TB, c Trust) netip.AddrPort {
	t.Helper()
	program := peer.Look(t, "pdns_recursor")
	addr, dir := free(t), t.TempDir()
	anchors, stubs := []string{"clearTA()"}, []string(nil)
	for _, text := range c.Anchors {
		ds := parseDS(t, text)
		anchors = append(anchors, fmt.Sprintf("addTA(%q, %q)", ds.zone, strings.Join(ds.data, " ")))
	}
	for _, zone := range slices.Sorted(maps.Keys(c.Stubs)) {
		stubs = append(stubs, zone+"="+c.Stubs[zone].String())
	}
	lua := write(t, dir, "anchors.lua", anchors)
	lines := append([]string{
		"local-address=127.0.0.1", fmt.Sprintf("local-port=%d", addr.Port()),
		"daemon=no", "disable-syslog=yes", "threads=1", "loglevel=6", "quiet=yes", "dnssec=validate",
		"setuid=", "setgid=", "socket-dir=" + dir, "security-poll-suffix=", "hint-file=no", "dont-query=",
		"aggressive-nsec-cache-size=0", "lua-config-file=" + lua, "forward-zones=" + strings.Join(stubs, ","),
	}, c.Lines...)
	write(t, dir, "recursor.conf", lines)
	peer.Start(t, exec.Command(program, "--config-dir="+dir), peer.Options{ReadyOutput: regexp.MustCompile(`Enabled multiplexer|Enabled .* multiplexer`)})
	return addr
}

// delegation is a DS record's zone and data.
type delegation struct {
	zone string
	data []string // tag, algorithm, digest type, digest
}

func parseDS(t testing.TB, text string) delegation {
	t.Helper()
	fields := strings.Fields(text)
	i := slices.Index(fields, "DS")
	if i < 1 || len(fields) < i+5 {
		t.Fatalf("dnspeer: %q is no DS record", text)
	}
	return delegation{zone: fields[0], data: append(fields[i+1:i+4:i+4], strings.Join(fields[i+4:], ""))}
}

// Delv asks an authoritative server by delv, which validates from the anchors on,
// and returns what delv prints: "; fully validated" before what is. The args are a
// name, a type and options.
func Delv(t testing.TB, at netip.AddrPort, root string, anchors []string, args ...string) string {
	t.Helper()
	program := peer.Look(t, "delv")
	lines := []string{"trust-anchors {"}
	for _, text := range anchors {
		ds := parseDS(t, text)
		lines = append(lines, fmt.Sprintf("%q static-ds %s %q;", ds.zone, strings.Join(ds.data[:3], " "), ds.data[3]))
	}
	file := write(t, t.TempDir(), "anchors", append(lines, "};"))
	args = append([]string{"@" + at.Addr().String(), "-p", fmt.Sprint(at.Port()), "-a", file, "+root=" + root}, args...)
	out, _ := exec.CommandContext(t.Context(), program, args...).CombinedOutput()
	return string(out)
}

// Drill chases the signatures of a name from an authoritative server up to an
// anchor by drill -S, and returns what it prints: "Chase successful" if all are good.
func Drill(t testing.TB, at netip.AddrPort, anchors []string, name, typ string) string {
	t.Helper()
	program := peer.Look(t, "drill")
	file := write(t, t.TempDir(), "anchors", anchors)
	out, _ := exec.CommandContext(t.Context(), program,
		"-D", "-S", "-k", file, "-p", fmt.Sprint(at.Port()), "@"+at.Addr().String(), name, typ).CombinedOutput()
	return string(out)
}
