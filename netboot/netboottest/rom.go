package netboottest

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/mythic-beasts/hostkit/netboot/rpi"
)

// Times of the mask ROM and bootcode.bin.
const (
	romTries    = 5
	romEvery    = 5 * time.Second
	rxBugGap    = time.Second // after which it has given up looking for frames
	rxBugListen = time.Second // after a DISCOVER, before which it does not look
	arpTries    = 3
	arpEvery    = time.Second
)

var broadcastServer = netip.AddrPortFrom(broadcastIP, dhcpServerPort)

// errAttempt ends one try of several.
var errAttempt = errors.New("the attempt failed")

// rom is the mask ROM: it loads bootcode.bin.
func (m *machine) rom() error {
	m.enter(StageROM)
	discover := message(romXID, m.net.mac, piOptions(m.romGUID(), m.Model != rpi.Model3B)...)
	return m.romStage(discover, m.RxBug && m.Model == rpi.Model3B, m.loadBootcode)
}

// romGUID is the mask ROM's identifier: that of the 3B does not know its serial
// number.
func (m *machine) romGUID() [16]byte {
	if m.Model == rpi.Model3B {
		return rpi.Identity{Model: rpi.Model3B}.GUID()
	}
	return repeatedGUID(m.Serial)
}

// bootcode is bootcode.bin: it loads the rest.
func (m *machine) bootcode() error {
	m.enter(StageBootcode)
	discover := message(romXID, m.net.mac, piOptions(repeatedGUID(m.Serial), true)...)
	return m.romStage(discover, false, m.loadSystem)
}

// romStage sends DISCOVERs until an OFFER leads to what load wants.
func (m *machine) romStage(discover []byte, rxBug bool, load func() error) error {
	m.manner = manner{idle: m.scale(m.GiveUp), ackDelay: m.AckDelay, maxText: maxText}
	for range romTries {
		end := time.Now().Add(m.scale(romEvery))
		if err := m.sendDiscover(discover); err != nil {
			return err
		}
		o, server, err := m.romOffer(end, rxBug)
		if err == nil {
			err = m.useROMOffer(o, server, load)
		}
		if !errors.Is(err, errAttempt) {
			return err
		}
		if err := m.net.idle(end); err != nil {
			return err
		}
	}
	return m.gaveUp()
}

// romOffer waits for an OFFER until end. With rxBug it looks at one only when
// the time is right.
func (m *machine) romOffer(end time.Time, rxBug bool) (*reply, netip.Addr, error) {
	var held *reply
	var server netip.Addr
	sent := time.Now()
	heard := sent
	for {
		until := end
		if gap := heard.Add(m.scale(rxBugGap)); rxBug && gap.Before(end) {
			until = gap
		}
		d, err := m.net.next(until)
		if isTimeout(err) {
			if held != nil {
				m.step(StepIgnored, "receive bug: no frame came at the right time after the OFFER")
			}
			return nil, server, errAttempt
		}
		if err != nil {
			return nil, server, err
		}
		heard = time.Now()
		if rxBug && held != nil && heard.Sub(sent) > m.scale(rxBugListen) {
			return held, server, nil
		}
		o, from, ok := m.romAccepts(d)
		if !ok {
			continue
		}
		if !rxBug {
			return o, from, nil
		}
		held, server = o, from
	}
}

// romAccepts reads an OFFER as the mask ROM and bootcode.bin do. The file
// server is the sender of the OFFER or the address in option 66, whichever
// stands last; siaddr is not looked at.
func (m *machine) romAccepts(d *datagram) (*reply, netip.Addr, bool) {
	var server netip.Addr
	o, ok := m.offered(d, romXID, false)
	if !ok {
		return nil, server, false
	}
	if m.Model == rpi.Model3B && o.hops != 0 {
		m.step(StepIgnored, "it came through a relay")
		return nil, server, false
	}
	text := []byte("Raspberry Pi Boot")
	if m.Model == rpi.Model3B {
		text = []byte(rpi.BootText)
	}
	for _, opt := range o.options {
		switch opt.code {
		case optVendor:
			if bytes.Contains(opt.data, text) {
				server = o.from
			}
		case optTFTPServer:
			if a, err := netip.ParseAddr(string(opt.data)); err == nil && a.Is4() {
				server = a
			}
		}
	}
	if !server.IsValid() {
		m.step(StepIgnored, fmt.Sprintf("neither %q in option 43 nor an address in option 66", text))
		return nil, server, false
	}
	return o, server, true
}

// offered reads d as an OFFER for this machine.
func (m *machine) offered(d *datagram, xid uint32, stopAtPad bool) (*reply, bool) {
	r, ok := m.answered(d, xid, stopAtPad)
	if !ok {
		return nil, false
	}
	if r.kind != typeOffer || r.yiaddr.IsUnspecified() {
		m.step(StepIgnored, fmt.Sprintf("message type %d with address %s", r.kind, r.yiaddr))
		return nil, false
	}
	return r, true
}

func (m *machine) answered(d *datagram, xid uint32, stopAtPad bool) (*reply, bool) {
	if d == nil || d.dst.Port() != dhcpClientPort || d.src.Port() != dhcpServerPort {
		return nil, false
	}
	r, err := parseReply(d.payload, xid, m.net.mac, stopAtPad)
	if err != nil {
		return nil, false
	}
	r.from = d.src.Addr()
	return &r, true
}

// useROMOffer takes the address of the OFFER, without a REQUEST.
func (m *machine) useROMOffer(o *reply, server netip.Addr, load func() error) error {
	if err := m.takeOffer(o, server); err != nil {
		return err
	}
	return load()
}

// takeOffer configures the network and finds the file server's host. The 3B
// knows no router: it asks ARP for the server wherever that is, and without an
// answer goes on with an address that nobody has.
func (m *machine) takeOffer(o *reply, server netip.Addr) error {
	m.net.addr = o.yiaddr
	m.boot.Addr, m.boot.Server = o.yiaddr, server
	m.step(StepOffer, fmt.Sprintf("%s, server %s", o.network(), server))
	via := server
	if router := o.addr(optRouter); m.Model != rpi.Model3B && !o.network().Contains(server) && router.IsValid() {
		via = router
	}
	mac, ok, err := m.net.resolve(via, arpTries, m.scale(arpEvery))
	if err != nil {
		return err
	}
	m.server = peer{server, mac}
	if !ok && m.Model != rpi.Model3B {
		m.step(StepIgnored, fmt.Sprintf("%s does not answer ARP", via))
		return errAttempt
	}
	if m.ARP == ARPUntilTransfer {
		m.net.deaf = true
	}
	return nil
}

// loadBootcode is all that the mask ROM loads.
func (m *machine) loadBootcode() error {
	f, _, err := m.fetch("bootcode.bin", false)
	if err != nil {
		return err
	}
	if f.Outcome != Got {
		m.why = fmt.Sprintf("%s %s", f.Name, f.Outcome)
		return errAttempt
	}
	_, _, err = m.fetch("bootsig.bin", false)
	return err
}
