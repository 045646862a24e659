package netboottest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mythic-beasts/hostkit/netboot/rpi"
)

// server is a boot server on a Link: small, and right in all that the suite
// asks for unless a fault is set. One goroutine runs it.
type server struct {
	link  Link
	files fs.FS

	text         string        // boot menu text; "" means the right one
	noVendor     bool          // no option 43
	option66     string        // "" means none
	noNextServer bool          // siaddr stays zero
	pad          bool          // a pad option is inside of replies
	hops         byte          // of replies
	noNudge      bool          // no wake-up frames
	dead         bool          // no answer to DHCP at all
	nak          bool          // REQUESTs are refused
	twoAddresses bool          // a client identifier gets another address
	rto          time.Duration // 0 means 50 ms
	neighbor     time.Duration // trust in a neighbour without ARP; 0 means for ever
	lost         time.Time     // when the neighbour that is asked for is given up
	silent       bool          // nothing is said of missing files
	leak         bool          // errors have a path
	corrupt      string        // a file that is served with a wrong byte
	ignoreErrors bool          // a client's ERROR does not end a transfer
	fork         bool          // each request is a transfer
	noWrap       bool          // no block after 65535
	keepOld      bool          // a client's port is busy until its transfer ends
	updates      bool          // self-update files are served
	noOptions    bool          // options are not understood

	transfers []*sending
	nudges    []time.Time
	client    hwAddr
	expires   time.Time
	nextTID   uint16
}

var (
	serverIP  = netip.MustParseAddr("192.0.2.1")
	clientIP  = netip.MustParseAddr("192.0.2.2")
	otherIP   = netip.MustParseAddr("192.0.2.3")
	serverMAC = hwAddr{2, 0, 0, 0, 0, 1}
)

// sending is one transfer.
type sending struct {
	peer    netip.AddrPort
	mac     hwAddr
	tid     uint16
	request string
	data    []byte
	size    int
	block   int // the one that is not acknowledged
	last    []byte
	at      time.Time // sent
}

func (s *server) run() {
	s.nextTID = 40000
	for {
		_ = s.link.SetReadDeadline(s.wake())
		frame, err := s.link.Recv()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			s.take(frame)
		}
		s.timers(time.Now())
	}
}

func (s *server) resend() time.Duration {
	if s.rto == 0 {
		return 50 * time.Millisecond
	}
	return s.rto
}

func (s *server) wake() time.Time {
	var at time.Time
	soon := func(t time.Time) {
		if at.IsZero() || t.Before(at) {
			at = t
		}
	}
	for _, t := range s.nudges {
		soon(t)
	}
	for _, t := range s.transfers {
		soon(t.at.Add(s.resend()))
	}
	return at
}

func (s *server) timers(now time.Time) {
	for len(s.nudges) > 0 && !now.Before(s.nudges[0]) {
		s.nudges = s.nudges[1:]
		frame := append(slices.Clone(s.client[:]), serverMAC[:]...)
		_ = s.link.Send(append(frame, 0x08, 0x42, 0xff, 0xff))
	}
	for _, t := range s.transfers {
		if !now.Before(t.at.Add(s.resend())) {
			s.transmit(t)
		}
	}
}

func (s *server) take(frame []byte) {
	if a, ok := parseARP(frame); ok {
		if a.op == arpRequest && a.targetIP == serverIP {
			reply := arp{op: arpReply, senderMAC: serverMAC, senderIP: serverIP, targetMAC: a.senderMAC, targetIP: a.senderIP}
			_ = s.link.Send(reply.frame(a.senderMAC))
		}
		if a.op == arpReply {
			s.expires = time.Now().Add(s.neighbor)
		}
		return
	}
	d, err := parseDatagram(frame)
	if err != nil || d.to != serverMAC && d.to != broadcastMAC {
		return
	}
	switch d.dst.Port() {
	case dhcpServerPort:
		s.dhcp(&d)
	case tftpPort:
		s.request(&d)
	default:
		s.answer(&d)
	}
}

