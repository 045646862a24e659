package realtest

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/serialcon"
	"github.com/mythic-beasts/hostkit/serialcon/dial"
	"github.com/mythic-beasts/hostkit/serialcon/telnet"
	"github.com/mythic-beasts/hostkit/serialcon/tty"
)

// Two guests on one engine, which says each byte of them, from the firmware's
// first to the shell's last answer.
func TestRealShells(t *testing.T) {
	t.Parallel()
	peer.Need(t, "qemu-system-x86_64")
	g := guest{kernel: cloudKernel(t), initrd: busyboxRoot(t, "")}
	var engine serialcon.Engine
	t.Run("on a pseudo-terminal", func(t *testing.T) {
		t.Parallel()
		g := g
		g.chardev, g.more = "pty", []string{"-S"} // what it says to nobody is lost
		m := g.start(t, folder(t))
		k := keep(t, "vm-pty", tty.Config{Device: m.pty(t)}, &engine)
		require.Eventually(t, func() bool { return k.console.Stats().Open }, patience, tick)
		m.monitor(t, "cont")
		shell(t, m, k)
		require.Eventually(t, func() bool { return len(k.logged()) >= len(m.log(t)) }, patience, tick) // the end of a pseudo-terminal takes what was not read
		sameText(t, k.console.Name, k.logged(), m.log(t))
		m.Stop()
		require.Eventually(t, func() bool { return !k.console.Stats().Open }, patience, tick)
		k.stop()
		require.Contains(t, strings.Join(k.events(), "\n"), "closed tty: ")
	})
	t.Run("on a Unix socket", func(t *testing.T) {
		t.Parallel()
		g, dir := g, folder(t)
		name := filepath.Join(dir, "console")
		g.chardev = "socket,server=on,wait=on,path=" + name
		m := g.start(t, dir)
		k := keep(t, "vm-unix", dial.Unix{Path: name}, &engine)
		shell(t, m, k)
		from := k.position()
		k.typed("poweroff -f\r")
		m.ended(t)
		k.await(from, "Power down")
		require.Eventually(t, func() bool { return !k.console.Stats().Open }, patience, tick)
		k.stop()
		sameText(t, k.console.Name, k.logged(), m.log(t))
	})
}

// shell uses the guest's shell.
func shell(t *testing.T, m *machine, k *kept) {
	t.Helper()
	k.await(0, shellPrompt)
	require.Contains(t, k.run("uname -a"), "Debian")
	require.Equal(t, "ttyS0\n", k.run("cat /sys/class/tty/console/active"))
	require.Equal(t, "/dev/ttyS0\n", k.run("tty"))
	require.Contains(t, k.run("stty"), "speed 115200 baud")
	from := k.position()
	k.typed("echo reads; cat\r")
	k.await(from, "\nreads\r\n")
	k.typed("line\r")
	k.await(from, "line\r\nline\r\n")
	k.typed("\x03") // Ctrl-C
	k.await(from, "^C\r\n/ # ")
	require.Len(t, strings.Fields(k.run("seq 3000")), 3000)
	require.Contains(t, string(m.log(t)), "SeaBIOS")
}

// A BREAK on the wire and a letter are orders for the guest's kernel. One of
// them kills it, and its last words are known.
func TestRealPanic(t *testing.T) {
	t.Parallel()
	peer.Need(t, "qemu-system-x86_64")
	address, where := freePort(t)
	g := guest{kernel: cloudKernel(t), initrd: busyboxRoot(t, ""), chardev: "socket,telnet=on,server=on,wait=on," + where}
	m := g.start(t, folder(t))
	k := keep(t, "vm-telnet", telnet.Config{Address: address}, new(serialcon.Engine))
	shell(t, m, k)

	from := k.position()
	sysrq(t, k, "h")
	k.await(from, "crash(c)")
	k.await(from, "sysrq: HELP :")
	require.Equal(t, "alive\n", k.run("echo alive"))
	require.Zero(t, k.log.Stats().Syncs, "nobody asked for it")
	require.Zero(t, matches(k))

	sysrq(t, k, "c")
	m.ended(t)
	require.Eventually(t, func() bool { return !k.console.Stats().Open }, patience, tick)
	require.Positive(t, k.log.Stats().Syncs, "a panic is on the disk at once")
	k.console.OnScreen(func(s serialcon.Screen) {
		require.Contains(t, s.Text(), "Kernel panic - not syncing: sysrq triggered crash")
		require.Contains(t, s.Text(), "Call Trace:")
		require.Contains(t, s.Text(), "Kernel Offset:", "its last line")
		t.Logf("what was on the screen when it died:\n%s", s.Text())
	})
	k.stop()
	require.Positive(t, matches(k))
	events := strings.Join(k.events(), "\n")
	require.Contains(t, events, "match kernel-panic")
	require.Contains(t, events, "break-sent ")
	sameBytes(t, k.console.Name, k.logged(), m.log(t))
}

// sysrq sends an order to the kernel.
func sysrq(t *testing.T, k *kept, key string) {
	t.Helper()
	require.NoError(t, k.user.Break(t.Context(), 0))
	k.typed(key)
}

// matches counts the patterns that were found.
func matches(k *kept) (n int) {
	for _, e := range k.events() {
		if strings.HasPrefix(e, "match ") {
			n++
		}
	}
	return n
}
