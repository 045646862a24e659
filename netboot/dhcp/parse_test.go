package dhcp_test

import (
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/netboot/dhcp"
)

func TestParse(t *testing.T) {
	message := func(options string, change func([]byte)) []byte {
		b := request{mac: pcMAC, kind: discover}.packet().Msg.ToBytes()[:240]
		b = append(b, options...)
		if change != nil {
			change(b)
		}
		return b
	}
	file := func(b []byte) { copy(b[108:], "boot\x00junk"); copy(b[44:], "host") }
	for _, tt := range []struct {
		name string
		b    []byte
		ok   bool
		code uint8
		want string
	}{
		{"plain", message("\x35\x01\x01\xff", nil), true, 53, "\x01"},
		{"no END", message("\x35\x01\x01\x0c\x02pi", nil), true, 12, "pi"},
		{"no END, padded", message("\x35\x01\x01\x00\x00", nil), true, 53, "\x01"},
		{"pads", message("\x00\x00\x35\x01\x01\x00\x0c\x02pi\xff", nil), true, 12, "pi"},
		{"split option", message("\x0c\x02pi\x35\x01\x01\x0c\x03-17\xff", nil), true, 12, "pi-17"},
		{"empty option", message("\x35\x01\x01\x50\x00\xff", nil), true, 80, ""},
		{"overload of file", message("\x34\x01\x01\x35\x01\x01\xff", func(b []byte) { copy(b[108:], "\x0c\x02pi\xff") }), true, 12, "pi"},
		{"overload of both, split", message("\x34\x01\x03\x0c\x01p\xff", func(b []byte) {
			copy(b[108:], "\x0c\x01i\xff")
			copy(b[44:], "\x0c\x0217\xff")
		}), true, 12, "pi17"},
		{"overload that runs past", message("\x34\x01\x01\xff", func(b []byte) { b[234], b[235] = 12, 9 }), true, 53, ""},
		{"option runs past the end", message("\x35\x01\x01\x0c\x09pi", nil), false, 0, ""},
		{"option without length", message("\x35\x01\x01\x0c", nil), false, 0, ""},
		{"short", message("", nil)[:239], false, 0, ""},
		{"no cookie", message("\xff", func(b []byte) { b[236] = 0 }), false, 0, ""},
		{"token ring", message("\xff", func(b []byte) { b[1] = 6 }), false, 0, ""},
		{"long hardware address", message("\xff", func(b []byte) { b[2] = 16 }), false, 0, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m, err := dhcp.Parse(tt.b)
			if !tt.ok {
				require.Error(t, err)
				return
			}
			if tt.name == "overload that runs past" {
				// Zeroes before it are pads, so the bad option is reached.
				require.ErrorContains(t, err, "option 12 runs past the end")
				return
			}
			require.NoError(t, err)
			require.Equal(t, tt.want, string(m.Options[tt.code]))
			require.Contains(t, m.Options, tt.code)
			require.NotContains(t, m.Options, uint8(52))
		})
	}
	_, err := dhcp.Parse(seedReply())
	require.ErrorIs(t, err, dhcp.ErrNotRequest)
	m, err := dhcp.Parse(message("\x35\x01\x01\xff", file))
	require.NoError(t, err)
	require.Equal(t, "boot", m.BootFileName)
	require.Equal(t, "host", m.ServerHostName)
	require.Equal(t, dhcpv4.MessageTypeDiscover, m.MessageType())

	b := message("\x0c\x02pi\xff", nil)
	m, err = dhcp.Parse(b)
	require.NoError(t, err)
	clear(b)
	require.Equal(t, "pi", string(m.Options[12]), "nothing of the buffer is kept")
}
