package netboottest

import (
	"bytes"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDatagramRoundTrip(t *testing.T) {
	for _, payload := range []string{"", "a", "ab", "abc"} {
		for _, plain := range []bool{true, false} {
			d := datagram{
				to: broadcastMAC, from: serverMAC, src: netip.AddrPortFrom(serverIP, 69), dst: netip.AddrPortFrom(clientIP, 49152),
				noChecksum: plain, payload: []byte(payload),
			}
			frame := d.frame(7)
			got, err := parseDatagram(append(frame, 0, 0, 0)) // padded by Ethernet
			require.NoError(t, err)
			require.Equal(t, d, got)
			if len(payload) > 0 {
				frame[len(frame)-1] ^= 1
				_, err = parseDatagram(frame)
				require.Equal(t, plain, err == nil, "the checksum tells")
				frame[len(frame)-1] ^= 1
			}
			frame[etherHeader+6] |= 0x20
			_, err = parseDatagram(frame)
			require.ErrorIs(t, err, errFragment)
		}
	}
}

func FuzzFrame(f *testing.F) {
	d := datagram{src: netip.AddrPortFrom(serverIP, 69), dst: netip.AddrPortFrom(clientIP, 49152), payload: []byte("payload")}
	f.Add(d.frame(1))
	ask := arp{op: arpRequest, senderIP: serverIP, targetIP: clientIP}
	f.Add(ask.frame(broadcastMAC))
	f.Fuzz(func(t *testing.T, frame []byte) {
		if d, err := parseDatagram(frame); err == nil {
			again, err := parseDatagram(d.frame(1))
			require.NoError(t, err)
			require.True(t, bytes.Equal(d.payload, again.payload) && d.src == again.src && d.dst == again.dst)
		}
		if a, ok := parseARP(frame); ok {
			again, ok := parseARP(a.frame(broadcastMAC))
			require.True(t, ok)
			require.Equal(t, a, again)
		}
	})
}

func FuzzReply(f *testing.F) {
	for _, p := range GoldenPackets() {
		b := bytes.Clone(p.Data)
		b[0] = bootReply
		f.Add(b, true)
	}
	f.Add([]byte{bootReply}, false)
	f.Fuzz(func(t *testing.T, b []byte, stop bool) {
		if len(b) < fixedPart {
			_, err := parseReply(b, 0, hwAddr{}, stop)
			require.Error(t, err)
			return
		}
		xid := uint32(b[4])<<24 | uint32(b[5])<<16 | uint32(b[6])<<8 | uint32(b[7])
		r, err := parseReply(b, xid, hwAddr(b[28:34]), stop)
		if err != nil {
			return
		}
		size := 0
		for _, o := range r.options {
			size += 2 + len(o.data)
		}
		require.LessOrEqual(t, size, len(b)-fixedPart)
		require.LessOrEqual(t, r.network().Bits(), 32)
	})
}
