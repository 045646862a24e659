package main

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/netboot/rpi"
)

func TestParseMachine(t *testing.T) {
	cfg, err := daemon.Load("reference.toml", (*config).check)
	require.NoError(t, err)
	r, err := cfg.parse("pi99", []byte(`{"interface":"eth0.99","address":"10.80.1.66/30","gateway":"10.80.1.65","lease":"2h","cmdline_txt":"root=/dev/nfs"}`))
	require.NoError(t, err)
	require.Equal(t, "eth0.99", r.Interface)
	require.Equal(t, "pi99", r.Machine.Name)
	require.Equal(t, netip.MustParsePrefix("10.80.1.66/30"), r.Machine.Addr)
	require.Equal(t, "root=/dev/nfs", text(t, &r.Machine, "cmdline.txt"))
	r, err = cfg.parse("lab9", []byte(`{"name":"lab9","mac":"b8:27:eb:64:24:7d","pool":"lab"}`))
	require.NoError(t, err)
	require.True(t, r.Machine.Pool.IsValid())
	for want, val := range map[string]string{
		"unknown field":               `{"interface":"eth0.9","where":"10.80.0.66/30"}`,
		"and its key's is":            `{"name":"other","interface":"eth0.9","address":"10.80.0.66/30"}`,
		"exactly one of interface":    `{"address":"10.80.0.66/30"}`,
		"is not the name of a":        `{"interface":"eth0.9","pool":"nowhere"}`,
		"is not the absolute path":    `{"interface":"eth0.9","address":"10.80.0.66/30","files":["srv"]}`,
		"invalid character":           `interface = "eth0.9"`,
		"is no duration such as":      `{"interface":"eth0.9","address":"10.80.0.66/30","lease":"soon"}`,
		"address of the network itse": `{"interface":"eth0.9","address":"10.80.0.64/30"}`,
	} {
		_, err := cfg.parse("pi99", []byte(val))
		require.ErrorContains(t, err, want)
	}
}

// A machine that is in etcd only boots, goes on without etcd, and is gone when it is gone
// there.
func TestRealEtcd(t *testing.T) {
	peer.Need(t, "etcd", "etcdctl")
	l := newLab(t)
	l.cable("vlan1", "10.80.0.65/30")
	l.cable("vlan2", "10.80.0.69/30")
	const url = "http://127.0.0.1:2379"
	l.server.IP("link", "set", "lo", "up")
	start := func() *peer.Process {
		return peer.Start(t, l.server.Command("etcd", "--data-dir", filepath.Join(l.dir, "etcd"), "--logger", "zap", "--log-outputs", "stderr"),
			peer.Options{ReadyOutput: regexp.MustCompile("serving client traffic")})
	}
	etcd := start()
	put := func(name, val string) {
		t.Helper()
		cmd := l.server.Command("etcdctl", "--endpoints", url, "put", "/netbootd/machines/"+name, val)
		if val == "" {
			cmd = l.server.Command("etcdctl", "--endpoints", url, "del", "/netbootd/machines/"+name)
		}
		cmd.Env = append(cmd.Environ(), "ETCDCTL_API=3")
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	files := l.files("files", rpi.Model4, kernelSize)
	put("pi4", fmt.Sprintf(`{"interface":"vlan1","address":"10.80.0.66/30","files":[%q]}`, files))
	put("broken", `{"interface":"vlan1"`)
	l.configure(machine("fixed", `interface = "vlan2"`, `address = "10.80.0.70/30"`, files), fmt.Sprintf("[etcd]\nendpoints = [%q]\nprobe = \"300ms\"\n", url))
	l.start()
	l.metric(`netbootd_machines{stage="off"} 2`)
	kernelIs(t, <-l.boot(l.pi("port1", rpi.Model4)), files)

	require.NoError(t, etcd.Signal(syscall.SIGKILL))
	l.metric("netbootd_etcd_up 0")
	body, err := get(t.Context(), filepath.Join(l.dir, "debug.sock"), "/readyz")
	require.NoError(t, err)
	require.Contains(t, body, "ok\nmachines: 2 machines, as they were")
	kernelIs(t, <-l.boot(l.pi("port1", rpi.Model4)), files)

	start()
	put("pi4", "")
	l.metric(`netbootd_machines{stage="off"} 1`)
	l.metric("netbootd_etcd_up 1")
	require.Equal(t, 1, strings.Count(l.daemon.Output(), "makes no sense and stays as it was"))
}
