package main

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
	"github.com/mythic-beasts/hostkit/netboot"
)

// config is the configuration file. reference.toml says what each key means.
type config struct {
	Settings
	Pools    []poolConfig    `toml:"pool"`
	Machines []machineConfig `toml:"machine"`
}

// Settings are the server's own, which stay as they are until it is restarted.
type Settings struct {
	Interfaces []string       `toml:"interfaces"`
	Relays     []netip.Prefix `toml:"relays"`
	ProxyOnly  bool           `toml:"proxy_only"`
	IPv6       bool           `toml:"ipv6"`
	Journal    string         `toml:"journal"`
	Status     string         `toml:"status"`
	Cures      Cures          `toml:"cures"`
	TFTP       TFTP           `toml:"tftp"`
	HTTP       HTTP           `toml:"http"`
	Patience   Patience       `toml:"patience"`
	Etcd       etcdConfig     `toml:"etcd"`
}

// Cures are the switches of what makes faulty firmware boot. Each is on when
// it is not set.
type Cures struct {
	Nudge   *bool `toml:"nudge"`
	Pin     *bool `toml:"pin"`
	Confirm *bool `toml:"confirm"`
	RA      *bool `toml:"ra"`
}

// off reports whether a switch that is on by default was turned off.
func off(b *bool) bool { return b != nil && !*b }

// TFTP is the file server for boot firmware.
type TFTP struct {
	Listen       string          `toml:"listen"`
	MaxBlock     int             `toml:"max_block"`
	MaxWindow    int             `toml:"max_window"`
	MaxPerClient int             `toml:"max_per_client"`
	MaxTransfers int             `toml:"max_transfers"`
	RequestRate  float64         `toml:"request_rate"`
	GiveUp       daemon.Duration `toml:"give_up"`
	Drain        daemon.Duration `toml:"drain"`
}

// HTTP is the file server for firmware that boots by HTTP.
type HTTP struct {
	Listen    string `toml:"listen"`
	URL       string `toml:"url"`
	Transfers int    `toml:"max_transfers"`
	PerClient int    `toml:"max_per_client"`
}

// Patience is how long a boot may stand still before it counts as stalled.
type Patience struct {
	Offer  daemon.Duration `toml:"offer"`
	Step   daemon.Duration `toml:"step"`
	GiveUp daemon.Duration `toml:"give_up"`
	Kernel daemon.Duration `toml:"kernel"`
}

func (p Patience) netboot() netboot.Patience {
	return netboot.Patience{
		Offer: time.Duration(p.Offer), Step: time.Duration(p.Step),
		GiveUp: time.Duration(p.GiveUp), Kernel: time.Duration(p.Kernel),
	}
}

// Defaults, where systemd does not say otherwise.
const (
	defaultStatus = "/run/netbootd/status.sock"
	defaultTFTP   = ":69"
	defaultDrain  = 5 * time.Second
)

// check finds what is wrong, and fills in defaults.
func (c *config) check() error {
	s := &c.Settings
	s.Status = cmp.Or(s.Status, inFirstOf("RUNTIME_DIRECTORY", "status.sock"), defaultStatus)
	s.Journal = cmp.Or(s.Journal, inFirstOf("STATE_DIRECTORY", "leases"))
	s.TFTP.Listen = cmp.Or(s.TFTP.Listen, defaultTFTP)
	s.TFTP.Drain = cmp.Or(s.TFTP.Drain, daemon.Duration(defaultDrain))
	_, err := c.static()
	return errors.Join(s.check(), err)
}

// inFirstOf is a file in a directory that systemd made: the first of the
// variable's list. It is "" when there is none.
func inFirstOf(variable, file string) string {
	dir, _, _ := strings.Cut(os.Getenv(variable), ":")
	if dir == "" {
		return ""
	}
	return filepath.Join(dir, file)
}

func (s *Settings) check() error {
	var p problems
	if len(s.Interfaces) == 0 {
		p.add("interfaces", `must name at least one interface or pattern, such as "eth0.*"`)
	}
	for i, pattern := range s.Interfaces {
		if _, err := path.Match(pattern, ""); err != nil || pattern == "" {
			p.add(fmt.Sprintf("interfaces[%d]", i), "is not a name or a pattern of * ? [a-z]")
		}
	}
	for key, n := range map[string]float64{
		"tftp.max_block": float64(s.TFTP.MaxBlock), "tftp.max_window": float64(s.TFTP.MaxWindow),
		"tftp.max_per_client": float64(s.TFTP.MaxPerClient), "tftp.max_transfers": float64(s.TFTP.MaxTransfers),
		"tftp.request_rate": s.TFTP.RequestRate, "tftp.give_up": float64(s.TFTP.GiveUp), "tftp.drain": float64(s.TFTP.Drain),
		"http.max_transfers": float64(s.HTTP.Transfers), "http.max_per_client": float64(s.HTTP.PerClient),
	} {
		if n < 0 {
			p.add(key, "must not be negative")
		}
	}
	if b := s.TFTP.MaxBlock; b > 0 && (b < 512 || b > 65464) {
		p.add("tftp.max_block", "must be 512 to 65464 bytes (RFC 2348)")
	}
	p.url("http.url", s.HTTP.URL)
	return errors.Join(p.err(), s.Etcd.check())
}

// match says whether an interface is one of ours.
func (s *Settings) match(name string) bool {
	return slices.ContainsFunc(s.Interfaces, func(pattern string) bool {
		ok, _ := path.Match(pattern, name)
		return ok
	})
}

// changed names the settings that differ, as they are written in the file.
func (s *Settings) changed(to *Settings) []string {
	var keys []string
	old, now := reflect.ValueOf(s).Elem(), reflect.ValueOf(to).Elem()
	for i := range old.NumField() {
		if !reflect.DeepEqual(old.Field(i).Interface(), now.Field(i).Interface()) {
			keys = append(keys, old.Type().Field(i).Tag.Get("toml"))
		}
	}
	return keys
}
