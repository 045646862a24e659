package serialcon_test

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/serialcon"
)

func TestParseEscape(t *testing.T) {
	for _, tc := range []struct {
		text string
		want serialcon.Escape
	}{
		{"^Ec", serialcon.Escape{5, 'c'}},
		{"^ec", serialcon.Escape{5, 'c'}},
		{"^]^[", serialcon.Escape{0x1d, 0x1b}},
		{"~.", serialcon.Escape{'~', '.'}},
		{"^?x", serialcon.Escape{0x7f, 'x'}},
		{"off", serialcon.Escape{}},
		{"none", serialcon.Escape{}},
	} {
		t.Run(tc.text, func(t *testing.T) {
			e, err := serialcon.ParseEscape(tc.text)
			require.NoError(t, err)
			require.Equal(t, tc.want, e)
			again, err := serialcon.ParseEscape(e.String())
			require.NoError(t, err)
			require.Equal(t, e, again)
		})
	}
	for _, text := range []string{"", "x", "^E", "^Ecc", "^", "\x05c", "^@c", "é", "a b"} {
		_, err := serialcon.ParseEscape(text)
		require.Error(t, err, "%q", text)
	}
	var e serialcon.Escape
	require.NoError(t, json.Unmarshal([]byte(`"^Ec"`), &e))
	require.Equal(t, serialcon.DefaultEscape(), e)
	text, err := json.Marshal(e)
	require.NoError(t, err)
	require.Equal(t, `"^Ec"`, string(text))
}

// Whatever a person types reaches the port as it is, however it is split,
// unless it is a command.
func TestEscapesAreTakenOutOfTheInput(t *testing.T) {
	for _, tc := range []struct{ name, typed, sent string }{
		{"text", "ls -l\r", "ls -l\r"},
		{"every other byte", "\x00\x01\x04\x06\xff\x1b[A", "\x00\x01\x04\x06\xff\x1b[A"},
		{"the first key alone", "a\x05b", "a\x05b"},
		{"the first key twice", "\x05\x05b", "\x05\x05b"},
		{"the first key before an escape", "\x05\x05c?b", "\x05b"},
		{"the second key alone", "cc", "cc"},
		{"help", "a\x05c?b", "ab"},
		{"unknown", "a\x05cZb", "ab"},
		{"unknown break", "a\x05cl7b", "ab"},
		{"thought better of it", "a\x05c\rb", "ab"},
		{"the escape itself", "a\x05c\x05b", "a\x05cb"},
		{"two commands", "\x05c?\x05cwx", "x"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for split := 1; split <= len(tc.typed); split++ {
				bubble(t, nil, func(t *testing.T, l *lab) {
					v := l.attach(serialcon.AttachOptions{Mode: serialcon.ReadWrite, Escape: serialcon.DefaultEscape()})
					for at := 0; at < len(tc.typed); at += split {
						v.types(t, tc.typed[at:min(at+split, len(tc.typed))])
					}
					require.Equal(t, tc.sent, string(l.uart.Typed()), "in pieces of %d", split)
				})
			}
		})
	}
}

func TestABinarySessionHasNoEscapes(t *testing.T) {
	bubble(t, nil, func(t *testing.T, l *lab) {
		v := l.attach(serialcon.AttachOptions{Mode: serialcon.ReadWrite, NoMarks: true})
		v.types(t, "\x05c.\x05c?")
		require.Equal(t, "\x05c.\x05c?", string(l.uart.Typed()))
		require.Empty(t, v.text())
	})
}

func TestTheEscapeCanBeAnother(t *testing.T) {
	bubble(t, nil, func(t *testing.T, l *lab) {
		v := l.attach(serialcon.AttachOptions{Mode: serialcon.ReadWrite, Escape: serialcon.Escape{'~', '~'}})
		v.types(t, "\x05c.")
		require.Equal(t, "\x05c.", string(l.uart.Typed()))
		v.types(t, "~~.")
		require.True(t, v.ended())
	})
}

