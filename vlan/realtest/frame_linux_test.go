package realtest_test

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/mythic-beasts/hostkit/internal/netnstest"
)

// Types of frames, as in the IEEE's list; that of the frames that carry only a
// marker is the one for local experiments.
const (
	typeIPv4 = 0x0800
	typeARP  = 0x0806
	typeMark = 0x88b5
	tag1Q    = 0x8100
	tag1AD   = 0x88a8
)

var everybody = net.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

// tag is one VLAN tag of a frame.
type tag struct {
	kind uint16
	vid  uint16
}

// q makes tags of 802.1Q, the outermost first.
func q(vids ...uint16) []tag {
	var tags []tag
	for _, vid := range vids {
		tags = append(tags, tag{tag1Q, vid})
	}
	return tags
}

// frame is an Ethernet frame.
type frame struct {
	dst, src net.HardwareAddr
	tags     []tag
	kind     uint16
	payload  []byte
}

func (f frame) bytes() []byte {
	b := slices.Concat([]byte(f.dst), []byte(f.src))
	for _, t := range f.tags {
		b = binary.BigEndian.AppendUint16(b, t.kind)
		b = binary.BigEndian.AppendUint16(b, t.vid)
	}
	b = binary.BigEndian.AppendUint16(b, f.kind)
	b = append(b, f.payload...)
	return append(b, make([]byte, max(0, 60-len(b)))...)
}

// parseFrame takes a frame apart; the kernel has put its outer tag aside.
func parseFrame(b []byte, outer []tag) (frame, bool) {
	if len(b) < 14 {
		return frame{}, false
	}
	f := frame{dst: b[:6], src: b[6:12], tags: outer}
	for b = b[12:]; ; b = b[4:] {
		kind := binary.BigEndian.Uint16(b)
		if kind != tag1Q && kind != tag1AD || len(b) < 6 {
			f.kind, f.payload = kind, b[2:]
			return f, true
		}
		f.tags = append(f.tags, tag{kind, binary.BigEndian.Uint16(b[2:]) & 0xfff})
	}
}

// port is an interface at which a test sends and hears whole frames.
type port struct {
	t    *testing.T
	file *os.File
	mac  net.HardwareAddr
}

// openPort opens an interface of a namespace.
func openPort(t *testing.T, ns *netnstest.NS, name string) *port {
	t.Helper()
	p := &port{t: t}
	require.NoError(t, ns.Do(func() error {
		ifi, err := net.InterfaceByName(name)
		if err != nil {
			return err
		}
		p.mac = ifi.HardwareAddr
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		p.file = os.NewFile(uintptr(fd), name)
		if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_AUXDATA, 1); err != nil {
			return err
		}
		all := uint16(unix.ETH_P_ALL)<<8 | uint16(unix.ETH_P_ALL)>>8
		return unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: ifi.Index})
	}))
	t.Cleanup(func() { p.file.Close() })
	return p
}

// send sends a frame from the port's own address, unless it has another.
func (p *port) send(f frame) {
	p.t.Helper()
	if f.src == nil {
		f.src = p.mac
	}
	if f.dst == nil {
		f.dst = everybody
	}
	_, err := p.file.Write(f.bytes())
	require.NoError(p.t, err)
}

// next returns the next frame that came in, however long that takes within
// reason.
func (p *port) next() frame {
	p.t.Helper()
	require.NoError(p.t, p.file.SetReadDeadline(time.Now().Add(20*time.Second)))
	raw, err := p.file.SyscallConn()
	require.NoError(p.t, err)
	for {
		buf, oob := make([]byte, 2048), make([]byte, 64)
		var n, oobn int
		var from unix.Sockaddr
		var rerr error
		err := raw.Read(func(fd uintptr) bool {
			n, oobn, _, from, rerr = unix.Recvmsg(int(fd), buf, oob, 0)
			return !errors.Is(rerr, unix.EAGAIN)
		})
		require.NoError(p.t, err, "nothing more came in at %s", p.file.Name())
		require.NoError(p.t, rerr)
		if ll, ok := from.(*unix.SockaddrLinklayer); ok && ll.Pkttype == unix.PACKET_OUTGOING {
			continue
		}
		if f, ok := parseFrame(buf[:n], outerTag(p.t, oob[:oobn])); ok {
			return f
		}
	}
}

// outerTag is the tag that the kernel took off a frame and reports beside it,
// see packet(7), PACKET_AUXDATA.
func outerTag(t *testing.T, oob []byte) []tag {
	messages, err := unix.ParseSocketControlMessage(oob)
	require.NoError(t, err)
	for _, m := range messages {
		if m.Header.Level != unix.SOL_PACKET || m.Header.Type != unix.PACKET_AUXDATA || len(m.Data) < 20 {
			continue
		}
		status := binary.NativeEndian.Uint32(m.Data)
		tci := binary.NativeEndian.Uint16(m.Data[16:])
		if status&unix.TP_STATUS_VLAN_VALID == 0 {
			return nil
		}
		kind := uint16(tag1Q)
		if status&unix.TP_STATUS_VLAN_TPID_VALID != 0 {
			kind = binary.NativeEndian.Uint16(m.Data[18:])
		}
		return []tag{{kind, tci & 0xfff}}
	}
	return nil
}

// udp is a datagram in an IPv4 packet without a UDP checksum, which IPv4 allows.
func udp(from, to netip.AddrPort, payload string) []byte {
	b := []byte{0x45, 0, 0, 0, 0, 0, 0, 0, 64, unix.IPPROTO_UDP, 0, 0}
	binary.BigEndian.PutUint16(b[2:], uint16(28+len(payload)))
	b = append(append(b, from.Addr().AsSlice()...), to.Addr().AsSlice()...)
	var sum uint32
	for i := 0; i < len(b); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	sum = sum>>16 + sum&0xffff
	binary.BigEndian.PutUint16(b[10:], ^uint16(sum+sum>>16))
	for _, v := range []uint16{from.Port(), to.Port(), uint16(8 + len(payload)), 0} {
		b = binary.BigEndian.AppendUint16(b, v)
	}
	return append(b, payload...)
}

// arp asks who has an address.
func arp(mac net.HardwareAddr, from, who netip.Addr) []byte {
	b := []byte{0, 1, 8, 0, 6, 4, 0, 1}
	b = append(append(b, mac...), from.AsSlice()...)
	return append(append(b, make([]byte, 6)...), who.AsSlice()...)
}
