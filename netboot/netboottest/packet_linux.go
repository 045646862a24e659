package netboottest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/mdlayher/packet"
	"golang.org/x/sys/unix"
)

type packetLink struct {
	conn *packet.Conn
	buf  []byte
}

var _ Link = (*packetLink)(nil)

// ListenPacket returns a link on a network interface of the network namespace
// that the caller's thread is in. The emulated machine does not share the
// host's address there: give the interface none. It needs CAP_NET_RAW and
// Linux.
func ListenPacket(ifname string) (Link, error) {
	ifi, err := net.InterfaceByName(ifname)
	if err != nil {
		return nil, fmt.Errorf("netboottest: %w", err)
	}
	conn, err := packet.Listen(ifi, packet.Raw, unix.ETH_P_ALL, nil)
	if err != nil {
		return nil, fmt.Errorf("netboottest: listen on %s: %w", ifname, err)
	}
	if err := conn.SetPromiscuous(true); err != nil { // the machine's address is not the card's
		conn.Close()
		return nil, fmt.Errorf("netboottest: listen on %s: %w", ifname, err)
	}
	return &packetLink{conn: conn, buf: make([]byte, 1<<16)}, nil
}

func (l *packetLink) Send(frame []byte) error {
	if len(frame) < etherHeader {
		return fmt.Errorf("netboottest: a frame of %d bytes", len(frame))
	}
	_, err := l.conn.WriteTo(frame, &packet.Addr{HardwareAddr: frame[:6]})
	if errors.Is(err, unix.ENOBUFS) || errors.Is(err, unix.ENETDOWN) {
		return nil // the cable is out, or its queue is full: the frame is lost
	}
	return err
}

func (l *packetLink) Recv() ([]byte, error) {
	n, _, err := l.conn.ReadFrom(l.buf)
	if err != nil {
		return nil, err
	}
	frame := append([]byte(nil), l.buf[:n]...)
	finishChecksum(frame)
	return frame, nil
}

func (l *packetLink) SetReadDeadline(t time.Time) error { return l.conn.SetReadDeadline(t) }
func (l *packetLink) Close() error                      { return l.conn.Close() }

// finishChecksum does what a card would have done on the way: a virtual cable
// hands over datagrams whose checksum the kernel left to the hardware, with
// only the pseudo header's sum in its place.
func finishChecksum(frame []byte) {
	if etherType(frame) != etherTypeIPv4 || len(frame) < etherHeader+ipHeader+udpHeader {
		return
	}
	ip := frame[etherHeader:]
	header := int(ip[0]&0xf) * 4
	if ip[9] != protocolUDP || len(ip) < header+udpHeader || header < ipHeader {
		return
	}
	udp := ip[header:]
	length := int(binary.BigEndian.Uint16(udp[4:]))
	pseudo := pseudoSum(ip, length)
	if length < udpHeader || length > len(udp) || binary.BigEndian.Uint16(udp[6:]) != pseudo {
		return
	}
	// The pseudo header's sum is in the field already, so it is not added again.
	check := ^sum16(0, udp[:length])
	if check == 0 {
		check = 0xffff
	}
	binary.BigEndian.PutUint16(udp[6:], check)
}
