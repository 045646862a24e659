package dnspeer

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/mythic-beasts/hostkit/internal/peer"
)

// Config is what a server does besides.
type Config struct {
	// Forward is where all questions go.
	Forward netip.AddrPort
	// Lines are added to the configuration: to the server clause of unbound, to
	// the options of named.
	Lines []string
}

// Unbound starts unbound and returns where it listens. Without a module-config line
// it neither validates nor synthesises.
func Unbound(t testing.TB, c Config) netip.AddrPort {
	t.Helper()
	program := peer.Look(t, "unbound")
	addr := free(t)
	dir := t.TempDir()
	lines := []string{
		"server:",
		"interface: 127.0.0.1", fmt.Sprintf("port: %d", addr.Port()),
		"access-control: 127.0.0.0/8 allow", "do-not-query-localhost: no", "do-daemonize: no",
		`username: ""`, `chroot: ""`, `directory: "` + dir + `"`, `pidfile: ""`,
		"use-syslog: no", `logfile: ""`, "verbosity: 1", "num-threads: 1",
	}
	if !strings.Contains(strings.Join(c.Lines, "\n"), "module-config") {
		lines = append(lines, `module-config: "iterator"`)
	}
	lines = append(lines, c.Lines...)
	lines = append(lines,
		"forward-zone:", `name: "."`, fmt.Sprintf("forward-addr: %v@%d", c.Forward.Addr(), c.Forward.Port()),
		"remote-control:", "control-enable: no")
	file := write(t, dir, "unbound.conf", lines)
	peer.Start(t, exec.Command(program, "-d", "-c", file), peer.Options{ReadyOutput: regexp.MustCompile(`start of service`)})
	return addr
}

// Named starts bind9's named and returns where it listens.
func Named(t testing.TB, c Config) netip.AddrPort {
	t.Helper()
	program := peer.Look(t, "named")
	addr := free(t)
	dir := t.TempDir()
	lines := []string{
		"controls { };",
		"options {",
		fmt.Sprintf("directory %q; session-keyfile none; pid-file none;", dir),
		fmt.Sprintf("listen-on port %d { 127.0.0.1; }; listen-on-v6 { none; };", addr.Port()),
		"recursion yes; allow-query { 127.0.0.0/8; }; dnssec-validation no; minimal-responses no;",
		fmt.Sprintf("forward only; forwarders { %v port %d; };", c.Forward.Addr(), c.Forward.Port()),
	}
	lines = append(append(lines, c.Lines...), "};")
	file := write(t, dir, "named.conf", lines)
	peer.Start(t, exec.Command(program, "-g", "-n", "1", "-c", file), peer.Options{ReadyOutput: regexp.MustCompile(`(?m) running\s*$`)})
	return addr
}

func write(t testing.TB, dir, name string, lines []string) string {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatalf("dnspeer: %v", err)
	}
	return file
}

// free finds a port that is free for UDP and TCP, and leaves it.
func free(t testing.TB) netip.AddrPort {
	t.Helper()
	for range 50 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatalf("dnspeer: %v", err)
		}
		p, err := net.ListenPacket("udp", l.Addr().String())
		_ = l.Close()
		if err == nil {
			_ = p.Close()
			return l.Addr().(*net.TCPAddr).AddrPort()
		}
	}
	t.Fatal("dnspeer: no port is free for both UDP and TCP")
	return netip.AddrPort{}
}
