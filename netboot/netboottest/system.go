package netboottest

import (
	"errors"
	"fmt"
	"time"
)

// Times of an operating system's DHCP client, RFC 2131 section 4.1 without the
// randomness.
const (
	systemTries = 4
	systemFirst = 4 * time.Second // doubled with each try
)

// system is the operating system's DHCP client: no vendor class of firmware,
// and a client identifier that is a DUID (RFC 4361).
func (m *machine) system() error {
	m.enter(StageOS)
	clientID := []byte{255, m.net.mac[2], m.net.mac[3], m.net.mac[4], m.net.mac[5], 0, 3, 0, 1}
	clientID = append(clientID, m.net.mac[:]...)
	common := []option{
		{optClientID, clientID},
		{optHostName, fmt.Appendf(nil, "pi-%08x", m.Serial)},
		{optParameters, []byte{optMask, optRouter, 6, optHostName, 15, 28, 42}},
	}
	discover := append([]option{{optType, []byte{typeDiscover}}}, common...)
	request := append([]option{{optType, []byte{typeRequest}}}, common...)
	wait := m.scale(systemFirst)
	for range systemTries {
		err := m.lease(discover, request, wait)
		if err == nil || !errors.Is(err, errAttempt) && !errors.Is(err, errNak) {
			return err
		}
		wait *= 2
	}
	return ErrNoLease
}

func (m *machine) lease(discover, request []option, wait time.Duration) error {
	xid := newXID()
	if err := m.sendDiscover(message(xid, m.net.mac, discover...)); err != nil {
		return err
	}
	until := time.Now().Add(wait)
	for {
		d, err := m.net.next(until)
		if isTimeout(err) {
			return errAttempt
		}
		if err != nil {
			return err
		}
		offer, ok := m.offered(d, xid, false)
		if !ok {
			continue
		}
		ack, err := m.request(xid, offer, request, time.Now().Add(wait), wait)
		if err != nil {
			return err
		}
		m.net.addr, m.boot.OSAddr = ack.yiaddr, ack.yiaddr
		m.step(StepLease, ack.network().String())
		return nil
	}
}
