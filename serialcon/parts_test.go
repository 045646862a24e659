package serialcon_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/serialcon"
	"github.com/mythic-beasts/hostkit/serialcon/vt"
)

var (
	_ serialcon.Screen    = (*vt.Screen)(nil)
	_ serialcon.Sanitizer = (*vt.Sanitizer)(nil)
)

// SeaBIOS resets and clears the terminal at each boot. A viewer who attaches
// later sees the picture, and keeps what was on its own screen.
func TestAConsoleWithARealScreen(t *testing.T) {
	bubble(t, func(c *serialcon.Console) {
		c.Screen = vt.New(80, 24, 100)
		c.NewSanitizer = func() serialcon.Sanitizer { return new(vt.Sanitizer) }
	}, func(t *testing.T, l *lab) {
		l.say("\x1bc\x1b[?7l\x1b[2JSeaBIOS\r\n" + queries + "\x1b[31mlogin: ")
		v := l.attach(serialcon.AttachOptions{History: -1, NoMarks: true})
		past := v.text()
		require.Contains(t, past, "SeaBIOS")
		require.Contains(t, past, "login:")
		l.say("\x1b[32mgreen" + queries)
		live := v.text()
		require.Contains(t, live, "\x1b[32mgreen", "colour passes")
		for _, text := range []string{past, live} {
			for _, bad := range []string{"\x1bc", "\x1b[6n", "\x1b[c", "\x1b[>c", "\x1bP", "\x1bZ", "\x05", "52;c;?"} {
				require.NotContains(t, text, bad)
			}
		}
	})
}
