package snmpx

import (
	"context"
	"log/slog"
	"net"
	"time"
)

// Config says which agent to talk to, and how.
type Config struct {
	Addr        string // "host" or "host:port"; the port is 161 unless said
	Credentials Credentials
	// MinTimeout and MaxTimeout bound how long one message waits for its answer.
	// In between it follows the round trip time as TCP's does (RFC 6298) and
	// doubles with each retry. Zero means 100 ms and 5 s.
	MinTimeout, MaxTimeout time.Duration
	// Retries is how often a message is sent again; 0 means 5, less than 0 never.
	Retries int
	// MaxRepetitions is how many rows a GETBULK asks for at first; 0 means 50. It
	// is halved when an agent answers tooBig or not at all, and stays so.
	MaxRepetitions int
	// AllowWeak lets a user without authentication, or with MD5 or DES, write.
	AllowWeak bool
	// AnySource takes answers from other addresses than the one asked, for
	// agents that have several. Those with v2c are then as good as anybody's.
	AnySource bool
	Log       *slog.Logger // nil discards
	// OnEngineChange is called when another SNMPv3 engine answers and knows the
	// user's keys: the agent was replaced, or somebody is in between.
	OnEngineChange func(old, new []byte)
	// Dial makes the socket; nil means that of package net.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}
