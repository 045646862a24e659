package snmpx

import (
	"cmp"
	"context"
	"log/slog"
	"math"
	"net"
	"time"
)

// Config says which agent to talk to, and how.
type Config struct {
	Addr        string // "host" or "host:port"; the port is 161 unless said
	Credentials Credentials
	// MinTimeout and MaxTimeout bound how long one message waits for its answer.
	// In between it follows the round trip time as TCP's does (RFC 6298) and
	// doubles with each retry; the first message waits three times the least.
	// A SET waits five times MinTimeout at least, as switches write to flash.
	// Zero means 100 ms and 5 s.
	MinTimeout, MaxTimeout time.Duration
	// Retries is how often a message is sent again; 0 means 4, less than 0 never.
	Retries int
	// MaxRepetitions is how many rows a GETBULK asks for at first; 0 means 50. It
	// is halved when an agent answers tooBig or not at all, and stays so.
	MaxRepetitions int
	// MaxVarbinds is how many objects an answer may have: a GET asks for no more,
	// a GETBULK for fewer rows the more columns there are. 0 means 400 for
	// GETBULK and 60 for GET.
	MaxVarbinds int
	// AllowWeak lets a user without authentication, or with MD5 or DES, write.
	AllowWeak bool
	// AnySource takes answers from other addresses than the one asked, for
	// agents that have several. Those with v2c are then as good as anybody's.
	AnySource bool
	Log       *slog.Logger // nil discards
	// OnEngineChange is called when another SNMPv3 engine answers and knows the
	// user's keys: the agent was replaced, or somebody is in between. The
	// request that found it out waits meanwhile.
	OnEngineChange func(old, new []byte)
	// Dial makes the socket; nil means that of package net.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

func (c *Config) minTimeout() time.Duration { return cmp.Or(c.MinTimeout, 100*time.Millisecond) }

func (c *Config) maxTimeout() time.Duration {
	return max(cmp.Or(c.MaxTimeout, 5*time.Second), c.minTimeout())
}

func (c *Config) retries() int { return max(cmp.Or(c.Retries, 4), 0) }

func (c *Config) log() *slog.Logger {
	if c.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return c.Log
}

// How many objects an answer has at most, unless the configuration says so.
const (
	defaultPerGet  = 60
	defaultPerBulk = 400
)

func (c *Config) maxVarbinds(unless int) int32 {
	n := c.MaxVarbinds
	if n <= 0 {
		n = unless
	}
	return int32(min(n, math.MaxInt16))
}

func (c *Config) maxRepetitions() int { return max(cmp.Or(c.MaxRepetitions, 50), 1) }

// target is the address with its port.
func (c *Config) target() string {
	if _, _, err := net.SplitHostPort(c.Addr); err == nil {
		return c.Addr
	}
	return net.JoinHostPort(c.Addr, "161")
}

func (c *Config) dial(ctx context.Context) (net.Conn, error) {
	if c.Dial != nil {
		return c.Dial(ctx, "udp", c.target())
	}
	if !c.AnySource {
		var d net.Dialer
		return d.DialContext(ctx, "udp", c.target())
	}
	to, err := net.ResolveUDPAddr("udp", c.target())
	if err != nil {
		return nil, err
	}
	conn, err := net.ListenUDP("udp", nil)
	if err != nil {
		return nil, err
	}
	return &anySource{conn, to}, nil
}

// anySource is a socket that writes to one address and reads from all.
type anySource struct {
	*net.UDPConn
	to *net.UDPAddr
}

func (a *anySource) Write(b []byte) (int, error) { return a.WriteToUDP(b, a.to) }
