package qbridge

import (
	"context"
	"log/slog"
	"net"
	"time"

	"github.com/mythic-beasts/hostkit/internal/snmpx"
)

// Config says which switch, and how to talk to it. Addr and Credentials are
// required; each other field has a default.
type Config struct {
	// Addr is "host" or "host:port"; the port is 161 unless said.
	Addr        string
	Credentials Credentials

	// Format is how the switch writes its lists of ports. Zero finds out, and takes
	// that of RFC 4363 where reversed bits would make as much sense: a switch of
	// 8, 24 or 48 ports that are all in VLAN 1 reads the same both ways.
	Format Format
	// Vendor is how the configuration is saved. Zero asks for sysObjectID.
	Vendor Vendor
	// NoNames says that the switch does not name VLANs by SNMP, as AOS-CX does not.
	// Otherwise the first refusal says so.
	NoNames bool
	// Dynamic counts ports as members that are so by GVRP or MVRP and not by
	// configuration (dot1qVlanCurrentTable). They cannot be removed from here,
	// but a check of isolation must know them.
	Dynamic bool
	// Settle is how long a switch may take until it shows what was written. Zero
	// means 2 s; less than zero, it is asked once.
	Settle time.Duration
	// MaxVars is how many ports are written in one message. Zero means 24.
	MaxVars int

	// AllowWeak lets users write who have no authentication, or MD5 or DES.
	AllowWeak bool
	// MinTimeout and MaxTimeout bound how long one message waits for its answer.
	// In between it follows the round trip time. Zero means 100 ms and 5 s.
	MinTimeout, MaxTimeout time.Duration
	// Retries is how often a message is sent again. Zero means 5, less than zero
	// never. What is written twice is the same, so that repeating is safe.
	Retries int
	// Log gets what an operator should know; nil discards.
	Log *slog.Logger
	// OnEngineChange is called when another SNMPv3 engine answers and knows the
	// user's keys: the switch was replaced, or somebody is in between.
	OnEngineChange func(old, new []byte)
	// Dial makes the socket; nil means that of package net.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

const (
	defaultSettle  = 2 * time.Second
	defaultMaxVars = 24
)

// Secret is a community or passphrase. It prints as "[redacted]" under every
// verb, in logs and in JSON; string(s) is the secret.
type Secret = snmpx.Secret

// Credentials are either communities, in the field V2c, or a user, in V3.
type Credentials = snmpx.Credentials

// V2c are the communities of SNMPv2c, which cross the network in clear: Read,
// and Write, without which nothing can be changed.
type V2c = snmpx.V2c

// V3 is a user of SNMPv3 (RFC 3414): User; Auth and AuthPass; Priv and PrivPass;
// EngineID, where the switch's is pinned; Context.
type V3 = snmpx.V3

// How messages are authenticated (RFC 7860) and encrypted (RFC 3826, and for
// the longer keys as net-snmp does it).
const (
	SHA1   = snmpx.SHA1
	SHA224 = snmpx.SHA224
	SHA256 = snmpx.SHA256
	SHA384 = snmpx.SHA384
	SHA512 = snmpx.SHA512

	AES    = snmpx.AES
	AES192 = snmpx.AES192
	AES256 = snmpx.AES256
)

// Vendor is how a switch is told to keep its configuration.
type Vendor uint8

const (
	// Auto asks for sysObjectID.
	Auto Vendor = iota
	// Other has no way to save by SNMP.
	Other
	// Cisco writes to memory by OLD-CISCO-SYS-MIB or CISCO-CONFIG-COPY-MIB.
	Cisco
	// Dell is the N series, with FASTPATH-SWITCHING-MIB at Dell's root.
	Dell
	// H3C is Comware, of H3C and HPE, with HH3C-CONFIG-MAN-MIB.
	H3C
	// HP is ProCurve and Aruba AOS-S, which saves after every change. The driver
	// turns that off while it writes, and Save or Close turns it on again.
	HP
)

var vendorNames = [...]string{"auto", "other", "cisco", "dell", "h3c", "hp"}

// String is the name: "cisco", "h3c".
func (v Vendor) String() string {
	if int(v) < len(vendorNames) {
		return vendorNames[v]
	}
	return "unknown vendor"
}
