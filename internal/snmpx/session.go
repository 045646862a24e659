package snmpx

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/gosnmp/gosnmp"
)

// newSession makes gosnmp speak v3 through the wire. It opens a socket of its own
// while it starts, as it allocates its buffers only then, which is closed again.
func newSession(w *wire, v V3) (*gosnmp.GoSNMP, error) {
	x := &gosnmp.GoSNMP{
		Target: "127.0.0.1", Port: 9, LocalAddr: "127.0.0.1:0", UseUnconnectedUDPSocket: true,
		Version: gosnmp.Version3, SecurityModel: gosnmp.UserSecurityModel,
		MsgFlags: v.level(), SecurityParameters: v.usm(), ContextName: v.Context,
		Context: context.Background(), // the wire knows when to stop
		Timeout: time.Hour,            // and how long to wait
		MaxOids: math.MaxInt32,
	}
	if err := x.Connect(); err != nil {
		return nil, fmt.Errorf("start a session: %w", err)
	}
	x.Conn.Close()
	x.Conn = w
	return x, nil
}

// askV3 has gosnmp do an operation.
func (c *Client) askV3(op operation) (reply, error) {
	if c.session == nil {
		x, err := newSession(c.wire, c.config.Credentials.V3)
		if err != nil {
			return reply{}, err
		}
		c.session, c.wire.engine = x, nil
	}
	c.session.Retries = op.retries
	packet, err := c.send(op)
	switch {
	case err != nil:
		return reply{}, fmt.Errorf("%w: %s", errMalformed, brief(err))
	case packet.PDUType != gosnmp.GetResponse:
		return reply{}, fmt.Errorf("%w: it is no answer", errMalformed)
	}
	r := reply{status: Status(packet.Error), index: int(packet.ErrorIndex), vars: make([]Var, len(packet.Variables))}
	for i, p := range packet.Variables {
		if r.vars[i], err = fromPDU(p); err != nil {
			return reply{}, err
		}
	}
	return r, nil
}

func (c *Client) send(op operation) (*gosnmp.SnmpPacket, error) {
	if op.write {
		pdus := make([]gosnmp.SnmpPDU, len(op.vars))
		for i, v := range op.vars {
			pdus[i] = toPDU(v)
		}
		return c.session.Set(pdus)
	}
	names := make([]string, len(op.vars))
	for i, v := range op.vars {
		names[i] = "." + v.OID.String()
	}
	if op.tag == gosnmp.GetBulkRequest {
		return c.session.GetBulk(names, 0, uint32(op.rows))
	}
	return c.session.Get(names)
}

func (v V3) level() gosnmp.SnmpV3MsgFlags {
	switch {
	case v.Priv != NoPriv:
		return gosnmp.AuthPriv
	case v.Auth != NoAuth:
		return gosnmp.AuthNoPriv
	}
	return gosnmp.NoAuthNoPriv
}

func (v V3) usm() *gosnmp.UsmSecurityParameters {
	return &gosnmp.UsmSecurityParameters{
		UserName:                 v.User,
		AuthenticationProtocol:   gosnmp.NoAuth + gosnmp.SnmpV3AuthProtocol(v.Auth),
		AuthenticationPassphrase: string(v.AuthPass),
		PrivacyProtocol:          gosnmp.NoPriv + gosnmp.SnmpV3PrivProtocol(v.Priv),
		PrivacyPassphrase:        string(v.PrivPass),
	}
}

// weak reports whether others could write in this user's name.
func (v V3) weak() bool { return v.Auth == NoAuth || v.Auth == MD5 || v.Priv == DES }
