package dhcp

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
)

const (
	etherHeader = 14
	ipHeader    = 20
	udpHeader   = 8
)

// udpFrame returns an Ethernet frame with payload in an IPv4 UDP datagram from
// src to dst, with both checksums: some boot ROMs drop a datagram whose UDP
// checksum is wrong, and Don't Fragment confuses others, so it is not set.
func udpFrame(dstMAC, srcMAC net.HardwareAddr, src, dst netip.AddrPort, payload []byte) ([]byte, error) {
	if len(dstMAC) != 6 || len(srcMAC) != 6 || !src.Addr().Is4() || !dst.Addr().Is4() || len(payload) > maxSize {
		return nil, errors.New("dhcp: not an Ethernet frame with IPv4")
	}
	length := udpHeader + len(payload)
	b := make([]byte, etherHeader+ipHeader+length)
	copy(b, dstMAC)
	copy(b[6:], srcMAC)
	b[12], b[13] = 0x08, 0x00

	ip := b[etherHeader : etherHeader+ipHeader]
	ip[0] = 0x45 // version 4, header of five words
	binary.BigEndian.PutUint16(ip[2:], uint16(ipHeader+length))
	ip[8] = 64 // hops left
	ip[9] = 17 // UDP
	source, target := src.Addr().As4(), dst.Addr().As4()
	copy(ip[12:], source[:])
	copy(ip[16:], target[:])
	binary.BigEndian.PutUint16(ip[10:], ^sum16(0, ip))

	udp := b[etherHeader+ipHeader:]
	binary.BigEndian.PutUint16(udp[0:], src.Port())
	binary.BigEndian.PutUint16(udp[2:], dst.Port())
	binary.BigEndian.PutUint16(udp[4:], uint16(length))
	copy(udp[udpHeader:], payload)
	pseudo := uint32(17 + length) // with both addresses: RFC 768
	check := ^sum16(pseudo+uint32(sum16(0, ip[12:20])), udp)
	if check == 0 {
		check = 0xffff // zero would mean that there is none
	}
	binary.BigEndian.PutUint16(udp[6:], check)
	return b, nil
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
