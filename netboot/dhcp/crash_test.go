package dhcp_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/netboot/dhcp"
)

const crashJournal = "HOSTKIT_TEST_DHCP_JOURNAL"

// TestMain is also the server that TestKilled kills: run with the journal's
// path in the environment, the test binary serves on loopback, and prints
// where.
func TestMain(m *testing.M) {
	path := os.Getenv(crashJournal)
	if path == "" {
		os.Exit(m.Run())
	}
	l, err := dhcp.OpenLeases(path)
	if err == nil {
		var u *dhcp.UDP
		if u, err = dhcp.ListenUDP("br0", netip.MustParseAddrPort("127.0.0.1:0")); err == nil {
			fmt.Println(u.Addr())
			err = dhcp.Serve(context.Background(), u, &dhcp.Handler{Inventory: &crashInventory, Leases: l})
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

var crashInventory = oneMachine{machineWithPool("10.81.0.0", "10.81.3.255")}

// server is a child process that serves.
type child struct {
	cmd  *exec.Cmd
	addr string
}

func startChild(t *testing.T, path string) *child {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), crashJournal+"="+path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	c := &child{cmd: cmd}
	t.Cleanup(c.kill)
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	c.addr = strings.TrimSpace(line)
	return c
}

// kill sends SIGKILL and waits for the end.
func (c *child) kill() {
	c.cmd.Process.Kill()
	c.cmd.Wait()
}

// exchange sends r to the server and returns its answer.
func (c *child) exchange(t *testing.T, r request) *dhcpv4.DHCPv4 {
	t.Helper()
	conn, err := net.Dial("udp4", c.addr)
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
	_, err = conn.Write(r.packet().Msg.ToBytes())
	require.NoError(t, err)
	buf := make([]byte, 1500)
	n, err := conn.Read(buf)
	require.NoError(t, err)
	m, err := dhcpv4.FromBytes(buf[:n])
	require.NoError(t, err)
	return m
}

// A server that is killed between OFFER and ACK, or right after an ACK, goes on
// with the same addresses when it is back, and gives none of them to another.
func TestKilled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "leases")
	owner := make(map[string]int)
	own := func(i int, m *dhcpv4.DHCPv4) {
		t.Helper()
		ip := m.YourIPAddr.String()
		had, ok := owner[ip]
		require.True(t, !ok || had == i, "%s went to client %d and %d", ip, had, i)
		owner[ip] = i
	}
	for round := range 8 {
		offered, acked, rom := 4*round, 4*round+1, 4*round+2
		s := startChild(t, path)
		offer := s.exchange(t, request{mac: poolMAC(offered), kind: discover})
		own(rom, s.exchange(t, request{mac: poolMAC(rom), kind: discover, mods: []dhcpv4.Modifier{piROM}}))
		first := s.exchange(t, request{mac: poolMAC(acked), kind: discover})
		take := func(ip net.IP) []dhcpv4.Modifier {
			return []dhcpv4.Modifier{wants(ip.String()), serverID("127.0.0.1")}
		}
		got := s.exchange(t, request{mac: poolMAC(acked), kind: req, mods: take(first.YourIPAddr)})
		require.Equal(t, ack, got.MessageType())
		own(acked, got)
		s.kill()

		s = startChild(t, path)
		got = s.exchange(t, request{mac: poolMAC(offered), kind: req, mods: take(offer.YourIPAddr)})
		require.Equal(t, ack, got.MessageType(), "between OFFER and ACK: the same address")
		require.Equal(t, offer.YourIPAddr, got.YourIPAddr)
		own(offered, got)
		for _, i := range []int{acked, rom} {
			again := s.exchange(t, request{mac: poolMAC(i), kind: discover})
			own(i, again)
		}
		own(4*round+3, s.exchange(t, request{mac: poolMAC(4*round + 3), kind: discover, mods: []dhcpv4.Modifier{piROM}}))
		s.kill()
	}
	require.Len(t, owner, 32)
}
