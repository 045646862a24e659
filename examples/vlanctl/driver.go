package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"

	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
	"github.com/mythic-beasts/hostkit/vlan"
	"github.com/mythic-beasts/hostkit/vlan/linuxbridge"
	"github.com/mythic-beasts/hostkit/vlan/ovs"
	"github.com/mythic-beasts/hostkit/vlan/qbridge"
)

// driverConfig is [shelf.switch.driver]: how a switch is read and changed.
type driverConfig struct {
	Kind     string `toml:"kind"`
	Bridge   string `toml:"bridge"`
	Database string `toml:"database"`

	Address   string        `toml:"address"`
	Community daemon.Secret `toml:"community"`
	ReadOnly  daemon.Secret `toml:"read_community"`
	User      string        `toml:"user"`
	Auth      string        `toml:"auth"`
	AuthPass  daemon.Secret `toml:"auth_pass"`
	Priv      string        `toml:"priv"`
	PrivPass  daemon.Secret `toml:"priv_pass"`
	EngineID  string        `toml:"engine_id"`
}

func (d driverConfig) check() error {
	switch d.Kind {
	case "":
		return nil
	case "ovs", "linuxbridge":
		if d.Bridge == "" {
			return fmt.Errorf("driver %s has no bridge", d.Kind)
		}
		return nil
	case "qbridge":
		if d.Address == "" {
			return errors.New("driver qbridge has no address")
		}
		_, err := d.credentials()
		return err
	}
	return fmt.Errorf("driver %q is none of ovs, qbridge and linuxbridge", d.Kind)
}

// use opens a switch, and closes it when fn is done.
func (s *switchConfig) use(ctx context.Context, log *slog.Logger, fn func(vlan.Driver) error) error {
	d := s.Driver
	switch d.Kind {
	case "ovs":
		return fn(&ovs.Switch{Bridge: d.Bridge, Database: d.Database})
	case "linuxbridge":
		return fn(&linuxbridge.Switch{Bridge: d.Bridge})
	case "qbridge":
		credentials, err := d.credentials()
		if err != nil {
			return err
		}
		sw, err := qbridge.Dial(ctx, qbridge.Config{Addr: d.Address, Credentials: credentials, Log: log})
		if err != nil {
			return err
		}
		return errors.Join(fn(sw), sw.Close())
	}
	return fmt.Errorf("%s has no [shelf.switch.driver]: give it the text of vlanctl render by hand", s.Name)
}

// authNames and privNames are as net-snmp writes them.
var (
	authNames = map[string]qbridge.V3{
		"SHA": {Auth: qbridge.SHA1}, "SHA-224": {Auth: qbridge.SHA224}, "SHA-256": {Auth: qbridge.SHA256},
		"SHA-384": {Auth: qbridge.SHA384}, "SHA-512": {Auth: qbridge.SHA512},
	}
	privNames = map[string]qbridge.V3{
		"AES": {Priv: qbridge.AES}, "AES-192": {Priv: qbridge.AES192}, "AES-256": {Priv: qbridge.AES256},
	}
)

func (d driverConfig) credentials() (c qbridge.Credentials, err error) {
	if d.User == "" {
		if d.Community.Empty() {
			return c, errors.New("driver qbridge has neither a user nor a community")
		}
		c.V2c = qbridge.V2c{Read: qbridge.Secret(d.ReadOnly.Reveal()), Write: qbridge.Secret(d.Community.Reveal())}
		return c, nil
	}
	auth, ok := authNames[d.Auth]
	if !ok {
		return c, fmt.Errorf("auth %q is none of SHA, SHA-224, SHA-256, SHA-384 and SHA-512", d.Auth)
	}
	priv, ok := privNames[d.Priv]
	if !ok {
		return c, fmt.Errorf("priv %q is none of AES, AES-192 and AES-256", d.Priv)
	}
	engine, err := hex.DecodeString(d.EngineID)
	if err != nil {
		return c, fmt.Errorf("engine_id %q is not hexadecimal", d.EngineID)
	}
	c.V3 = qbridge.V3{
		User: d.User, Auth: auth.Auth, AuthPass: qbridge.Secret(d.AuthPass.Reveal()),
		Priv: priv.Priv, PrivPass: qbridge.Secret(d.PrivPass.Reveal()), EngineID: engine,
	}
	return c, nil
}
