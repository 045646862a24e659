package snmpx

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/gosnmp/gosnmp"
)

// newSession makes gosnmp speak through the wire. It opens a socket of its own
// while it starts, as it allocates its buffers only then, which is closed again.
func newSession(w *wire, c *Config) (*gosnmp.GoSNMP, error) {
	x := &gosnmp.GoSNMP{
		Target: "127.0.0.1", Port: 9, LocalAddr: "127.0.0.1:0", UseUnconnectedUDPSocket: true,
		Version: gosnmp.Version2c,
		Context: context.Background(), // the wire knows when to stop
		Timeout: time.Hour,            // and how long to wait
		Retries: c.retries(),
		MaxOids: math.MaxInt32,
	}
	if v := c.Credentials.V3; v.User != "" {
		x.Version = gosnmp.Version3
		x.SecurityModel = gosnmp.UserSecurityModel
		x.MsgFlags = v.level()
		x.SecurityParameters = v.usm()
		x.ContextName = v.Context
	}
	if err := x.Connect(); err != nil {
		return nil, fmt.Errorf("snmpx: start a session: %w", err)
	}
	x.Conn.Close()
	x.Conn = w
	return x, nil
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