func TestCommands(t *testing.T) {
	type people struct{ a, b *viewer }
	for _, tc := range []struct {
		name string
		run  func(t *testing.T, l *lab, p people)
	}{
		{"disconnect", func(t *testing.T, l *lab, p people) {
			n, err := p.a.Write([]byte("x\x05c.never sent"))
			require.ErrorIs(t, err, serialcon.ErrDetached)
			require.Equal(t, 4, n)
			require.True(t, p.a.ended())
			require.Equal(t, "x", string(l.uart.Typed()))
			require.Equal(t, serialcon.ReadWrite, p.b.Mode())
		}},
		{"watch only, then ask", func(t *testing.T, _ *lab, p people) {
			p.a.types(t, "\x05cs")
			require.Contains(t, marks(p.a.Tag(), p.a.text()), "you only watch now")
			require.Equal(t, serialcon.ReadWrite, p.b.Mode())
			p.a.types(t, "\x05ca")
			require.Contains(t, marks(p.a.Tag(), p.a.text()), "read-only: bob is typing; you are number 1 in the queue")
		}},
		{"force", func(t *testing.T, _ *lab, p people) {
			p.b.types(t, "\x05cf")
			require.Equal(t, serialcon.ReadWrite, p.b.Mode())
			require.Contains(t, marks(p.a.Tag(), p.a.text()), "bob took over from alice")
		}},
		{"break", func(t *testing.T, l *lab, p people) {
			p.a.types(t, "\x05cl0")
			require.Equal(t, []time.Duration{serialcon.MinBreak}, l.uart.Breaks())
			p.b.types(t, "\x05cl0")
			require.Len(t, l.uart.Breaks(), 1)
			require.Contains(t, p.b.text(), "no BREAK was sent")
		}},
		{"who", func(t *testing.T, _ *lab, p people) {
			p.a.types(t, "\x05cw")
			text := p.a.text()
			require.Contains(t, text, "alice read-write since 2000-01-01 00:00:00 UTC")
			require.Contains(t, text, "bob read-only since 2000-01-01 00:00:00 UTC, number 1 in the queue")
		}},
		{"help", func(t *testing.T, _ *lab, p people) {
			p.a.types(t, "\x05c?")
			text := p.a.text()
			for _, c := range []string{".", "a", "f", "s", "l0", "w", "r", "p", "?"} {
				require.Contains(t, text, " ^Ec"+c+" ")
			}
		}},
		{"unknown", func(t *testing.T, _ *lab, p people) {
			p.a.types(t, "\x05cZ")
			require.Contains(t, marks(p.a.Tag(), p.a.text()), "unknown command; ^Ec? lists them")
		}},
		{"replay", func(t *testing.T, l *lab, p people) {
			for i := range 100 {
				l.say(strings.Repeat("l", i+1) + "\x1b[6n\r\n")
			}
			p.a.text()
			p.a.types(t, "\x05cr")
			text := p.a.text()
			require.Equal(t, 20, strings.Count(text, "l\r\n"))
			require.NotContains(t, text, "\x1b")
			p.a.types(t, "\x05cp")
			require.Equal(t, 60, strings.Count(p.a.text(), "l\r\n"))
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			bubble(t, nil, func(t *testing.T, l *lab) {
				o := serialcon.AttachOptions{Mode: serialcon.ReadWrite, Escape: serialcon.DefaultEscape(), Who: "alice"}
				a := l.attach(o)
				o.Who = "bob"
				b := l.attach(o)
				a.text()
				b.text()
				tc.run(t, l, people{a, b})
			})
		})
	}
}

// A viewer that may only watch gets nothing by a command.
func TestCommandsGiveNoRights(t *testing.T) {
	for _, mode := range []serialcon.Mode{serialcon.ReadOnly, serialcon.Spy} {
		t.Run(mode.String(), func(t *testing.T) {
			bubble(t, nil, func(t *testing.T, l *lab) {
				v := l.attach(serialcon.AttachOptions{Mode: mode, Escape: serialcon.DefaultEscape()})
				for _, typed := range []string{"\x05ca", "\x05cf"} {
					v.types(t, typed+"rm\r")
					require.Contains(t, marks(v.Tag(), v.text()), "you may only watch")
				}
				v.types(t, "\x05cl0")
				require.Empty(t, l.uart.Typed())
				require.Empty(t, l.uart.Breaks())
				require.Equal(t, mode, v.Mode())
				v.types(t, "\x05c.")
				synctest.Wait()
				require.Zero(t, l.Stats().Viewers)
			})
		})
	}
}