func (s *server) dhcp(d *datagram) {
	b := d.payload
	mac := hwAddr(b[28:34])
	ask := reply{options: parseOptions(b[fixedPart+4:], false)}
	kind := ask.option(optType)[0]
	if s.dead {
		return
	}
	addr := clientIP
	if s.twoAddresses && ask.option(optClientID) != nil {
		addr = otherIP
	}
	answer := slices.Clone(b[:fixedPart])
	answer[0], answer[3] = bootReply, s.hops
	ip, own := addr.As4(), serverIP.As4()
	copy(answer[16:], ip[:])
	if !s.noNextServer {
		copy(answer[20:], own[:])
	}
	answer = append(answer, magicCookie...)
	types := map[byte]byte{typeDiscover: typeOffer, typeRequest: typeAck}
	if s.nak && kind == typeRequest {
		types[kind] = typeNak
	}
	answer = append(answer, optType, 1, types[kind], optServerID, 4)
	answer = append(answer, own[:]...)
	if s.pad {
		answer = append(answer, 0)
	}
	answer = append(answer, optMask, 4, 255, 255, 255, 0)
	if !s.noVendor {
		vendor := rpi.VendorOptions(s.text)
		answer = append(append(answer, optVendor, byte(len(vendor))), vendor...)
	}
	if s.option66 != "" {
		answer = append(append(answer, optTFTPServer, byte(len(s.option66))), s.option66...)
	}
	answer = append(answer, optEnd)
	now := time.Now()
	s.client, s.expires, s.lost = mac, now.Add(s.neighbor), time.Time{}
	if kind == typeDiscover && !s.noNudge {
		s.nudges = []time.Time{now.Add(600 * time.Millisecond), now.Add(1200 * time.Millisecond)}
	}
	s.send(mac, netip.AddrPortFrom(addr, dhcpClientPort), dhcpServerPort, answer)
}

func (s *server) send(mac hwAddr, to netip.AddrPort, port uint16, payload []byte) {
	d := datagram{to: mac, from: serverMAC, src: netip.AddrPortFrom(serverIP, port), dst: to, payload: payload}
	_ = s.link.Send(d.frame(1))
}

func (s *server) request(d *datagram) {
	words := strings.Split(string(d.payload[2:]), "\x00")
	for _, t := range s.transfers {
		if t.peer == d.src && (t.request == words[0] && !s.fork || s.keepOld) {
			return
		}
	}
	if !s.fork && !s.keepOld {
		s.drop(func(t *sending) bool { return t.peer.Addr() == d.src.Addr() && t.block > 1 || t.peer == d.src })
	}
	s.nextTID++
	t := &sending{peer: d.src, mac: d.from, tid: s.nextTID, request: words[0], size: plainBlock, block: 1}
	name := strings.TrimPrefix(words[0], "10203040/")
	var err error
	t.data, err = fs.ReadFile(s.files, name)
	if err != nil || rpi.IsUpdate(name) && !s.updates {
		s.missing(t)
		return
	}
	if name == s.corrupt {
		t.data = slices.Clone(t.data)
		t.data[len(t.data)/2] ^= 1
	}
	s.transfers = append(s.transfers, t)
	if len(words) > 3 && !s.noOptions {
		t.size, _ = strconv.Atoi(words[5])
		t.block = 0
		oack := fmt.Sprintf("\x00\x06tsize\x00%d\x00BLKSIZE\x00%d\x00", len(t.data), t.size)
		t.last = []byte(oack)
	} else {
		t.next()
	}
	s.transmit(t)
}

func (s *server) missing(t *sending) {
	text := "File not found"
	if s.leak {
		text = "open /srv/boot/" + t.request
	}
	if !s.silent {
		s.send(t.mac, t.peer, t.tid, append([]byte{0, opError, 0, codeNotFound}, text+"\x00"...))
	}
}

// next makes the packet of the current block.
func (t *sending) next() {
	from := min((t.block-1)*t.size, len(t.data))
	t.last = binary.BigEndian.AppendUint16([]byte{0, opData}, uint16(t.block))
	t.last = append(t.last, t.data[from:min(from+t.size, len(t.data))]...)
}

// transmit sends a transfer's last packet as far as the neighbour is known.
func (s *server) transmit(t *sending) {
	now := time.Now()
	t.at = now
	if s.neighbor > 0 && now.After(s.expires) {
		if s.lost.IsZero() {
			s.lost = now.Add(3 * time.Second)
		}
		ask := arp{op: arpRequest, senderMAC: serverMAC, senderIP: serverIP, targetIP: t.peer.Addr()}
		_ = s.link.Send(ask.frame(broadcastMAC))
		if now.After(s.lost) {
			return
		}
	} else {
		s.lost = time.Time{}
	}
	s.send(t.mac, t.peer, t.tid, t.last)
}

func (s *server) answer(d *datagram) {
	if len(d.payload) < 4 {
		return
	}
	for _, t := range s.transfers {
		if t.peer != d.src || t.tid != d.dst.Port() {
			continue
		}
		block := binary.BigEndian.Uint16(d.payload[2:])
		switch {
		case d.payload[1] == opError && !s.ignoreErrors:
			s.drop(func(o *sending) bool { return o == t })
		case d.payload[1] == opAck && block == uint16(t.block):
			if t.block > 0 && len(t.last) < 4+t.size || s.noWrap && t.block == 1<<16-1 {
				s.drop(func(o *sending) bool { return o == t })
				return
			}
			t.block++
			t.next()
			s.transmit(t)
		}
		return
	}
}

func (s *server) drop(which func(*sending) bool) {
	s.transfers = slices.DeleteFunc(s.transfers, which)
}
