package netnstest

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/mythic-beasts/hostkit/internal/peer"
)

// serial tells apart the namespaces of one test binary; the process id tells
// apart those of binaries that run at the same time.
var serial atomic.Int64

// NS is a network namespace. Its methods fail the test that made it when the
// kernel refuses, and so must be called from that test's goroutine, except
// [NS.Do], [NS.Name] and [NS.Command].
type NS struct {
	t    testing.TB
	name string
	ip   string // path of the ip program
}

// New makes a network namespace with its loopback up and IPv6 duplicate
// address detection off, so that addresses work as soon as they are added.
func New(t testing.TB) *NS {
	t.Helper()
	if runtime.GOOS != "linux" {
		peer.Skip(t, "needs Linux network namespaces")
	}
	peer.NeedRoot(t)
	ns := &NS{t: t, ip: peer.Look(t, "ip"), name: fmt.Sprintf("hk-%d-%d", os.Getpid(), serial.Add(1))}
	if out, err := exec.Command(ns.ip, "netns", "add", ns.name).CombinedOutput(); err != nil {
		peer.Skip(t, "cannot make a network namespace: %v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command(ns.ip, "netns", "delete", ns.name).CombinedOutput(); err != nil {
			t.Errorf("netnstest: delete %s: %v: %s", ns.name, err, out)
		}
	})
	ns.IP("link", "set", "lo", "up")
	ns.Sysctl("net.ipv6.conf.all.accept_dad", "0")
	ns.Sysctl("net.ipv6.conf.default.accept_dad", "0")
	return ns
}

// Name is the name under which ip netns knows the namespace.
func (ns *NS) Name() string { return ns.name }

// Command is a command that runs in the namespace. Give it to [peer.Start].
func (ns *NS) Command(name string, args ...string) *exec.Cmd {
	return exec.Command(ns.ip, append([]string{"netns", "exec", ns.name, name}, args...)...)
}

// Do runs fn in the namespace, on a thread of its own, and returns fn's error.
// What fn opens stays in the namespace; what runs in other goroutines that fn
// starts does not. fn must not end its goroutine, as t.FailNow does.
func (ns *NS) Do(fn func() error) error { return ns.do(fn) }

// IP runs the ip program on the namespace, as in ns.IP("link", "set", "a0",
// "mtu", "1280"), and returns what it prints.
func (ns *NS) IP(args ...string) string {
	ns.t.Helper()
	out, err := exec.Command(ns.ip, append([]string{"-n", ns.name}, args...)...).CombinedOutput()
	if err != nil {
		ns.t.Fatalf("netnstest: ip %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// Sysctl sets a kernel parameter of the namespace by its dotted name. An
// interface name in it must not hold a dot.
func (ns *NS) Sysctl(key, value string) {
	ns.t.Helper()
	path := "/proc/sys/" + strings.ReplaceAll(key, ".", "/")
	err := ns.Do(func() error { return os.WriteFile(path, []byte(value), 0) })
	if err != nil {
		ns.t.Fatalf("netnstest: set %s to %q: %v", key, value, err)
	}
}

// AddAddr gives an interface an address, as in 10.0.0.1/24.
func (ns *NS) AddAddr(ifname string, prefix netip.Prefix) {
	ns.t.Helper()
	args := []string{"address", "add", prefix.String(), "dev", ifname}
	if prefix.Addr().Is6() {
		args = append(args, "nodad") // it can be used at once
	}
	if prefix.Addr().Is4() && prefix.Bits() < 31 {
		args = append(args, "broadcast", "+")
	}
	ns.IP(args...)
}
