package qbridge_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/vlan/qbridge"
)

func TestPortListFormats(t *testing.T) {
	for _, c := range []struct {
		name   string
		format qbridge.Format
		octets string
		ports  []int
	}{
		{"first and last of a bitmap", qbridge.Bitmap, "\x80\x00\x01", []int{1, 24}},
		{"no octets", qbridge.Bitmap, "", nil},
		{"bits reversed", qbridge.Reversed, "\x01\x00\x80", []int{1, 24}},
		{"text", qbridge.Text, "1,2,5", []int{1, 2, 5}},
		{"empty text", qbridge.Text, "", nil},
		{"the longest bitmap", qbridge.Bitmap, strings.Repeat("\x00", 511) + "\x01", []int{4096}},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, err := qbridge.ParsePortList([]byte(c.octets), c.format)
			require.NoError(t, err)
			require.Equal(t, c.ports, l.Ports())
			require.Equal(t, c.octets, string(l.Octets()), "what was read is written")
			for _, p := range c.ports {
				require.True(t, l.Has(p))
			}
			require.False(t, l.Has(3))
		})
	}
}

// The length stays what the agent gave, for each length that there can be.
func TestPortListLengths(t *testing.T) {
	for n := range 513 {
		l, err := qbridge.ParsePortList(make([]byte, n), qbridge.Bitmap)
		require.NoError(t, err)
		require.Len(t, l.Octets(), n)
		if n == 0 {
			continue
		}
		changed := l.With(8 * n).With(1).Without(1)
		require.Len(t, changed.Octets(), n)
		require.Equal(t, []int{8 * n}, changed.Ports())
		require.Empty(t, l.Ports(), "the list itself is as it was")
	}
	_, err := qbridge.ParsePortList(make([]byte, 513), qbridge.Bitmap)
	require.ErrorContains(t, err, "513 octets")
}

func TestPortListGrows(t *testing.T) {
	var l qbridge.PortList
	require.Equal(t, []byte{0, 0x80}, l.With(9).Octets())
	require.Empty(t, l.With(0).With(-3).With(4097).Octets(), "no such ports")
	require.Equal(t, l, l.Without(9))
	require.False(t, l.Has(0))
	require.False(t, l.Has(-8))
}

func TestPortListRefuses(t *testing.T) {
	for _, bad := range []string{"0", "4097", "x", "1,,2", "-1", "1;2", "99999999999"} {
		_, err := qbridge.ParsePortList([]byte(bad), qbridge.Text)
		require.Error(t, err, "%q", bad)
	}
	_, err := qbridge.ParsePortList(bytes.Repeat([]byte("1,"), 9000), qbridge.Text)
	require.Error(t, err)
	_, err = qbridge.ParsePortList(nil, qbridge.Detect)
	require.ErrorContains(t, err, "detect")
	require.Equal(t, "format 9", qbridge.Format(9).String())
}

func TestPortListTextOfJunos(t *testing.T) {
	l, err := qbridge.ParsePortList([]byte("513, 490,1\x00"), qbridge.Text)
	require.NoError(t, err)
	require.Equal(t, []int{1, 490, 513}, l.Ports())
	require.Equal(t, "1,513", string(l.Without(490).Octets()))
}

func FuzzPortList(f *testing.F) {
	f.Add([]byte{0x80, 0, 1}, uint8(qbridge.Bitmap), 9)
	f.Add([]byte{1, 0, 0x80}, uint8(qbridge.Reversed), 24)
	f.Add([]byte("1,2,5"), uint8(qbridge.Text), 2)
	f.Add([]byte("4096, 1"), uint8(qbridge.Text), 4096)
	f.Add([]byte("1,"), uint8(qbridge.Text), 0)
	f.Fuzz(func(t *testing.T, octets []byte, format uint8, port int) {
		l, err := qbridge.ParsePortList(octets, qbridge.Format(format))
		if err != nil {
			return
		}
		ports := l.Ports()
		require.True(t, slices.IsSorted(ports))
		again, err := qbridge.ParsePortList(l.Octets(), qbridge.Format(format))
		require.NoError(t, err)
		require.Equal(t, ports, again.Ports())
		if qbridge.Format(format) != qbridge.Text {
			require.Equal(t, octets, append([]byte{}, l.Octets()...))
		}
		with := l.With(port)
		require.Equal(t, port >= 1 && port <= 4096, with.Has(port))
		require.False(t, with.Without(port).Has(port))
		require.LessOrEqual(t, len(with.Octets()), max(len(octets), 512)+16384)
	})
}
