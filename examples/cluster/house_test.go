package cluster_test

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/examples/cluster"
	"github.com/mythic-beasts/hostkit/internal/peer"
)

// patience is for a machine with much else to do.
const patience = 2 * time.Minute

var daemons = []string{"sniproxyd", "dnssecd", "acmed", "netbootd"}

// programs builds the daemons into a folder.
var programs = sync.OnceValues(func() (string, error) {
	dir := filepath.Join(os.Getenv(programsVar), "bin")
	args := []string{"build", "-o", dir + "/"}
	for _, d := range daemons {
		args = append(args, "../"+d)
	}
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return dir, nil
})

// programsVar names a folder that lasts for all tests.
const programsVar = "CLUSTER_PROGRAMS"

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "cluster-")
	if err == nil {
		err = os.Setenv(programsVar, dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

func program(t *testing.T, name string) string {
	t.Helper()
	peer.Need(t, "go")
	dir, err := programs()
	require.NoError(t, err)
	return filepath.Join(dir, name)
}

// house is the three hosts on this one: their addresses are ports of 127.0.0.1, and their
// files are in a folder.
type house struct {
	t     *testing.T
	dir   string
	moved *strings.Replacer
	etcd  []*peer.Process
}

func newHouse(t *testing.T) *house {
	h := &house{t: t, dir: t.TempDir()}
	authority(t, h.dir, append([]string{"etcd", "root"}, daemons...)...)
	write(t, h.path("secondaries.key"), "bWVkaXVtIHNlY3JldCBmb3IgdHJhbnNmZXJz\n")
	write(t, h.path("mythic.secret"), "secret\n")
	pairs := []string{
		"/etc/hostkit/", h.dir + "/", "/var/lib/etcd/hostkit", h.path("data"),
		"/run/credentials/dnssecd.service/secondaries.key", h.path("secondaries.key"),
		"/run/credentials/acmed.service/mythic.secret", h.path("mythic.secret"),
	}
	for _, d := range daemons {
		pairs = append(pairs, "/run/credentials/"+d+".service/etcd.key", h.path(d+".key"))
	}
	for i := 1; i <= 3; i++ {
		for _, port := range []string{"2379", "2380"} {
			pairs = append(pairs, fmt.Sprintf("[2001:db8::e%d]:%s", i, port), address(t))
		}
	}
	h.moved = strings.NewReplacer(pairs...)
	return h
}

func (h *house) path(name string) string { return filepath.Join(h.dir, name) }

// address is one that nobody listens on by TCP or UDP.
func address(t *testing.T) string {
	t.Helper()
	for range 50 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		p, err := net.ListenPacket("udp", l.Addr().String())
		l.Close()
		if err == nil {
			p.Close()
			return l.Addr().String()
		}
	}
	t.Fatal("no port is free for both UDP and TCP")
	return ""
}

// file is one of the configuration, for this host.
func (h *house) file(name string) string {
	h.t.Helper()
	text, err := cluster.Files.ReadFile(name)
	require.NoError(h.t, err)
	return h.moved.Replace(string(text))
}

// startEtcd starts the three members with the files of the hosts, and makes their users.
func (h *house) startEtcd() {
	h.t.Helper()
	peer.Need(h.t, "etcd", "etcdctl")
	for i := 1; i <= 3; i++ {
		cmd := exec.Command("etcd", "--logger", "zap", "--log-outputs", "stderr")
		cmd.Env = os.Environ()
		for line := range strings.Lines(h.file(fmt.Sprintf("host%d/etcd", i))) {
			if strings.HasPrefix(line, "ETCD_") {
				cmd.Env = append(cmd.Env, strings.TrimSpace(strings.Replace(line, h.path("data"), h.path(fmt.Sprint("data", i)), 1)))
			}
		}
		h.etcd = append(h.etcd, peer.Start(h.t, cmd, peer.Options{Grace: -1}))
	}
	require.Eventually(h.t, func() bool { return h.etcdctl("endpoint", "health").Run() == nil }, patience, 200*time.Millisecond)
	script := h.path("users.sh")
	write(h.t, script, h.file("users.sh"))
	cmd := h.etcdctl()
	cmd.Path, cmd.Args = "/bin/sh", []string{"sh", script}
	out, err := cmd.CombinedOutput()
	require.NoError(h.t, err, "%s", out)
}

// etcdctl is a command of root.
func (h *house) etcdctl(args ...string) *exec.Cmd {
	cmd := exec.Command("etcdctl", args...)
	var endpoints []string
	for i := 1; i <= 3; i++ {
		endpoints = append(endpoints, h.moved.Replace(fmt.Sprintf("https://[2001:db8::e%d]:2379", i)))
	}
	cmd.Env = append(os.Environ(), "ETCDCTL_API=3", "ETCDCTL_ENDPOINTS="+strings.Join(endpoints, ","),
		"ETCDCTL_CACERT="+h.path("etcd-ca.crt"), "ETCDCTL_CERT="+h.path("root.crt"), "ETCDCTL_KEY="+h.path("root.key"))
	return cmd
}

// put writes a key, as an operator does.
func (h *house) put(key, val string) {
	h.t.Helper()
	require.Eventually(h.t, func() bool { return h.etcdctl("put", key, val).Run() == nil }, patience, 200*time.Millisecond)
}

// Every file is good for its daemon, as it is but for where files and hosts are.
func TestConfigurations(t *testing.T) {
	h := newHouse(t)
	for _, d := range daemons {
		config := h.path(d + ".toml")
		write(t, config, h.file("etc/"+d+".toml"))
		out, err := exec.Command(program(t, d), "-config", config, "-check").CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
}

// The units with their drop-ins are good for systemd.
func TestUnits(t *testing.T) {
	analyze := peer.Look(t, "systemd-analyze")
	h := newHouse(t)
	program := regexp.MustCompile(`(?m)^ExecStart=(\S+)`)
	var units []string
	for _, d := range append([]string{"etcd"}, daemons...) {
		var text []byte
		var err error
		if d == "etcd" {
			text, err = os.ReadFile("/lib/systemd/system/etcd.service")
		} else {
			text, err = os.ReadFile("../" + d + "/" + d + ".service")
		}
		require.NoError(t, err)
		unit := h.path("units/" + d + ".service")
		write(t, unit, string(program.ReplaceAll(text, []byte("ExecStart=/bin/true"))))
		write(t, unit+".d/cluster.conf", h.file("units/"+d+".conf"))
		units = append(units, unit)
	}
	verify := func() (string, error) {
		cmd := exec.CommandContext(t.Context(), analyze, append([]string{"verify", "--man=no"}, units...)...)
		cmd.Env = append(os.Environ(), "SYSTEMD_UNIT_PATH="+h.path("units")+":")
		var said bytes.Buffer
		cmd.Stdout, cmd.Stderr = &said, &said
		err := cmd.Run()
		return said.String(), err
	}
	said, err := verify()
	require.NoError(t, err, "%s", said)
	require.NotContains(t, said, h.dir, "a warning about one of ours")

	write(t, units[1]+".d/cluster.conf", "[Service]\nLoadCredentials=etcd.key:/x\n")
	said, _ = verify()
	require.Contains(t, said, "LoadCredentials", "drop-ins are read")
}
