package demo_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/demo"
	"github.com/mythic-beasts/hostkit/serialcon/vt"
	"github.com/mythic-beasts/hostkit/serialcon/watch"
)

func newGuest() *demo.Guest {
	return &demo.Guest{
		Host: "pi-07", Model: "Raspberry Pi 3 Model B", Serial: "5e1f0006", Root: 3,
		Addr: netip.MustParsePrefix("10.80.0.26/30"), Public: netip.MustParseAddr("2001:db8:0:84:1000:106::2"),
		Booted: noon,
	}
}

// screen is what a terminal shows of what the guest answers to the keys.
func screen(g *demo.Guest, keys string) string {
	s := vt.New(100, 40, 100)
	s.Write([]byte(g.Prompt()))
	shown, _ := g.Keys([]byte(keys), noon.Add(90*time.Minute+5*time.Second))
	s.Write([]byte(shown))
	return s.Text()
}

func TestGuestKeys(t *testing.T) {
	for _, c := range []struct {
		name, keys string
		shows      []string
		hides      string
	}{
		{"nobody logs in", "\r", []string{"pi-07 login:\npi-07 login:"}, "$"},
		{"a person logs in", "root\r", []string{"pi-07 login: root", "Linux pi-07", "root@pi-07:~$"}, ""},
		{"a name that is none of a person", "ro\x1bot;$(x)\r", []string{"rootx@pi-07:~$"}, "@pi-07:~$("},
		{"hostname", "root\rhostname\r", []string{"$ hostname\npi-07\n"}, ""},
		{"uptime", "root\ruptime\r", []string{"13:30:05 up 1:30:05,"}, ""},
		{"ip addr", "root\rip addr\r", []string{"inet 10.80.0.26/30", "2001:db8:0:84:1000:106:0:2/64", "b8:27:eb:1f:00:06"}, ""},
		{"dmesg", "root\rdmesg\r", []string{"Machine model: Raspberry Pi 3 Model B", "generation 3."}, "Welcome"},
		{"the root's generation", "root\rcat /etc/root-generation\r", []string{"\n3\n"}, ""},
		{"echo", "root\recho hello  there\r", []string{"\nhello  there\n"}, ""},
		{"whoami", "alice\rwhoami\r", []string{"\nalice\n"}, ""},
		{"help", "root\rhelp\r", []string{"reboot, uname -a"}, ""},
		{"no such command", "root\rrm -rf /\r", []string{"-bash: rm: command not found"}, ""},
		{"an empty line", "root\r\r", []string{"root@pi-07:~$\nroot@pi-07:~$"}, "not found"},
		{"backspace", "root\rhostnamx\x7fe\r", []string{"\npi-07\n"}, "not found"},
		{"backspace at the start", "root\r\x7f\bhostname\r", []string{"$ hostname\npi-07\n"}, "not found"},
		{"control-U", "root\rrubbish\x15hostname\r", []string{"$ hostname\npi-07\n"}, "rubbish"},
		{"control-C", "root\rrubbish\x03hostname\r", []string{"rubbish^C\n", "\npi-07\n"}, "not found"},
		{"control-D", "root\r\x04", []string{"logout", "Debian GNU/Linux 12 pi-07", "pi-07 login:"}, ""},
		{"exit", "root\rexit\r", []string{"logout\n\npi-07 login:"}, ""},
		{"bytes that are no keys", "root\r\x00\xff\x1b[Ahostname\r", []string{"[Ahostname"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			shown := screen(newGuest(), c.keys)
			for _, text := range c.shows {
				require.Contains(t, shown, text)
			}
			if c.hides != "" {
				require.NotContains(t, shown, c.hides)
			}
		})
	}
}

func TestGuestReboots(t *testing.T) {
	g := newGuest()
	_, reboot := g.Keys([]byte("reboot\r"), noon)
	require.False(t, reboot, "it is a name, since nobody has logged in")
	shown, reboot := g.Keys([]byte("reboot\rhostname\r"), noon)
	require.True(t, reboot)
	require.NotContains(t, shown, "hostname", "what was typed behind it is lost")
}

func TestGuestLineIsBounded(t *testing.T) {
	g := newGuest()
	shown, _ := g.Keys([]byte(strings.Repeat("x", 10_000)), noon)
	require.Len(t, shown, 200)
}

// The words of a panic are those that consoles are watched for.
func TestGuestPanics(t *testing.T) {
	var m watch.Matcher
	g := newGuest()
	for _, line := range g.BootLog() {
		require.Empty(t, m.Write(noon, []byte(line+"\r\n")), line)
	}
	matches := m.Write(noon, []byte(g.Panic(3*time.Second)))
	require.NotEmpty(t, matches)
	names := make(map[string]bool)
	for _, match := range matches {
		names[match.Name] = true
	}
	require.Contains(t, names, watch.KernelPanic)
}
