package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/netnstest"
)

// tenant is a customer with root on a machine of the rack.
type tenant struct{ *netnstest.NS }

// tftp asks for a file from an address of its own, or a stolen one, and returns
// what comes: DATA, an error's text, or nothing.
func (c tenant) tftp(from, server, name string) (data string, err error) {
	err = c.Do(func() error {
		conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(from)})
		if err != nil {
			return err
		}
		defer conn.Close()
		request := append([]byte{0, 1}, name+"\x00octet\x00"...)
		if _, err := conn.WriteTo(request, &net.UDPAddr{IP: net.ParseIP(server), Port: 69}); err != nil {
			return err
		}
		if err := conn.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
			return err
		}
		b := make([]byte, 1500)
		n, _, err := conn.ReadFrom(b)
		switch {
		case err != nil:
			return err
		case n < 4 || b[1] != 3:
			return fmt.Errorf("answer %q", b[:n])
		}
		data = string(b[4:n])
		return nil
	})
	return data, err
}

// http is the same by HTTP.
func (c tenant) http(from, server, name string) (data string, err error) {
	err = c.Do(func() error {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: time.Second}
		conn, err := d.Dial("tcp4", net.JoinHostPort(server, "8080"))
		if err != nil {
			return err
		}
		defer conn.Close()
		if err := conn.SetDeadline(time.Now().Add(2 * time.Second)); err != nil {
			return err
		}
		fmt.Fprintf(conn, "GET /%s HTTP/1.1\r\nHost: boot\r\n\r\n", name)
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err == nil && resp.StatusCode != http.StatusOK {
			err = fmt.Errorf("%s", resp.Status)
		}
		data = string(body)
		return err
	})
	return data, err
}

// A machine reads its own files and no other's, whichever address of the server
// it asks, whatever name it asks for, and whatever address it takes.
func TestTenants(t *testing.T) {
	l := newLab(t)
	l.cable("vlan1", "10.80.0.65/30")
	l.cable("vlan2", "10.80.0.69/30")
	one, two := filepath.Join(l.dir, "one"), filepath.Join(l.dir, "two")
	write(t, filepath.Join(one, "hello.txt"), "hello one")
	write(t, filepath.Join(two, "hello.txt"), "hello two")
	write(t, filepath.Join(two, "secret.txt"), "two's secret")
	require.NoError(t, os.Symlink(filepath.Join(two, "secret.txt"), filepath.Join(one, "link.txt")))
	l.configure(machine("one", `interface = "vlan1"`, `address = "10.80.0.66/30"`, one),
		machine("two", `interface = "vlan2"`, `address = "10.80.0.70/30"`, two, `cmdline_txt = "password=two"`))
	l.start()

	tenants := make([]tenant, 2)
	for i, addr := range []string{"10.80.0.66/30", "10.80.0.70/30"} {
		tenants[i].NS = netnstest.New(t)
		port := fmt.Sprintf("port%d", i+1)
		l.shelf.IP("link", "set", port, "netns", tenants[i].Name())
		tenants[i].IP("link", "set", port, "up")
		tenants[i].AddAddr(port, netip.MustParsePrefix(addr))
	}
	// The first tenant sends what is for the other's network to the server too,
	// and has taken the other's address beside its own.
	tenants[0].IP("route", "add", "10.80.0.68/30", "via", "10.80.0.65")
	tenants[0].AddAddr("port1", netip.MustParsePrefix("10.80.0.70/32"))

	for _, get := range []func(tenant, string, string, string) (string, error){tenant.tftp, tenant.http} {
		// Each has its own, the second its secret.
		data, err := get(tenants[0], "10.80.0.66", "10.80.0.65", "hello.txt")
		require.NoError(t, err)
		require.Equal(t, "hello one", data)
		for name, want := range map[string]string{"secret.txt": "two's secret", "cmdline.txt": "password=two"} {
			data, err = get(tenants[1], "10.80.0.70", "10.80.0.69", name)
			require.NoError(t, err)
			require.Equal(t, want, data)
		}
		for _, from := range []string{"10.80.0.66", "10.80.0.70"} {
			for _, server := range []string{"10.80.0.65", "10.80.0.69"} {
				for _, name := range []string{"secret.txt", "cmdline.txt", "../two/secret.txt", "link.txt"} {
					data, err := get(tenants[0], from, server, name)
					require.Error(t, err, "%s from %s got %q", name, server, data)
				}
				if data, err := get(tenants[0], from, server, "hello.txt"); err == nil {
					require.Equal(t, "hello one", data)
				}
			}
		}
	}
	l.metric(`netbootd_machines{stage="up"} 0`)
}
