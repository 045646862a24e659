package realtest

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/examples/internal/racktest"
	"github.com/mythic-beasts/hostkit/internal/netnstest"
	"github.com/mythic-beasts/hostkit/internal/peer"
)

// rack is a file server in a network namespace, with a cable for each machine:
// nobody else is on it, as on a private VLAN.
type rack struct {
	t        *testing.T
	ns       *netnstest.NS
	dir      string // everything that the server keeps
	key      string // private key of the one who logs in
	settings string // of nfsroot.toml, before the machines
	machines []machine
}

// machine is one of the rack's.
type machine struct {
	name   string
	lan    string // the server's interface to it
	tap    string // the machine's own, in QEMU
	mac    string
	server netip.Addr
	addr   netip.Addr
	more   string // of its [[machine]] in nfsroot.toml
}

// newRack lays the cables. The settings are those of nfsroot.toml's beginning.
func newRack(t *testing.T, settings string, machines ...machine) *rack {
	t.Helper()
	r := &rack{t: t, ns: netnstest.New(t), dir: t.TempDir(), settings: settings}
	r.key = filepath.Join(r.dir, "id_ed25519")
	r.must(exec.Command(peer.Look(t, "ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-C", "operator", "-f", r.key))
	for i, m := range machines {
		m.lan, m.tap = fmt.Sprintf("lan%d", i), fmt.Sprintf("tap%d", i)
		m.server = netip.AddrFrom4([4]byte{10, 77, byte(i), 1})
		m.addr = m.server.Next()
		if m.mac == "" {
			m.mac = fmt.Sprintf("52:54:00:77:00:%02x", i+1)
		}
		r.ns.Tap(m.tap)
		r.ns.Bridge(m.lan, m.tap)
		r.ns.AddAddr(m.lan, netip.PrefixFrom(m.server, 30))
		r.machines = append(r.machines, m)
	}
	r.configure()
	return r
}

// configure writes nfsroot.toml and netbootd.toml.
func (r *rack) configure() {
	r.t.Helper()
	public, err := os.ReadFile(r.key + ".pub")
	require.NoError(r.t, err)
	var roots, boots strings.Builder
	fmt.Fprintf(&roots, "farm = %q\nboot = %q\nkeys = %q\nauthorized_keys = [%q]\n%s\n",
		r.path("nfs"), r.path("boot"), r.path("keys"), strings.TrimSpace(string(public)), r.settings)
	fmt.Fprintf(&boots, "interfaces = [\"lan*\"]\nstatus = %q\njournal = %q\n", r.path("status.sock"), r.path("leases"))
	for _, m := range r.machines {
		fmt.Fprintf(&roots, "[[machine]]\nname = %q\naddress = \"%s/30\"\nserver = %q\n%s\n", m.name, m.addr, m.server, m.more)
		fmt.Fprintf(&boots, "[[machine]]\nname = %q\ninterface = %q\naddress = \"%s/30\"\nfiles = [%q, %q]\n",
			m.name, m.lan, m.addr, r.path("boot/"+m.name), r.path("boot/shared"))
	}
	require.NoError(r.t, os.WriteFile(r.path("nfsroot.toml"), []byte(roots.String()), 0o600))
	require.NoError(r.t, os.WriteFile(r.path("netbootd.toml"), []byte(boots.String()), 0o600))
}

func (r *rack) path(name string) string { return filepath.Join(r.dir, filepath.FromSlash(name)) }

// must runs a program, which must succeed, and returns what it prints.
func (r *rack) must(cmd *exec.Cmd) string {
	r.t.Helper()
	out, err := cmd.CombinedOutput()
	require.NoError(r.t, err, "%s: %s", cmd, out)
	return string(out)
}

// nfsroot runs the program with the rack's configuration.
func (r *rack) nfsroot(args ...string) string {
	r.t.Helper()
	begin := time.Now()
	cmd := exec.CommandContext(r.t.Context(), program(r.t, "nfsroot"), append([]string{"-config", r.path("nfsroot.toml")}, args...)...)
	out, err := cmd.Output()
	var stderr string
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		stderr = string(exit.Stderr)
	}
	require.NoError(r.t, err, "nfsroot %v: %s", args, stderr)
	r.t.Logf("nfsroot %s: %s", strings.Join(args, " "), time.Since(begin).Round(100*time.Millisecond))
	return string(out)
}

