package ganeshatest

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/internal/netnstest"
	"github.com/mythic-beasts/hostkit/internal/peer"
)

// Server is nfs-ganesha in a namespace. Its methods must be called from the
// goroutine of the test that started it.
type Server struct {
	t       testing.TB
	ns      *netnstest.NS
	bind    netip.Addr
	dir     string // of the configuration
	rpcbind *peer.Process
	ganesha *peer.Process // nil while it is stopped
}

// Start starts a portmapper and the server, and returns when it answers on the
// NFS port 2049 of the address, which the namespace must have.
func Start(t testing.TB, ns *netnstest.NS, bind netip.Addr, config string) *Server {
	t.Helper()
	peer.NeedRoot(t)
	peer.Need(t, "ganesha.nfsd", "rpcbind", "nsenter")
	s := &Server{t: t, ns: ns, bind: bind, dir: t.TempDir()}
	// ip netns exec gives the command mounts of its own.
	const script = `set -e
mount -t tmpfs tmpfs /run
mkdir -p /run/rpcbind /run/ganesha
mount -t tmpfs tmpfs /var/lib/nfs
mkdir -p /var/lib/nfs/ganesha
exec "$1" -f -w -h "$2"`
	rpcbind := peer.Look(t, "rpcbind")
	s.rpcbind = peer.Start(t, ns.Command("sh", "-c", script, "sh", rpcbind, bind.String()), peer.Options{
		Ready: s.answers(111),
	})
	s.configure(config)
	s.Restart()
	return s
}

func (s *Server) configure(config string) {
	s.t.Helper()
	if err := os.WriteFile(s.path("ganesha.conf"), []byte(config), 0o644); err != nil {
		s.t.Fatalf("ganeshatest: %v", err)
	}
}

func (s *Server) path(name string) string { return filepath.Join(s.dir, name) }

// answers asks whether a TCP port is open.
func (s *Server) answers(port uint16) func(context.Context) error {
	return func(ctx context.Context) error {
		return s.ns.Do(func() error {
			var d net.Dialer
			conn, err := d.DialContext(ctx, "tcp", netip.AddrPortFrom(s.bind, port).String())
			if err == nil {
				err = conn.Close()
			}
			return err
		})
	}
}

var initialized = regexp.MustCompile(`NFS SERVER INITIALIZED`)

// Restart starts the server after [Server.Stop] or [Server.Kill], with the same
// portmapper and the same state, and returns when it answers.
func (s *Server) Restart() {
	s.t.Helper()
	if s.ganesha != nil {
		s.t.Fatal("ganeshatest: the server still runs")
	}
	cmd := exec.Command(peer.Look(s.t, "nsenter"), "--target", strconv.Itoa(s.rpcbind.PID()), "--mount", "--net", "--",
		peer.Look(s.t, "ganesha.nfsd"), "-F", "-f", s.path("ganesha.conf"), "-L", "STDOUT", "-p", s.path("ganesha.pid"))
	s.ganesha = peer.Start(s.t, cmd, peer.Options{
		ReadyOutput: initialized,
		Ready:       s.answers(2049),
		Timeout:     60 * time.Second, // a loaded machine
		Grace:       10 * time.Second,
	})
}

// Stop ends the server, in order.
func (s *Server) Stop() {
	if s.ganesha != nil {
		s.ganesha.Stop()
		s.ganesha = nil
	}
}

// Kill ends the server by SIGKILL, as a crash would.
func (s *Server) Kill() {
	s.t.Helper()
	if s.ganesha == nil {
		return
	}
	if err := s.ganesha.Signal(syscall.SIGKILL); err != nil {
		s.t.Fatalf("ganeshatest: kill: %v", err)
	}
	s.ganesha.Stop()
	s.ganesha = nil
}

// Reload gives the running server another configuration, of which it takes new,
// changed and removed exports at SIGHUP, and returns when it says that it has.
func (s *Server) Reload(config string) {
	s.t.Helper()
	if s.ganesha == nil {
		s.t.Fatal("ganeshatest: the server does not run")
	}
	s.configure(config)
	before := len(reread.FindAllString(s.ganesha.Output(), -1))
	if err := s.ganesha.Signal(syscall.SIGHUP); err != nil {
		s.t.Fatalf("ganeshatest: reload: %v", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	again := regexp.MustCompile(fmt.Sprintf(`(?s)(?:%s.*){%d}`, reread, before+1))
	if _, err := s.ganesha.WaitOutput(ctx, again); err != nil {
		s.t.Fatalf("ganeshatest: reload: %v", err)
	}
}

var reread = regexp.MustCompile(`Reread exports`)

// Log is what the server has said since it was last started.
func (s *Server) Log() string {
	if s.ganesha == nil {
		return ""
	}
	return s.ganesha.Output()
}

// Complaints are the lines of the log by which the server refuses or ignores a
// part of its configuration.
func (s *Server) Complaints() []string {
	var lines []string
	for line := range strings.Lines(s.Log()) {
		if strings.Contains(line, "config_errs_to_log") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}

// PID is the process id of the running server, 0 while it is stopped.
func (s *Server) PID() int {
	if s.ganesha == nil {
		return 0
	}
	return s.ganesha.PID()
}
