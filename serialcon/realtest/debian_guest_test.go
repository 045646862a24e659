package realtest

import (
	"context"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/serialcon/dial"
	"github.com/mythic-beasts/hostkit/serialcon/serialcontest"
)

// The adapter that is plugged into the guest, as udev names it, and a port of
// its board.
const (
	adapter = "usb-QEMU_QEMU_USB_SERIAL_SERCON01-if00-port0"
	onBoard = "ttyS1"
)

// Debian boots, and somebody logs in, on a console whose log is QEMU's, byte for
// byte. Inside of it, a daemon is restarted by systemd, which keeps its port,
// and an adapter is pulled and plugged in again.
func TestRealDebian(t *testing.T) {
	t.Parallel()
	peer.NeedRoot(t)
	peer.Need(t, "qemu-system-x86_64", "mmdebstrap", "depmod")
	dir := folder(t)
	address, where := freePort(t)
	g := guest{memory: "768", chardev: "socket,server=on,wait=on," + where}
	g.kernel, g.initrd = debian(t)
	g.append = "mitigations=off systemd.mask=getty-static.service"
	g.more = []string{
		"-chardev", "socket,id=con1,telnet=on,server=on,wait=off,path=" + filepath.Join(dir, onBoard), "-serial", "chardev:con1",
		"-chardev", "socket,id=usb,server=on,wait=off,path=" + filepath.Join(dir, "usb"), "-device", "qemu-xhci,id=x",
	}
	m := g.start(t, dir)
	k := keep(t, "debian", dial.TCP{Address: address}, nil)
	k.await(0, "pi-042 login: ")
	k.typed("root\r")
	k.await(0, ":~# ")
	from := k.position()
	k.typed("exec dash\r") // no line editor
	said := k.await(from, "exec dash")
	k.await(from+len(said+"exec dash"), shellPrompt)
	k.run("dmesg --console-off") // the kernel's words would be between answers
	require.Equal(t, "systemd\n", k.run("cat /proc/1/comm"))

	restarts(t, m, k)
	replugs(t, m, k)

	k.typed("systemctl poweroff\r")
	m.ended(t)
	require.Eventually(t, func() bool { return !k.console.Stats().Open }, patience, tick)
	k.stop()
	sameBytes(t, k.console.Name, k.logged(), m.log(t))
	all := k.screen.TextAll()
	for _, text := range []string{"Linux version 6.1.", "systemd[1]: Detected virtualization", "Power down"} {
		require.Contains(t, all, text)
	}
}

// line is the far end of a port of the guest.
type line struct{ net.Conn }

// line connects to a socket of QEMU's, which drops what it has not read when the
// far end closes; that of the board speaks telnet, which ASCII need not know. What
// the port says is read: until a program sets a tty of the guest, it echoes, and
// QEMU stands still while a socket takes nothing.
func (m *machine) line(t *testing.T, socket string) line {
	t.Helper()
	conn := dialUnix(t, filepath.Join(m.dir, socket))
	var wg sync.WaitGroup
	wg.Go(func() { _, _ = io.Copy(io.Discard, conn) })
	t.Cleanup(func() { _ = conn.Close(); wg.Wait() })
	return line{conn}
}

// talk says lines of a host until the result is called, which returns their
// number.
func (l line) talk(t *testing.T, name string) (stop func() int64) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan int64, 1)
	go func() {
		host := serialcontest.Host{Name: name, Rate: 11520}
		lines, _ := host.Run(ctx, l) // the end of the machine is an error
		done <- lines
	}()
	return func() int64 {
		cancel()
		return <-done
	}
}

// until repeats a command of the guest's until its output has a text.
func until(t *testing.T, k *kept, command, text string) {
	t.Helper()
	k.run(fmt.Sprintf("while ! (%s) | grep -qF '%s'; do sleep 0.1; done", command, text))
}

var checked = regexp.MustCompile(`onecon: (\d+) lines, (\d+) missing, (\d+) repeated, (\d+) damaged, (\d+) foreign, next is (\d+)`)

