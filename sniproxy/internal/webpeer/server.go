package webpeer

import (
	"context"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/sniproxy/internal/testcert"
)

// Listener is a port of a [Server].
type Listener struct {
	Addr  netip.AddrPort
	TLS   bool // speaks TLS, with a certificate for localhost
	Proxy bool // requires a PROXY header
}

// Server is a running program.
type Server struct {
	// Program is its name in sentences: "nginx", "Apache" or "HAProxy".
	Program string
	// Listeners are four: plain and TLS, without and with PROXY header.
	Listeners []Listener

	process *peer.Process
	files   []string // logs
}

// Listener returns the port of the kind.
func (s *Server) Listener(tls, proxy bool) Listener {
	for _, l := range s.Listeners {
		if l.TLS == tls && l.Proxy == proxy {
			return l
		}
	}
	return Listener{}
}

// Mark is a place in the logs of a server.
type Mark []int

// Mark returns the present end of the logs.
func (s *Server) Mark() Mark {
	var m Mark
	for _, text := range s.logs() {
		m = append(m, len(text))
	}
	return m
}

// Since returns what was logged since the mark, one log after the other.
func (s *Server) Since(m Mark) string {
	var b strings.Builder
	for i, text := range s.logs() {
		b.WriteString(text[m[i]:])
	}
	return b.String()
}

// Await waits until the text is in what was logged since the mark, and returns
// all of that. After half a minute it fails the test.
func (s *Server) Await(t testing.TB, m Mark, text string) string {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for range 3000 {
		if logged := s.Since(m); strings.Contains(logged, text) {
			return logged
		}
		<-tick.C
	}
	t.Fatalf("webpeer: %s did not log %q but:\n%s", s.Program, text, s.Since(m))
	return ""
}

// logs returns the texts of the log files and of the program's output.
func (s *Server) logs() []string {
	var all []string
	for _, name := range s.files {
		text, err := os.ReadFile(name)
		if err != nil {
			text = nil // not made yet
		}
		all = append(all, string(text))
	}
	return append(all, s.process.Output())
}

// FreePorts returns ports of the address at which nobody listens. They are below
// the range from which the kernel takes the ports of clients.
func FreePorts(t testing.TB, on netip.Addr, n int) []netip.AddrPort {
	t.Helper()
	var free []netip.AddrPort
	var held []net.Listener
	defer func() {
		for _, l := range held {
			_ = l.Close()
		}
	}()
	for range 1000 {
		if len(free) == n {
			return free
		}
		addr := netip.AddrPortFrom(on, uint16(12000+rand.IntN(20000))) //nolint:gosec // a port, not a key
		l, err := net.Listen("tcp", addr.String())
		if err != nil {
			continue
		}
		held = append(held, l)
		free = append(free, addr)
	}
	t.Fatalf("webpeer: no %d free ports on %v", n, on)
	return nil
}

// four are free ports, one for each kind of listener.
func four(t testing.TB) []Listener {
	t.Helper()
	ports := FreePorts(t, netip.IPv6Loopback(), 4)
	return []Listener{{ports[0], false, false}, {ports[1], false, true}, {ports[2], true, false}, {ports[3], true, true}}
}

// folder makes a folder for a program with cert.pem, key.pem and both.pem in it.
func folder(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	cert, key, _ := testcert.New(t)
	for name, content := range map[string][]byte{"cert.pem": cert, "key.pem": key, "both.pem": append(cert, key...)} {
		write(t, filepath.Join(dir, name), string(content))
	}
	return dir
}

func write(t testing.TB, name, content string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatalf("webpeer: %v", err)
	}
}

// start runs the program until the test ends, and waits until it listens. All
// programs open all listeners before they serve, so one tells; it is the plain
// one where there is such, as the others log an early end.
func (s *Server) start(t testing.TB, program string, args ...string) {
	t.Helper()
	cmd := exec.Command(peer.Look(t, program), args...)
	s.process = peer.Start(t, cmd, peer.Options{Ready: func(ctx context.Context) error {
		var d net.Dialer
		c, err := d.DialContext(ctx, "tcp", s.Listeners[0].Addr.String())
		if err != nil {
			return err
		}
		return c.Close()
	}})
}
