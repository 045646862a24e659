package snmptest

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/mythic-beasts/hostkit/internal/snmpx"
)

// Notification is one to send, by SNMPv2c.
type Notification struct {
	Community string
	Uptime    uint32    // hundredths of a second
	OID       snmpx.OID // which one
	Vars      []snmpx.Var
}

func (n *Notification) message(k Kind) *message {
	m := &message{community: n.Community, kind: k, id: 4711}
	m.vars = appendVar(m.vars, snmpx.MustOID("1.3.6.1.2.1.1.3.0").AppendBER(nil), snmpx.TimeTicks(n.Uptime))
	m.vars = appendVar(m.vars, snmpx.MustOID("1.3.6.1.6.3.1.1.4.1.0").AppendBER(nil), snmpx.ObjectID(n.OID))
	for _, v := range n.Vars {
		m.vars = appendVar(m.vars, v.OID.AppendBER(nil), v.Value)
	}
	return m
}

// Trap sends it once. Nobody says whether it came.
func (n *Notification) Trap(ctx context.Context, addr string) error {
	conn, err := n.send(ctx, addr, Notify)
	if err != nil {
		return err
	}
	return conn.Close()
}

// Inform sends it once and waits for the acknowledgement, until ctx ends.
func (n *Notification) Inform(ctx context.Context, addr string) error {
	conn, err := n.send(ctx, addr, Inform)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })() //nolint:errcheck // then it takes longer
	buf := make([]byte, maxUDP)
	size, err := conn.Read(buf)
	if err != nil {
		return fmt.Errorf("snmptest: inform %s: no acknowledgement: %w", addr, err)
	}
	r, err := parseMessage(buf[:size])
	if err != nil {
		return err
	}
	if r.Kind != Response || r.ID != 4711 || r.status != snmpx.NoError || len(r.Vars) != len(n.Vars)+2 {
		return fmt.Errorf("snmptest: inform %s: a bad acknowledgement: %s with %d variables", addr, r.Kind, len(r.Vars))
	}
	return nil
}

func (n *Notification) send(ctx context.Context, addr string, k Kind) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "udp", addr)
	if err != nil {
		return nil, fmt.Errorf("snmptest: notify: %w", err)
	}
	if _, err := conn.Write(n.message(k).append(nil)); err != nil {
		conn.Close()
		return nil, fmt.Errorf("snmptest: notify: %w", err)
	}
	return conn, nil
}