// prepare makes the roots, and what is loaded before them.
func (r *rack) prepare() {
	r.t.Helper()
	r.nfsroot("build")
	r.nfsroot("clone")
	r.nfsroot("boot-tree")
	r.trust()
}

// netbootd starts the boot server.
func (r *rack) netbootd() *peer.Process {
	r.t.Helper()
	cmd := r.ns.Command(program(r.t, "netbootd"), "-log", "debug", "-config", r.path("netbootd.toml"))
	return peer.Start(r.t, cmd, peer.Options{ReadyOutput: regexp.MustCompile("netbootd is ready")})
}

// ssh returns a command that runs another on the machine. The machine's host key
// must be the one that nfsroot gave it.
func (r *rack) ssh(ctx context.Context, m machine, command string) *exec.Cmd {
	args := []string{
		"netns", "exec", r.ns.Name(), peer.Look(r.t, "ssh"), "-i", r.key, "-o", "BatchMode=yes",
		"-o", "UserKnownHostsFile=" + r.path("known_hosts"), "-o", "StrictHostKeyChecking=yes", "-o", "HostKeyAlias=" + m.name,
		"-o", "ConnectTimeout=60", "-o", "ServerAliveInterval=20", "-F", "none", "root@" + m.addr.String(), command,
	}
	return exec.CommandContext(ctx, peer.Look(r.t, "ip"), args...)
}

// run runs a command on the machine, which must succeed within five minutes.
func (r *rack) run(m machine, command string) string {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 5*time.Minute)
	defer cancel()
	out, err := r.ssh(ctx, m, command).CombinedOutput()
	require.NoError(r.t, err, "%s on %s: %s", command, m.name, out)
	return strings.TrimSpace(string(out))
}

// awaitSSH waits until somebody can log in on the machine, and says how long
// that took.
func (r *rack) awaitSSH(m machine, qemu *peer.Process, within time.Duration) time.Duration {
	r.t.Helper()
	begin := time.Now()
	err := racktest.Until(r.t.Context(), within, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
		defer cancel()
		out, err := r.ssh(ctx, m, "true").CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	})
	require.NoError(r.t, err, "%s cannot be logged in to; its console:\n%s", m.name, qemu.Output())
	took := time.Since(begin)
	r.t.Logf("%s: ssh after %s", m.name, took.Round(100*time.Millisecond))
	return took
}

// pc powers on an x86 machine that boots from its network card.
func (r *rack) pc(m machine) *peer.Process {
	r.t.Helper()
	cmd := r.ns.Command(peer.Look(r.t, "qemu-system-x86_64"),
		"-accel", "tcg,thread=multi", "-cpu", "max", "-m", "1024", "-smp", "2",
		"-display", "none", "-monitor", "none", "-nodefaults", "-serial", "stdio", "-no-reboot",
		"-netdev", "tap,id=n0,ifname="+m.tap+",script=no,downscript=no",
		"-device", "virtio-net-pci,netdev=n0,mac="+m.mac, "-device", "virtio-rng-pci", "-boot", "n")
	return peer.Start(r.t, cmd, peer.Options{Grace: -1})
}

// neighbour returns a namespace whose interface "c0" is on the machine's cable.
func (r *rack) neighbour(m machine) *netnstest.NS {
	r.t.Helper()
	other := netnstest.New(r.t)
	netnstest.Veth(r.t, r.ns, "near0", other, "c0")
	r.ns.IP("link", "set", "near0", "master", m.lan)
	return other
}

// trust writes known_hosts from the keys that nfsroot made.
func (r *rack) trust() {
	r.t.Helper()
	require.NoError(r.t, os.WriteFile(r.path("known_hosts"), []byte(r.nfsroot("keys", "-format", "known_hosts")), 0o600))
}
