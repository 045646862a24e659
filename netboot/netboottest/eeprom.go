package netboottest

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/mythic-beasts/hostkit/netboot/rpi"
)

// Times of the EEPROM boot loader: DHCP_REQ_TIMEOUT, DHCP_TIMEOUT,
// TFTP_FILE_TIMEOUT, and the repetition of a read request.
const (
	eepromEvery    = 4 * time.Second
	eepromDHCP     = 45 * time.Second
	eepromFile     = 30 * time.Second
	eepromRequest  = 2 * time.Second
	eepromAttempts = 64 // DISCOVERs, more than the time allows
)

// errNak is a server's refusal of a REQUEST.
var errNak = errors.New("refused by NAK")

// eeprom is the boot loader of the Pi 4 and 5.
func (m *machine) eeprom() error {
	m.enter(StageEEPROM)
	m.manner = manner{
		block: m.BlockSize, checksum: true, total: m.scale(eepromFile), again: m.scale(eepromRequest),
		ackDelay: m.AckDelay, noReACK: m.NoReACK, noRollover: m.NoRollover, maxText: maxText,
	}
	guid := rpi.Identity{Model: m.Model, Revision: m.Revision, MACTail: m.macTail(), Serial: m.Serial}.GUID()
	if m.OldGUID {
		guid = repeatedGUID(m.Serial)
	}
	options := piOptions(guid, true)
	end := time.Now().Add(m.scale(eepromDHCP))
	for range eepromAttempts {
		err := m.eepromAttempt(options, end)
		if !errors.Is(err, errAttempt) && !errors.Is(err, errNak) {
			return err
		}
		if !time.Now().Before(end) {
			break
		}
	}
	return m.gaveUp()
}

func (m *machine) macTail() uint32 {
	mac := m.net.mac
	return uint32(mac[2])<<24 | uint32(mac[3])<<16 | uint32(mac[4])<<8 | uint32(mac[5])
}

func (m *machine) eepromAttempt(options []option, end time.Time) error {
	xid := newXID()
	if err := m.sendDiscover(message(xid, m.net.mac, options...)); err != nil {
		return err
	}
	o, server, err := m.eepromOffer(xid, min2(end, m.scale(eepromEvery)))
	if err != nil {
		return err
	}
	ask := []option{{optType, []byte{typeRequest}}}
	// Everything as in the DISCOVER, except for the vendor class.
	for _, o := range options {
		if o.code != optType && o.code != optClass {
			ask = append(ask, o)
		}
	}
	ack, err := m.request(xid, o, ask, end, m.scale(eepromEvery))
	if err != nil {
		return err
	}
	m.step(StepLease, ack.network().String())
	if err := m.takeOffer(ack, server); err != nil {
		return err
	}
	return m.load()
}

// min2 is d from now, but no later than end.
func min2(end time.Time, d time.Duration) time.Time {
	if at := time.Now().Add(d); at.Before(end) {
		return at
	}
	return end
}

// eepromOffer waits for a usable OFFER and says which file server it means.
func (m *machine) eepromOffer(xid uint32, until time.Time) (*reply, netip.Addr, error) {
	for {
		d, err := m.net.next(until)
		if isTimeout(err) {
			return nil, netip.Addr{}, errAttempt
		}
		if err != nil {
			return nil, netip.Addr{}, err
		}
		o, ok := m.offered(d, xid, m.OldParser)
		if !ok {
			continue
		}
		if server, ok := m.eepromServer(o); ok {
			return o, server, nil
		}
		m.step(StepIgnored, fmt.Sprintf("no file server: neither %q in option 43, nor option 66, nor siaddr", m.BootText))
	}
}

func (m *machine) eepromServer(o *reply) (netip.Addr, bool) {
	if a, err := netip.ParseAddr(string(o.option(optTFTPServer))); err == nil && a.Is4() {
		return a, true
	}
	if !o.siaddr.IsUnspecified() {
		return o.siaddr, true
	}
	return o.from, bytes.Contains(o.option(optVendor), []byte(m.BootText))
}

// request asks for the offered address until it is acknowledged or refused.
func (m *machine) request(xid uint32, offer *reply, options []option, end time.Time, every time.Duration) (*reply, error) {
	addr := offer.yiaddr.As4()
	options = append(options, option{optRequestedIP, addr[:]}, option{optServerID, offer.option(optServerID)})
	b := message(xid, m.net.mac, options...)
	for time.Now().Before(end) {
		m.step(StepRequest, offer.yiaddr.String())
		if err := m.sendDHCP(b); err != nil {
			return nil, err
		}
		until := min2(end, every)
		for {
			d, err := m.net.next(until)
			if isTimeout(err) {
				break
			}
			if err != nil {
				return nil, err
			}
			r, ok := m.answered(d, xid, m.OldParser && m.stage.Name == StageEEPROM)
			if ok && r.kind == typeNak {
				return nil, errNak
			}
			if ok && r.kind == typeAck {
				return r, nil
			}
		}
	}
	return nil, errAttempt
}
