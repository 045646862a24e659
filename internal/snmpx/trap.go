package snmpx

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
)

// Trap is a notification that an agent sent.
type Trap struct {
	From   netip.AddrPort
	User   string // of SNMPv3; empty for v2c
	Inform bool   // it was acknowledged
	Uptime uint32 // of the agent, in hundredths of a second
	OID    OID    // snmpTrapOID.0: which notification
	Vars   []Var  // the others
}

// TrapConfig says whose notifications are taken.
type TrapConfig struct {
	Communities []Secret // of v2c; empty takes none
	Users       []V3     // of v3; the agent's EngineID may be pinned
	Log         *slog.Logger
}

// ListenTraps calls fn for each notification that comes in on conn, one after
// the other, until ctx ends.
func ListenTraps(ctx context.Context, conn net.PacketConn, c TrapConfig, fn func(Trap)) error {
	return errors.ErrUnsupported
}
