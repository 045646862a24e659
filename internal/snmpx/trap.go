package snmpx

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/gosnmp/gosnmp"
)

// Trap is a notification that an agent sent.
type Trap struct {
	From   netip.AddrPort
	User   string // of SNMPv3; empty for v2c
	Engine []byte // of SNMPv3: the agent's, or ours for an inform
	Inform bool   // it was acknowledged
	Uptime uint32 // of the agent, in hundredths of a second
	OID    OID    // snmpTrapOID.0: which notification
	Vars   []Var  // the others
}

// TrapConfig says whose notifications are taken. All others are dropped.
type TrapConfig struct {
	Communities []Secret // of v2c; empty takes none
	// Users of v3, of different names. Their messages must have the level that
	// the user has protocols for. EngineID pins the agent's; with AES192C and
	// AES256C it is needed.
	Users []V3
	// EngineID is our own, to which agents send informs of v3; 5 to 32 octets,
	// the same at each start. Empty takes none.
	EngineID []byte
	// Dropped is called for each message that is not taken, with the reason.
	Dropped func(from netip.AddrPort, why error)
	Log     *slog.Logger // nil discards
}

func (c *TrapConfig) validate() error {
	if n := len(c.EngineID); n != 0 && (n < 5 || n > 32) {
		return errors.New("snmpx: listen for traps: an engine id has 5 to 32 octets")
	}
	if slices.Contains(c.Communities, "") {
		return errors.New("snmpx: listen for traps: an empty community would be anybody's")
	}
	for i, u := range c.Users {
		if u.User == "" {
			return errors.New("snmpx: listen for traps: a user without a name")
		}
		if err := u.validate(); err != nil {
			return err
		}
		if (u.Priv == AES192C || u.Priv == AES256C) && len(u.EngineID) == 0 {
			return fmt.Errorf("snmpx: listen for traps: user %q: its protocol is so costly for unknown engines that the engine must be pinned", u.User)
		}
		for _, other := range c.Users[:i] {
			if other.User == u.User {
				return fmt.Errorf("snmpx: listen for traps: there are two users %q", u.User)
			}
		}
	}
	return nil
}

// ListenTraps calls fn for each notification that comes in on conn, one after
// the other, until ctx ends, and closes conn. Informs are acknowledged after fn
// has returned. Notifications of SNMPv1 are not taken.
func ListenTraps(ctx context.Context, conn net.PacketConn, c TrapConfig, fn func(Trap)) error {
	defer conn.Close()
	if err := c.validate(); err != nil {
		return err
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	l := &listener{config: c, conn: conn, fn: fn, started: time.Now(), clocks: make(map[string]clock)}
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	buf := make([]byte, 64<<10)
	for {
		n, from, err := conn.ReadFrom(buf)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("snmpx: listen for traps on %s: %w", conn.LocalAddr(), err)
		}
		l.take(buf[:n], from)
	}
}

type listener struct {
	config  TrapConfig
	conn    net.PacketConn
	fn      func(Trap)
	started time.Time
	unknown uint32           // engines: discoveries and forgeries
	clocks  map[string]clock // of v3 engines
}

// take delivers a message, or drops it.
func (l *listener) take(b []byte, from net.Addr) {
	sender := addrPort(from)
	if err := l.deliver(b, from, sender); err != nil {
		l.config.Log.Debug("snmp message dropped", "from", sender, "reason", err.Error())
		if l.config.Dropped != nil {
			l.config.Dropped(sender, err)
		}
	}
}

func addrPort(a net.Addr) netip.AddrPort {
	if u, ok := a.(*net.UDPAddr); ok {
		p := u.AddrPort()
		return netip.AddrPortFrom(p.Addr().Unmap(), p.Port())
	}
	p, _ := netip.ParseAddrPort(a.String())
	return p
}

func (l *listener) deliver(b []byte, from net.Addr, sender netip.AddrPort) error {
	h, err := parseHeader(b)
	if err != nil {
		return err
	}
	if h.version == version3 {
		return l.deliverV3(b, h, from, sender)
	}
	if !l.knows(h.community) {
		return fmt.Errorf("%w: an unknown community", ErrAuth)
	}
	packet, err := decode(&gosnmp.GoSNMP{Version: gosnmp.Version2c}, b)
	if err != nil {
		return err
	}
	t, err := toTrap(packet)
	if err != nil {
		return err
	}
	t.From = sender
	l.fn(t)
	if t.Inform {
		h.body[0] = tagResponse // of b: the answer is the same with another tag
		_, err = l.conn.WriteTo(b, from)
	}
	return err
}

// knows compares with all communities, so that time does not tell.
func (l *listener) knows(community []byte) bool {
	found := 0
	for _, c := range l.config.Communities {
		found |= subtle.ConstantTimeCompare(community, []byte(c))
	}
	return found == 1
}

// decode has gosnmp read a message that came from anybody.
func decode(x *gosnmp.GoSNMP, b []byte) (packet *gosnmp.SnmpPacket, err error) {
	defer func() {
		if r := recover(); r != nil {
			packet, err = nil, fmt.Errorf("%w: gosnmp panics", errMalformed)
		}
	}()
	packet, err = x.UnmarshalTrap(b, true)
	if err != nil {
		return nil, fmt.Errorf("%w: %s", errMalformed, brief(err))
	}
	return packet, nil
}

// toTrap reads the variables; the first two are those of RFC 3416 section 4.2.6.
func toTrap(p *gosnmp.SnmpPacket) (Trap, error) {
	if p.PDUType != gosnmp.SNMPv2Trap && p.PDUType != gosnmp.InformRequest {
		return Trap{}, fmt.Errorf("%w: it is no notification", errMalformed)
	}
	vars, err := fromPDUs(p.Variables)
	if err != nil {
		return Trap{}, err
	}
	sysUpTime := OID{1, 3, 6, 1, 2, 1, 1, 3, 0}
	snmpTrapOID := OID{1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0}
	if len(vars) < 2 || !vars[0].OID.Equal(sysUpTime) || !vars[1].OID.Equal(snmpTrapOID) {
		return Trap{}, fmt.Errorf("%w: a notification without sysUpTime and snmpTrapOID", errMalformed)
	}
	which, ok := vars[1].Value.OID()
	if !ok {
		return Trap{}, fmt.Errorf("%w: snmpTrapOID is no OBJECT IDENTIFIER", errMalformed)
	}
	return Trap{
		Inform: p.PDUType == gosnmp.InformRequest, Uptime: uint32(vars[0].Value.Int), OID: which, Vars: vars[2:],
	}, nil
}

func fromPDUs(pdus []gosnmp.SnmpPDU) ([]Var, error) {
	vars := make([]Var, len(pdus))
	for i, p := range pdus {
		var err error
		if vars[i], err = fromPDU(p); err != nil {
			return nil, err
		}
	}
	return vars, nil
}
