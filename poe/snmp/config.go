package snmp

import (
	"context"
	"log/slog"
	"net"
	"time"
)

// Config says which switch, and how to talk to it. Addr and Credentials are
// wanted; the zero value of all else works.
type Config struct {
	// Addr is "host" or "host:port"; the port is 161 unless said.
	Addr        string
	Credentials Credentials

	// Vendor is whose tables it has; Auto reads sysObjectID.
	Vendor Vendor
	// Mapper is how rows of the power table are known to be ports.
	Mapper Mapper
	// Ports says of ports, by ifName, ifDescr or ifAlias, which row of the power
	// table they are, as "3.29": pethPsePortGroupIndex.pethPsePortIndex. The row
	// has to exist, and the switch's tables may not say otherwise.
	Ports map[string]string
	// Aliases are what ifAlias has to be of ports, by their names. Where it is
	// something else Port and SetAdmin return poe.ErrUnmapped: a description that
	// names the device guards against cables that were moved.
	Aliases map[string]string

	// ReadOnly refuses to switch anything.
	ReadOnly bool
	// AllowWeak lets users without authentication and encryption, or with MD5 or
	// DES, switch.
	AllowWeak bool
	// Brief leaves priorities and counters out of what Ports reads, which halves
	// its work. Port always reads all.
	Brief bool
	// NoImplicitSave turns hpSwitchImplicitConfigSave off before the first SET, and
	// on again in Close if it was on. Aruba AOS-S writes its configuration to flash
	// after each SET otherwise: it wears out, and a port that was off when the
	// switch lost power stays off.
	NoImplicitSave bool
	// Settle is how long a switch has to show what it was told; 0 means 2 s, less
	// than 0 that it is asked once.
	Settle time.Duration
	// Modes remembers how Cisco ports gave power before they were switched off,
	// beyond the life of a Switch. Nil means only within it.
	Modes Modes

	// MinTimeout and MaxTimeout bound how long one message waits for its answer.
	// In between it follows the round trip time. Zero means 100 ms and 5 s.
	MinTimeout, MaxTimeout time.Duration
	// Retries is how often a message is sent again; 0 means 5, less than 0 never.
	Retries int
	// MaxRepetitions is how many rows a GETBULK asks for at first; 0 means 50.
	MaxRepetitions int
	// AnySource takes answers from other addresses than the one asked.
	AnySource bool

	// Log gets what an operator should know; nil discards.
	Log *slog.Logger
	// OnEngineChange is called when another SNMPv3 engine answers and knows the
	// user's keys: the switch was replaced, or somebody is in between.
	OnEngineChange func(old, new []byte)
	// Dial makes the socket; nil means that of package net.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}
