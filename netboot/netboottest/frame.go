package netboottest

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"slices"
)

const (
	etherHeader = 14
	ipHeader    = 20
	udpHeader   = 8

	etherTypeIPv4 = 0x0800
	etherTypeARP  = 0x0806
	etherTypeWake = 0x0842

	protocolUDP = 17
)

type hwAddr [6]byte

var broadcastMAC = hwAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

// noMAC is where a Pi 3B sends frames for a host that did not answer ARP.
var noMAC = hwAddr{0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa}

func toHW(mac net.HardwareAddr) hwAddr { return hwAddr(mac) }

// Why a frame is no UDP datagram for the reader.
var (
	errNotUDP   = errors.New("not a UDP datagram")
	errFragment = errors.New("a fragment")
	errChecksum = errors.New("wrong checksum")
)

// datagram is a UDP datagram in its frame.
type datagram struct {
	to, from   hwAddr
	src, dst   netip.AddrPort
	noChecksum bool
	payload    []byte
}

func etherType(frame []byte) uint16 {
	if len(frame) < etherHeader {
		return 0
	}
	return binary.BigEndian.Uint16(frame[12:])
}

// frame encodes d with the given IP identification.
func (d *datagram) frame(id uint16) []byte {
	length := udpHeader + len(d.payload)
	b := make([]byte, etherHeader+ipHeader+length)
	copy(b, d.to[:])
	copy(b[6:], d.from[:])
	binary.BigEndian.PutUint16(b[12:], etherTypeIPv4)

	ip := b[etherHeader:][:ipHeader]
	ip[0] = 0x45 // version 4, header of five words
	binary.BigEndian.PutUint16(ip[2:], uint16(ipHeader+length))
	binary.BigEndian.PutUint16(ip[4:], id)
	ip[8] = 64 // hops left
	ip[9] = protocolUDP
	src, dst := d.src.Addr().As4(), d.dst.Addr().As4()
	copy(ip[12:], src[:])
	copy(ip[16:], dst[:])
	binary.BigEndian.PutUint16(ip[10:], ^sum16(0, ip))

	udp := b[etherHeader+ipHeader:]
	binary.BigEndian.PutUint16(udp[0:], d.src.Port())
	binary.BigEndian.PutUint16(udp[2:], d.dst.Port())
	binary.BigEndian.PutUint16(udp[4:], uint16(length))
	copy(udp[udpHeader:], d.payload)
	if !d.noChecksum {
		check := ^sum16(uint32(pseudoSum(ip, length)), udp)
		if check == 0 {
			check = 0xffff // zero would mean that there is none
		}
		binary.BigEndian.PutUint16(udp[6:], check)
	}
	return b
}

// parseDatagram decodes a frame as a boot ROM's small stack does: without IP
// fragments, dropping what has a wrong checksum.
func parseDatagram(frame []byte) (datagram, error) {
	var d datagram
	if etherType(frame) != etherTypeIPv4 || len(frame) < etherHeader+ipHeader+udpHeader {
		return d, errNotUDP
	}
	copy(d.to[:], frame)
	copy(d.from[:], frame[6:])
	ip := frame[etherHeader:]
	header, total := int(ip[0]&0xf)*4, int(binary.BigEndian.Uint16(ip[2:]))
	if ip[0]>>4 != 4 || header < ipHeader || total < header+udpHeader || total > len(ip) || ip[9] != protocolUDP {
		return d, errNotUDP
	}
	if binary.BigEndian.Uint16(ip[6:])&0x3fff != 0 { // more to come, or not the first
		return d, errFragment
	}
	if sum16(0, ip[:header]) != 0xffff {
		return d, errChecksum
	}
	udp := ip[header:total]
	length := int(binary.BigEndian.Uint16(udp[4:]))
	if length < udpHeader || length > len(udp) {
		return d, errNotUDP
	}
	udp = udp[:length]
	d.noChecksum = binary.BigEndian.Uint16(udp[6:]) == 0
	if !d.noChecksum && sum16(uint32(pseudoSum(ip, length)), udp) != 0xffff {
		return d, errChecksum
	}
	d.src = netip.AddrPortFrom(netip.AddrFrom4([4]byte(ip[12:16])), binary.BigEndian.Uint16(udp[0:]))
	d.dst = netip.AddrPortFrom(netip.AddrFrom4([4]byte(ip[16:20])), binary.BigEndian.Uint16(udp[2:]))
	d.payload = udp[udpHeader:]
	return d, nil
}

// pseudoSum is the sum of the pseudo header of RFC 768.
func pseudoSum(ip []byte, length int) uint16 {
	return sum16(uint32(protocolUDP+length), ip[12:20])
}

// sum16 adds the words of b to sum in ones' complement, RFC 1071.
func sum16(sum uint32, b []byte) uint16 {
	for ; len(b) >= 2; b = b[2:] {
		sum += uint32(b[0])<<8 | uint32(b[1])
	}
	if len(b) == 1 {
		sum += uint32(b[0]) << 8
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return uint16(sum)
}

// Operations of ARP, RFC 826.
const (
	arpRequest = 1
	arpReply   = 2
)

// arp is an ARP packet for IPv4 on Ethernet.
type arp struct {
	op                 uint16
	senderMAC          hwAddr
	senderIP, targetIP netip.Addr
	targetMAC          hwAddr
}

func (a *arp) frame(to hwAddr) []byte {
	b := make([]byte, 0, 60)
	b = append(b, to[:]...)
	b = append(b, a.senderMAC[:]...)
	b = append(b, 0x08, 0x06, 0, 1, 0x08, 0, 6, 4, byte(a.op>>8), byte(a.op))
	b = append(b, a.senderMAC[:]...)
	sender, target := a.senderIP.As4(), a.targetIP.As4()
	b = append(b, sender[:]...)
	b = append(b, a.targetMAC[:]...)
	b = append(b, target[:]...)
	return b[:cap(b)] // padded to the least that Ethernet carries
}

func parseARP(frame []byte) (arp, bool) {
	if etherType(frame) != etherTypeARP || len(frame) < etherHeader+28 {
		return arp{}, false
	}
	b := frame[etherHeader:]
	if !slices.Equal(b[:6], []byte{0, 1, 0x08, 0, 6, 4}) {
		return arp{}, false
	}
	return arp{
		op:        binary.BigEndian.Uint16(b[6:]),
		senderMAC: hwAddr(b[8:14]), senderIP: netip.AddrFrom4([4]byte(b[14:18])),
		targetMAC: hwAddr(b[18:24]), targetIP: netip.AddrFrom4([4]byte(b[24:28])),
	}, true
}
