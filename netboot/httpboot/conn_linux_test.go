package httpboot_test

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/netnstest"
	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/netboot"
	"github.com/mythic-beasts/hostkit/netboot/httpboot"
)

func TestConnContextLoopback(t *testing.T) {
	for _, tt := range []struct{ network, listen, dial string }{
		{"tcp4", "127.0.0.1:0", ""},
		{"tcp6", "[::1]:0", ""},
		{"tcp", "[::]:0", "127.0.0.1"}, // IPv4 on an IPv6 socket
	} {
		t.Run(tt.network+" "+tt.listen, func(t *testing.T) {
			l, err := net.Listen(tt.network, tt.listen)
			if err != nil {
				peer.Skip(t, "no such network here: %v", err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			inv, err := netboot.NewStatic(netboot.Reservation{Interface: "lo", Machine: netboot.Machine{
				Name: "self", Addr: netip.MustParsePrefix("10.0.0.1/30"), Files: netboot.TextFS(files),
			}})
			require.NoError(t, err)
			go func() { done <- (&httpboot.Handler{Inventory: inv}).Serve(ctx, l) }()
			defer func() {
				cancel()
				require.NoError(t, <-done)
			}()
			addr := l.Addr().String()
			if tt.dial != "" {
				_, port, err := net.SplitHostPort(addr)
				require.NoError(t, err)
				addr = net.JoinHostPort(tt.dial, port)
			}
			client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
			r, err := client.Get("http://" + addr + "/vmlinuz")
			require.NoError(t, err)
			defer r.Body.Close()
			require.Equal(t, kernelText, body(t, r))
		})
	}
}

// rack is a server with two machines, each alone on an interface of its own,
// named by its machine.
type rack struct {
	server   *netnstest.NS
	machines map[string]*netnstest.NS
}

func newRack(t *testing.T, addr func(machine string) (ours, theirs string)) rack {
	r := rack{server: netnstest.New(t), machines: make(map[string]*netnstest.NS)}
	for _, name := range []string{"pi17", "pi18"} {
		r.machines[name] = netnstest.New(t)
		netnstest.Veth(t, r.server, name, r.machines[name], "eth0")
		ours, theirs := addr(name)
		r.server.AddAddr(name, netip.MustParsePrefix(ours))
		r.machines[name].AddAddr("eth0", netip.MustParsePrefix(theirs))
		r.machines[name].IP("route", "add", "default", "via", netip.MustParsePrefix(ours).Addr().String())
	}
	return r
}

func (r rack) inventory(t *testing.T, views map[string]string) netboot.Inventory {
	var rs []netboot.Reservation
	for name := range r.machines {
		view, err := netboot.DirFS(views[name])
		require.NoError(t, err)
		rs = append(rs, netboot.Reservation{Interface: name, Machine: netboot.Machine{
			Name: name, Addr: netip.MustParsePrefix("10.80.0.66/30"), Files: view,
		}})
	}
	inv, err := netboot.NewStatic(rs...)
	require.NoError(t, err)
	return inv
}

func (r rack) serve(t *testing.T, h *httpboot.Handler, listen func() (net.Listener, error)) {
	var l net.Listener
	require.NoError(t, r.server.Do(func() (err error) {
		l, err = listen()
		return err
	}))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- h.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
	})
}

func (r rack) curl(t *testing.T, machine string, args ...string) string {
	t.Helper()
	cmd := r.machines[machine].Command(peer.Look(t, "curl"), append([]string{"-sS", "--max-time", "20"}, args...)...)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return string(out)
}

// views makes a folder for each machine with a vmlinuz that says whose it is.
func views(t *testing.T) map[string]string {
	dirs := map[string]string{"pi17": t.TempDir(), "pi18": t.TempDir()}
	for name, dir := range dirs {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "vmlinuz"), bytes.Repeat([]byte(name+"\n"), 1<<20), 0o600))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "name"), []byte(name), 0o600))
	}
	return dirs
}

// TestRealCurl has a machine ask for its files, and another for the same by
// the address that is meant for the first: it gets its own.
func TestRealCurl(t *testing.T) {
	r := newRack(t, func(machine string) (string, string) {
		if machine == "pi17" {
			return "10.80.0.65/30", "10.80.0.66/30"
		}
		return "10.80.0.69/30", "10.80.0.70/30"
	})
	dirs := views(t)
	seen := new(recorder)
	h := &httpboot.Handler{Inventory: r.inventory(t, dirs), Observer: seen}
	r.serve(t, h, func() (net.Listener, error) { return net.Listen("tcp", ":80") })
	const url = "http://10.80.0.65/"

	require.Equal(t, "pi17", r.curl(t, "pi17", url+"name"))
	require.Equal(t, "pi18", r.curl(t, "pi18", url+"name"), "by the other machine's server address")
	require.Equal(t, "pi18", r.curl(t, "pi18", "http://10.80.0.69/name"))

	want, err := os.ReadFile(filepath.Join(dirs["pi17"], "vmlinuz"))
	require.NoError(t, err)
	out := filepath.Join(t.TempDir(), "out")
	r.curl(t, "pi17", "-o", out, url+"5564247d/vmlinuz")
	requireFile(t, want, out)

	require.NoError(t, os.Truncate(out, 1234567))
	r.curl(t, "pi17", "-C", "-", "-o", out, url+"vmlinuz")
	requireFile(t, want, out)
	require.Equal(t, "17\npi", r.curl(t, "pi17", "-r", "2-6", url+"vmlinuz"))

	head := r.curl(t, "pi17", "-I", url+"vmlinuz")
	require.Contains(t, head, "200 OK")
	require.Contains(t, head, "Content-Length: 5242880")
	_, tag, ok := strings.Cut(head, "Etag: ")
	require.True(t, ok, head)
	tag, _, _ = strings.Cut(tag, "\r")
	require.Equal(t, "304", r.curl(t, "pi17", "-H", "If-None-Match: "+tag, "-o", "/dev/null", "-w", "%{http_code}", url+"vmlinuz"))
	require.Equal(t, "405", r.curl(t, "pi17", "-T", out, "-o", "/dev/null", "-w", "%{http_code}", url+"vmlinuz"))
	require.Equal(t, "404", r.curl(t, "pi17", "--path-as-is", "-o", "/dev/null", "-w", "%{http_code}", url+"../name"))
	require.Equal(t, "pi17", seen.wait(t, netboot.KernelServed).Machine)
}

func requireFile(t *testing.T, want []byte, name string) {
	t.Helper()
	got, err := os.ReadFile(name)
	require.NoError(t, err)
	require.True(t, bytes.Equal(want, got), "%d bytes that differ from the %d served", len(got), len(want))
}

// TestRealSameAddresses has both machines use the same addresses, which only
// listeners on their interfaces can tell apart.
func TestRealSameAddresses(t *testing.T) {
	r := newRack(t, func(string) (string, string) { return "10.80.0.65/30", "10.80.0.66/30" })
	h := &httpboot.Handler{Inventory: r.inventory(t, views(t))}
	for name := range r.machines {
		r.serve(t, h, func() (net.Listener, error) { return httpboot.Listen(t.Context(), name, 80) })
	}
	for name := range r.machines {
		require.Equal(t, name, r.curl(t, name, "http://10.80.0.65/name"))
	}
}

func TestListenRefuses(t *testing.T) {
	_, err := httpboot.Listen(t.Context(), "nothere0", 0)
	require.ErrorContains(t, err, `httpboot: listen on interface "nothere0"`)
}
