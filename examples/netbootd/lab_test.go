package main

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/netnstest"
	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/netboot/netboottest"
	"github.com/mythic-beasts/hostkit/netboot/rpi"
)

// lab is a small rack: netbootd in one namespace, and a cable for each machine
// to another, in which nobody has an address.
type lab struct {
	t             *testing.T
	server, shelf *netnstest.NS
	dir           string
	more          string // settings beside the usual ones
	daemon        *peer.Process
}

// settings are for a lab whose folder is the argument.
const settings = `interfaces = ["vlan*"]
journal = "%[1]s/leases"
status = "%[1]s/status.sock"
http = { listen = ":8080" }
patience = { step = "5s" }
[[pool]]
name = "lab"
first = "10.81.0.10/24"
last = "10.81.0.20"
`

func newLab(t *testing.T) *lab {
	return &lab{t: t, server: netnstest.New(t), shelf: netnstest.New(t), dir: t.TempDir()}
}

// cable lays one between an interface of the server with an address and one of
// the shelf.
func (l *lab) cable(name, addr string) {
	l.t.Helper()
	netnstest.Veth(l.t, l.server, name, l.shelf, strings.Replace(name, "vlan", "port", 1))
	l.server.AddAddr(name, netip.MustParsePrefix(addr))
}

// files lays out a Pi's boot files, and returns their directory.
func (l *lab) files(name string, model rpi.Model, kernel int) string {
	l.t.Helper()
	dir := filepath.Join(l.dir, name)
	require.NoError(l.t, os.CopyFS(dir, netboottest.BootTree(model, kernel)))
	return dir
}

// configure writes the configuration with the given machines.
func (l *lab) configure(machines ...string) {
	l.t.Helper()
	text := l.more + fmt.Sprintf(settings, l.dir) + strings.Join(machines, "")
	require.NoError(l.t, os.WriteFile(filepath.Join(l.dir, "netbootd.toml"), []byte(text), 0o600))
}

// machine is a [[machine]]: key is what it is recognised by, place its address
// or pool, and more any other lines.
func machine(name, key, place, files string, more ...string) string {
	return fmt.Sprintf("[[machine]]\nname = %q\n%s\n%s\nfiles = [%q]\n%s\n", name, key, place, files, strings.Join(more, "\n"))
}

// start starts the daemon, and waits until it is ready.
func (l *lab) start() {
	l.t.Helper()
	cmd := l.server.Command("netbootd", "-log", "debug", "-config", filepath.Join(l.dir, "netbootd.toml"),
		"-debug", "unix:"+filepath.Join(l.dir, "debug.sock"))
	l.daemon = peer.Start(l.t, cmd, peer.Options{ReadyOutput: regexp.MustCompile("netbootd is ready")})
}

// end ends the daemon by a signal, and waits for it.
func (l *lab) end(sig os.Signal) {
	l.t.Helper()
	require.NoError(l.t, l.daemon.Signal(sig))
	ctx, cancel := context.WithTimeout(l.t.Context(), 20*time.Second)
	defer cancel()
	err := l.daemon.Wait(ctx)
	require.NoError(l.t, ctx.Err())
	if sig == syscall.SIGTERM {
		require.NoError(l.t, err)
	}
	_ = os.Remove(filepath.Join(l.dir, "debug.sock")) // a killed one leaves it
}

// pi is a machine plugged into a port.
func (l *lab) pi(port string, model rpi.Model) netboottest.Pi {
	l.t.Helper()
	var link netboottest.Link
	require.NoError(l.t, l.shelf.Do(func() (err error) {
		link, err = netboottest.ListenPacket(port)
		return err
	}))
	l.t.Cleanup(func() { link.Close() })
	return netboottest.Pi{Link: link, Model: model, RxBug: model == rpi.Model3B, OS: true}
}

// result is what a boot came to.
type result struct {
	*netboottest.Boot
	err error
}

// boot powers a machine on, and returns where its end will be told.
func (l *lab) boot(pi netboottest.Pi) <-chan result {
	done := make(chan result, 1)
	ctx, cancel := context.WithTimeout(l.t.Context(), 90*time.Second)
	go func() {
		defer cancel()
		b, err := pi.Run(ctx)
		done <- result{b, err}
	}()
	return done
}

// watch runs the terminal's view until the machines are in the stage.
func (l *lab) watch(stage string, machines ...string) *peer.Process {
	l.t.Helper()
	args := append([]string{"watch", "-socket", filepath.Join(l.dir, "status.sock"), "-until", stage}, machines...)
	return peer.Start(l.t, exec.Command("netbootd", args...), peer.Options{})
}

// metric waits until /metrics has a line.
func (l *lab) metric(line string) {
	l.t.Helper()
	require.NoError(l.t, poll(func(ctx context.Context) error {
		body, err := get(ctx, filepath.Join(l.dir, "debug.sock"), "/metrics")
		if err == nil && !strings.Contains(body, line+"\n") {
			err = fmt.Errorf("no line %q", line)
		}
		return err
	}))
}
