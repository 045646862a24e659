package snmpx

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/gosnmp/gosnmp"
)

// window is how old a message may be, RFC 3414 section 2.2.3, in seconds.
const window = 150

// clock is an engine's clock, as its newest authentic message had it.
type clock struct{ boots, time uint32 }

// maxClocks bounds how many engines are remembered. Only those that know a
// user's keys get in.
const maxClocks = 4096

// deliverV3 takes a message of SNMPv3. A trap is authentic by the sender's
// engine, an inform by ours (RFC 3412 section 3.5).
func (l *listener) deliverV3(b []byte, h header, from net.Addr, sender netip.AddrPort) error {
	ours := len(l.config.EngineID) > 0 && bytes.Equal(h.engine, l.config.EngineID)
	if len(h.engine) < 5 {
		return l.introduce(h, from)
	}
	user, err := l.user(h, ours)
	if err != nil {
		return err
	}
	x := &gosnmp.GoSNMP{
		Version: gosnmp.Version3, SecurityModel: gosnmp.UserSecurityModel,
		MsgFlags: user.level(), SecurityParameters: user.usm(),
	}
	packet, err := decode(x, b)
	if err != nil {
		return fmt.Errorf("%w: user %q: %w", ErrAuth, user.User, err)
	}
	usm, ok := packet.SecurityParameters.(*gosnmp.UsmSecurityParameters)
	if !ok {
		return errMalformed
	}
	if ours && !l.inWindow(usm) {
		return l.tellTime(packet, usm, from)
	}
	if !ours && user.Auth != NoAuth && !l.isNews(usm) {
		return fmt.Errorf("%w: user %q: it is older than %d s", ErrAuth, user.User, window)
	}
	t, err := toTrap(packet)
	if err != nil {
		return err
	}
	if t.Inform != ours {
		return fmt.Errorf("%w: an inform wants the receiver's engine, a trap the sender's", errMalformed)
	}
	t.From, t.User, t.Engine = sender, user.User, slices.Clone(h.engine)
	l.fn(t)
	if t.Inform {
		packet.PDUType = gosnmp.GetResponse
		return l.send(packet, usm, packet.MsgFlags&gosnmp.AuthPriv, from)
	}
	return nil
}

// user finds whose message it is, and whether the user may send such.
func (l *listener) user(h header, ours bool) (V3, error) {
	i := slices.IndexFunc(l.config.Users, func(u V3) bool { return u.User == string(h.user) })
	if i < 0 {
		return V3{}, fmt.Errorf("%w: an unknown user", ErrAuth)
	}
	u := l.config.Users[i]
	want := byte(u.level())
	switch {
	case h.flags&want != want:
		return V3{}, fmt.Errorf("%w: user %q: a message below the user's security level", ErrAuth, u.User)
	case !ours && len(u.EngineID) > 0 && !bytes.Equal(u.EngineID, h.engine):
		return V3{}, fmt.Errorf("%w: user %q: engine %x in place of %x, which is pinned", ErrEngineChanged, u.User, h.engine, u.EngineID)
	}
	return u, nil
}

// isNews reports whether an authentic message is not a replayed one, and notes
// its time: RFC 3414 section 3.2 (7b).
func (l *listener) isNews(usm *gosnmp.UsmSecurityParameters) bool {
	now := clock{usm.AuthoritativeEngineBoots, usm.AuthoritativeEngineTime}
	before, known := l.clocks[usm.AuthoritativeEngineID]
	switch {
	case known && (now.boots < before.boots || now.boots == before.boots && uint64(now.time)+window < uint64(before.time)):
		return false
	case known && now.boots == before.boots && now.time <= before.time:
		return true
	case !known && len(l.clocks) >= maxClocks:
		clear(l.clocks)
	}
	l.clocks[usm.AuthoritativeEngineID] = now
	return true
}

// epoch keeps our boots below 2^31 until 2088. Each start of the listener is a
// later second, so that they grow without being stored.
const epoch = 1577836800 // 2020

func (l *listener) clock() clock {
	return clock{uint32(max(l.started.Unix()-epoch, 1)), uint32(time.Since(l.started) / time.Second)}
}

// inWindow is RFC 3414 section 3.2 (7a).
func (l *listener) inWindow(usm *gosnmp.UsmSecurityParameters) bool {
	now := l.clock()
	age := int64(now.time) - int64(usm.AuthoritativeEngineTime)
	return usm.AuthoritativeEngineBoots == now.boots && age <= window && age >= -window
}

// introduce answers an agent that asks for our engine before its first inform.
func (l *listener) introduce(h header, from net.Addr) error {
	l.unknown++
	if len(l.config.EngineID) == 0 {
		return fmt.Errorf("%w: an agent asks for an engine, and there is none to send informs to", ErrAuth)
	}
	packet := &gosnmp.SnmpPacket{Version: gosnmp.Version3, SecurityModel: gosnmp.UserSecurityModel, MsgID: uint32(h.id)}
	return l.report(packet, &gosnmp.UsmSecurityParameters{
		AuthenticationProtocol: gosnmp.NoAuth, PrivacyProtocol: gosnmp.NoPriv,
	}, gosnmp.NoAuthNoPriv, 4, from)
}

// tellTime tells an agent, which has proved to know the keys, our clock.
func (l *listener) tellTime(p *gosnmp.SnmpPacket, usm *gosnmp.UsmSecurityParameters, from net.Addr) error {
	return l.report(p, usm, p.MsgFlags&gosnmp.AuthNoPriv, 2, from)
}

// report sends a counter of usmStats, RFC 3414 section 5.
func (l *listener) report(
	p *gosnmp.SnmpPacket, usm *gosnmp.UsmSecurityParameters, flags gosnmp.SnmpV3MsgFlags, counter uint32, from net.Addr,
) error {
	usmStats := OID{1, 3, 6, 1, 6, 3, 15, 1, 1}
	p.PDUType, p.ContextEngineID = gosnmp.Report, string(l.config.EngineID)
	p.Variables = []gosnmp.SnmpPDU{{Name: "." + usmStats.Append(counter, 0).String(), Type: gosnmp.Counter32, Value: l.unknown}}
	return l.send(p, usm, flags, from)
}

func (l *listener) send(p *gosnmp.SnmpPacket, usm *gosnmp.UsmSecurityParameters, flags gosnmp.SnmpV3MsgFlags, to net.Addr) error {
	now := l.clock()
	usm.AuthoritativeEngineID = string(l.config.EngineID)
	usm.AuthoritativeEngineBoots, usm.AuthoritativeEngineTime = now.boots, now.time
	p.MsgFlags, p.SecurityParameters = flags, usm
	p.Error, p.ErrorIndex = gosnmp.NoError, 0
	if flags&gosnmp.AuthPriv == gosnmp.AuthPriv {
		// gosnmp counts salts from 1 for each message's parameters, which would
		// encrypt two with the same keystream.
		usm.PrivacyParameters = make([]byte, 8)
		rand.Read(usm.PrivacyParameters)
	}
	b, err := p.MarshalMsg()
	if err != nil {
		return fmt.Errorf("snmpx: answer an inform: %w", err)
	}
	_, err = l.conn.WriteTo(b, to)
	return err
}
