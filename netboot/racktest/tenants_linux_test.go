package racktest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/netboot"
	"github.com/mythic-beasts/hostkit/netboot/netboottest"
	"github.com/mythic-beasts/hostkit/netboot/tftp"
)

// intruder is a program on a tenant's Pi that writes frames of its own.
type intruder struct {
	*slot
	gateway net.HardwareAddr // of the servers' end
	port    uint16
}

// intrude takes the slot's Pi over. The kernel finds it at its own address
// and at those of others without asking.
func intrude(t testing.TB, l *lab, s *slot, others ...netip.Addr) *intruder {
	t.Helper()
	ifi, err := net.InterfaceByName(s.iface)
	require.NoError(t, err)
	for _, addr := range append(others, s.addr) {
		l.ip(false, fmt.Sprintf("neigh replace %s lladdr %s dev %s nud permanent", addr, s.mac(), s.iface))
	}
	return &intruder{slot: s, gateway: ifi.HardwareAddr, port: 1024}
}

// request sends a read request for a file, from a new port.
func (i *intruder) request(from, to netip.Addr, name string) error {
	i.port++
	payload := append([]byte{0, 1}, name+"\x00octet\x00"...)
	f := append(append([]byte{}, i.gateway...), i.mac()...)
	f = append(f, 0x08, 0x00)
	ip := []byte{0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0}
	binary.BigEndian.PutUint16(ip[2:], uint16(28+len(payload)))
	ip = append(append(ip, from.AsSlice()...), to.AsSlice()...)
	var sum uint32
	for n := 0; n < len(ip); n += 2 {
		sum += uint32(binary.BigEndian.Uint16(ip[n:]))
	}
	binary.BigEndian.PutUint16(ip[10:], ^uint16(sum+sum>>16))
	udp := binary.BigEndian.AppendUint16(nil, i.port)
	udp = append(udp, 0, 69, 0, byte(8+len(payload)), 0, 0)
	return i.link.Send(append(append(append(f, ip...), udp...), payload...))
}

// answer returns the TFTP packet that comes back to the last request, nil when
// none does. Everything that arrives is added to all.
func (i *intruder) answer(t testing.TB, all *bytes.Buffer) []byte {
	t.Helper()
	require.NoError(t, i.link.SetReadDeadline(time.Now().Add(300*time.Millisecond)))
	for {
		f, err := i.link.Recv()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil
		}
		require.NoError(t, err)
		if !bytes.Equal(f[:6], i.mac()) {
			continue
		}
		all.Write(f)
		if len(f) > 46 && f[23] == 17 && binary.BigEndian.Uint16(f[36:]) == i.port {
			return f[42:]
		}
	}
}

// Tenants have root on their machines and send what they like. They read their
// own files and never another's.
func TestTenantsApart(t *testing.T) {
	l := newLab(t)
	in := l.plan(2, nil)
	a, b := in[0], in[1]
	root := t.TempDir()
	for _, s := range in {
		dir := filepath.Join(root, s.iface)
		require.NoError(t, os.MkdirAll(filepath.Join(dir, fmt.Sprintf("%08x", s.serial)), 0o755))
		for _, name := range []string{"secret", fmt.Sprintf("%08x/config.txt", s.serial), "own-" + s.iface} {
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("belongs to "+s.iface+"."), 0o644))
		}
		files, err := netboot.DirFS(dir)
		require.NoError(t, err)
		s.machine.Files = files
	}
	mine, theirs := filepath.Join(root, a.iface), filepath.Join(root, b.iface)
	require.NoError(t, os.Symlink("../"+b.iface+"/secret", filepath.Join(mine, "relative")))
	require.NoError(t, os.Symlink(filepath.Join(theirs, "secret"), filepath.Join(mine, "absolute")))
	require.NoError(t, os.Symlink("../"+b.iface, filepath.Join(mine, "folder")))
	require.NoError(t, os.Symlink("/proc/self/root"+theirs, filepath.Join(mine, "proc")))
	l.plug(in...)
	var s servers
	s.serve(t, in...)

	var seen bytes.Buffer
	i := intrude(t, l, a, b.addr)
	require.NoError(t, i.request(a.addr, a.server, "secret"))
	require.Contains(t, string(i.answer(t, &seen)), "belongs to "+a.iface+".", "its own are served")
	names := []string{
		fmt.Sprintf("%08x/secret", b.serial), fmt.Sprintf("%08x/config.txt", b.serial), "own-" + b.iface,
		"../" + b.iface + "/secret", "..\\" + b.iface + "\\secret", "./../" + b.iface + "/secret", "x/../../" + b.iface + "/secret",
		b.iface + "/secret", filepath.Join(theirs, "secret"), "/" + filepath.Join(theirs, "secret"),
		"relative", "absolute", "folder/secret", "folder/own-" + b.iface, "proc/secret",
		fmt.Sprintf("%s/secret", b.mac()), "secret",
	}
	for _, name := range names {
		for _, from := range []netip.Addr{a.addr, b.addr, b.server, netip.MustParseAddr("127.0.0.1")} {
			for _, to := range []netip.Addr{a.server, b.server} {
				require.NoError(t, i.request(from, to, name))
				if from == a.addr {
					i.answer(t, &seen)
				}
			}
		}
	}
	for i.answer(t, &seen) != nil {
		continue // what came late
	}
	require.NotContains(t, seen.String(), "belongs to "+b.iface)
	require.Contains(t, seen.String(), "belongs to "+a.iface)
	for _, e := range s.events.of(b.iface) {
		t.Errorf("counted as the other tenant's: %s %q", e.Kind, e.File)
	}
	disguised := netboottest.Pi{Link: a.link, Serial: b.serial, MAC: b.mac(), TimeScale: 0.1}
	r := boot(t, disguised)[0]
	require.Equal(t, a.addr, r.Addr, "who it says it is changes nothing")
}

// One Pi asks for five thousand files while another boots.
func TestFlood(t *testing.T) {
	l := newLab(t)
	in := l.rack(2, 128<<10)
	var s servers
	s.serve(t, in...)
	requireBooted(t, in[1:], together(t, in[1])) // and everything has been used once
	files, routines := openFiles(t), runtime.NumGoroutine()

	i := intrude(t, l, in[0])
	wait := running(t, in[1].pi())
	const requests = 5000
	pace := time.NewTicker(10 * time.Millisecond)
	defer pace.Stop()
	for n := range requests {
		if n%50 == 0 {
			<-pace.C
			require.Less(t, openFiles(t), files+40)
			require.Less(t, runtime.NumGoroutine(), routines+4*2*tftp.DefaultMaxPerClient) // of two clients, with four for each transfer
		}
		require.NoError(t, i.request(in[0].addr, in[0].server, "kernel8.img"))
	}
	requireBooted(t, in[1:], []result{wait()})
	stats := s.tftp.Stats()
	require.Greater(t, stats.Refused, uint64(requests/2))
	require.LessOrEqual(t, stats.Active, tftp.DefaultMaxPerClient)
	refused := s.events.wait(t, in[0].iface, netboot.FileRefused, 5*time.Second)
	require.Equal(t, in[0].iface, refused.Client.Interface)
}

func openFiles(t testing.TB) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	return len(all)
}