// inLog is what of a host is in the log of a daemon in the guest.
func inLog(t *testing.T, k *kept, console, host string) []string {
	t.Helper()
	said := k.run("onecon -name " + console + " -dir /var/log/consoles -check " + host)
	found := checked.FindStringSubmatch(said)
	require.NotNil(t, found, said)
	return found[1:]
}

// restarts restarts the daemon of a port that talks all the time.
func restarts(t *testing.T, m *machine, k *kept) {
	unit := "onecon@" + onBoard
	k.run("systemctl start " + unit)
	until(t, k, "cat /run/"+onBoard+".events", "opened")
	far := m.line(t, onBoard)
	stop := far.talk(t, "kept")
	until(t, k, "cat /run/"+onBoard+".events", "first")
	for range 4 {
		k.run("systemctl restart " + unit)
		require.Equal(t, "1\n", k.run("systemctl show -P NFileDescriptorStore "+unit))
	}
	until(t, k, "onecon -name "+onBoard+" -dir /var/log/consoles -check kept", " 0 foreign")
	lines := stop()
	last := fmt.Sprintf("next is %d", lines)
	until(t, k, "onecon -name "+onBoard+" -dir /var/log/consoles -check kept", last)
	require.Equal(t, []string{fmt.Sprint(lines), "0", "0", "0", "0", fmt.Sprint(lines)}, inLog(t, k, onBoard, "kept"))
	require.Equal(t, 5, strings.Count(k.run("cat /run/"+onBoard+".events"), " started "))
	t.Logf("%d lines over 4 restarts, all there", lines)

	_, err := far.Write([]byte{0xff, 0xf3}) // telnet's BREAK, which the UART sees
	require.NoError(t, err)
	until(t, k, "cat /run/"+onBoard+".events", "break-in")

	stop = far.talk(t, "killed")
	until(t, k, "onecon -name "+onBoard+" -dir /var/log/consoles -check killed", "0 missing")
	k.run("systemctl kill -s KILL " + unit)
	until(t, k, "systemctl show -P NRestarts "+unit, "1")
	lines = stop()
	until(t, k, "onecon -name "+onBoard+" -dir /var/log/consoles -check killed", fmt.Sprintf("next is %d", lines))
	t.Logf("after kill -9, of %d lines: %v", lines, inLog(t, k, onBoard, "killed"))
	k.run("systemctl stop " + unit)
}

// replugs pulls an adapter and plugs it in again, twice: the second time, a
// program that still holds the old one keeps its name from it. Systemd lets go of
// one that is gone.
func replugs(t *testing.T, m *machine, k *kept) {
	unit, events := "onecon@"+adapter, "/run/"+adapter+".events"
	k.run("systemctl start " + unit)
	m.line(t, "usb").talk(t, "plugged") // while nothing is plugged in, it waits
	device := "usb-serial,id=us0,bus=x.0,chardev=usb,serial=SERCON01"
	for n, want := range []string{"ttyUSB0", "ttyUSB0", "ttyUSB1"} {
		plugged := strings.TrimSpace(k.run("cut -d ' ' -f 1 /proc/uptime"))
		require.Empty(t, strings.TrimSpace(m.monitor(t, "device_add "+device)))
		k.run(fmt.Sprintf("while [ $(grep -c first %s) -le %d ]; do sleep 0.05; done", events, n))
		require.Equal(t, want+"\n", k.run("basename $(readlink /dev/serial/by-id/"+adapter+")"))
		require.Equal(t, "1\n", k.run("systemctl show -P NFileDescriptorStore "+unit))
		t.Logf("plugged in at %s:\n%s%s", plugged, k.run("dmesg | grep 'attached to ttyUSB' | tail -n 1"), k.run("tail -n 2 "+events))
		if n == 1 {
			k.run("sleep 1000 <" + "/dev/ttyUSB0 & sleep 0.1") // holds it
		}
		require.Empty(t, strings.TrimSpace(m.monitor(t, "device_del us0")))
		k.run(fmt.Sprintf("while [ $(grep -c closed %s) -le %d ]; do sleep 0.05; done", events, n))
		until(t, k, "systemctl show -P NFileDescriptorStore "+unit, "0")
	}
	require.Contains(t, k.run("grep -h '!' /var/log/consoles/"+adapter+"/*"), `"kind":"closed"`)
}
