package tty_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/serialcon/tty"
)

func TestSettings(t *testing.T) {
	for _, tt := range []struct {
		name string
		c    tty.Config
		want string // of String; "" is an error
		says string
	}{
		{"defaults", tty.Config{Device: "/dev/ttyUSB0"}, "tty /dev/ttyUSB0 115200n8", ""},
		{"all", tty.Config{Device: "a", Baud: 250000, DataBits: 7, Parity: tty.ParityMark, StopBits: 2, RTSCTS: true, XONXOFF: true}, "tty a 250000m7/2 rtscts xonxoff", ""},
		{"space", tty.Config{Device: "a", Baud: 1, DataBits: 5, Parity: tty.ParitySpace}, "tty a 1s5", ""},
		{"no device", tty.Config{}, "", "no device"},
		{"negative speed", tty.Config{Device: "a", Baud: -1}, "", "-1 baud"},
		{"speed of light", tty.Config{Device: "a", Baud: 2_000_000_000}, "", "baud"},
		{"four bits", tty.Config{Device: "a", DataBits: 4}, "", "4 data bits"},
		{"nine bits", tty.Config{Device: "a", DataBits: 9}, "", "9 data bits"},
		{"three stops", tty.Config{Device: "a", StopBits: 3}, "", "3 stop bits"},
		{"no parity known", tty.Config{Device: "a", Parity: 5}, "", "parity 5"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.c.Check()
			if tt.want == "" {
				require.ErrorIs(t, err, tty.ErrConfig)
				require.ErrorContains(t, err, tt.says)
				_, err = tt.c.Open(t.Context())
				require.Error(t, err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tt.want, tt.c.String())
		})
	}
}

func TestParityAsText(t *testing.T) {
	for p := tty.ParityNone; p <= tty.ParitySpace; p++ {
		text, err := p.MarshalText()
		require.NoError(t, err)
		for _, word := range [][]byte{text, text[:1]} {
			got := tty.Parity(99)
			require.NoError(t, got.UnmarshalText(word))
			require.Equal(t, p, got)
		}
	}
	var p tty.Parity
	require.ErrorIs(t, p.UnmarshalText([]byte("Even")), tty.ErrConfig)
}
