package tty_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/mythic-beasts/hostkit/serialcon/tty"
)

func TestEverySetting(t *testing.T) {
	sizes := []uint32{unix.CS5, unix.CS6, unix.CS7, unix.CS8}
	for parity, bits := range []uint32{
		0, unix.PARENB, unix.PARENB | unix.PARODD, unix.PARENB | unix.PARODD | unix.CMSPAR, unix.PARENB | unix.CMSPAR,
	} {
		for n, size := range sizes {
			for stop := 1; stop <= 2; stop++ {
				got := &unix.Termios{Cflag: ^uint32(0), Iflag: ^uint32(0), Oflag: ^uint32(0), Lflag: ^uint32(0)}
				c := tty.Config{Device: "x", Baud: 74880, DataBits: n + 5, Parity: tty.Parity(parity), StopBits: stop}
				c.Apply(got)
				want := size | bits
				if stop == 2 {
					want |= unix.CSTOPB
				}
				require.Equal(t, want, got.Cflag&(unix.CSIZE|unix.PARENB|unix.PARODD|unix.CMSPAR|unix.CSTOPB), c.String())
				require.Zero(t, got.Cflag&(unix.HUPCL|unix.CRTSCTS))
				require.EqualValues(t, unix.BOTHER, got.Cflag&unix.CBAUD)
				require.EqualValues(t, 74880, got.Ospeed)
			}
		}
	}
}

func TestWhatADriverDidNotTake(t *testing.T) {
	c := tty.Config{Device: "x", Parity: tty.ParitySpace, StopBits: 2, RTSCTS: true}
	for _, tt := range []struct {
		name   string
		change func(got *unix.Termios)
		want   string
	}{
		{"nothing", func(*unix.Termios) {}, ""},
		{"near", func(got *unix.Termios) { got.Ospeed = 118000 }, ""},
		{"too fast", func(got *unix.Termios) { got.Ospeed = 119000 }, "115200 baud (it has 119000)"},
		{"too slow", func(got *unix.Termios) { got.Ospeed = 9600 }, "115200 baud (it has 9600)"},
		{"size", func(got *unix.Termios) { got.Cflag ^= unix.CS8 ^ unix.CS7 }, "8 data bits"},
		{"no mark or space", func(got *unix.Termios) { got.Cflag &^= unix.CMSPAR }, "parity space"},
		{"stop bits", func(got *unix.Termios) { got.Cflag &^= unix.CSTOPB }, "2 stop bits"},
		{"flow", func(got *unix.Termios) { got.Cflag &^= unix.CRTSCTS }, "RTS/CTS"},
		{"hang up", func(got *unix.Termios) { got.Cflag |= unix.HUPCL }, "DTR kept on close"},
		{"carrier", func(got *unix.Termios) { got.Cflag &^= unix.CLOCAL }, "reading without a carrier"},
		{"marks", func(got *unix.Termios) { got.Iflag &^= unix.PARMRK }, "raw input with marks"},
		{"output", func(got *unix.Termios) { got.Oflag |= unix.OPOST }, "raw output"},
		{"echo", func(got *unix.Termios) { got.Lflag |= unix.ECHO }, "no echo"},
		{"two", func(got *unix.Termios) { got.Cflag &^= unix.CSTOPB | unix.CRTSCTS }, "2 stop bits, RTS/CTS"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want := new(unix.Termios)
			c.Apply(want)
			got := *want
			tt.change(&got)
			require.Equal(t, tt.want, c.Missing(want, &got))
		})
	}
	want := new(unix.Termios)
	plain := tty.Config{Device: "x"}
	plain.Apply(want)
	got := *want
	got.Cflag |= unix.CRTSCTS
	require.Equal(t, "RTS/CTS off", plain.Missing(want, &got))
}
