package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
	"github.com/mythic-beasts/hostkit/netboot"
)

// machineConfig is one [[machine]].
type machineConfig struct {
	Name string `toml:"name" json:"name"`

	Interface string `toml:"interface" json:"interface"`
	CircuitID string `toml:"circuit_id" json:"circuit_id"`
	Serial    string `toml:"serial" json:"serial"`
	MAC       string `toml:"mac" json:"mac"`

	Address netip.Prefix    `toml:"address" json:"address"`
	Pool    string          `toml:"pool" json:"pool"`
	Server  netip.Addr      `toml:"server" json:"server"`
	Gateway netip.Addr      `toml:"gateway" json:"gateway"`
	DNS     []netip.Addr    `toml:"dns" json:"dns"`
	Lease   daemon.Duration `toml:"lease" json:"lease"`

	Address6 netip.Prefix `toml:"address6" json:"address6"`
	Server6  netip.Addr   `toml:"server6" json:"server6"`

	Boot     *bool             `toml:"boot" json:"boot"`
	BootText string            `toml:"boot_text" json:"boot_text"`
	Loaders  map[string]string `toml:"loaders" json:"loaders"`
	HTTP     string            `toml:"http" json:"http"`
	HTTP6    string            `toml:"http6" json:"http6"`

	Files       []string `toml:"files" json:"files"`
	ConfigTXT   string   `toml:"config_txt" json:"config_txt"`
	CmdlineTXT  string   `toml:"cmdline_txt" json:"cmdline_txt"`
	Prefixes    []string `toml:"prefixes" json:"prefixes"`
	AllowUpdate bool     `toml:"allow_update" json:"allow_update"`
}

// poolConfig is one [[pool]].
type poolConfig struct {
	Name  string       `toml:"name" json:"name"`
	First netip.Prefix `toml:"first" json:"first"`
	Last  netip.Addr   `toml:"last" json:"last"`
}

// static returns the inventory that the file describes.
func (c *config) static() (*netboot.Static, error) {
	reservations, err := c.reservations()
	if err != nil {
		return nil, err
	}
	return netboot.NewStatic(reservations...)
}

// reservations are the machines that the file describes.
func (c *config) reservations() ([]netboot.Reservation, error) {
	pools, err := c.pools()
	errs := []error{err}
	taken := make(map[string]string)
	var reservations []netboot.Reservation
	for i := range c.Machines {
		m := &c.Machines[i]
		p := &problems{prefix: fmt.Sprintf("machine[%d]", i)}
		r := m.reservation(p, pools, c.HTTP.URL)
		m.checkTaken(p, taken)
		errs = append(errs, p.err())
		reservations = append(reservations, r)
	}
	return reservations, errors.Join(errs...)
}

func (c *config) pools() (map[string]netboot.Pool, error) {
	var errs []error
	pools := make(map[string]netboot.Pool)
	for i, pc := range c.Pools {
		p := &problems{prefix: fmt.Sprintf("pool[%d]", i)}
		pool := netboot.Pool{First: pc.First.Addr(), Last: pc.Last, Bits: pc.First.Bits()}
		switch _, double := pools[pc.Name]; {
		case pc.Name == "":
			p.add("name", "must not be empty")
		case double:
			p.add("name", "is the name of another pool")
		case !pc.First.Addr().Is4():
			p.add("first", "must be an IPv4 address with the network's prefix length, such as 10.81.0.10/24")
		case !pool.IsValid() || !pc.First.Masked().Contains(pc.Last):
			p.add("last", "must be an address at or after %s in the network %s", pc.First.Addr(), pc.First.Masked())
		}
		pools[pc.Name] = pool
		errs = append(errs, p.err())
	}
	return pools, errors.Join(errs...)
}

func (m *machineConfig) reservation(p *problems, pools map[string]netboot.Pool, httpURL string) netboot.Reservation {
	r := m.key(p)
	if m.HTTP != "" {
		httpURL = m.HTTP
	}
	p.url("http", m.HTTP)
	p.url("http6", m.HTTP6)
	if m.Name == "" {
		p.add("name", "must not be empty")
	}
	if m.Lease != 0 && time.Duration(m.Lease) < time.Minute {
		p.add("lease", "must be a minute or more")
	}
	r.Machine = netboot.Machine{
		Name: m.Name, Addr: m.Address, Pool: m.pool(p, pools),
		Server: m.Server, Gateway: m.Gateway, DNS: m.DNS, Lease: time.Duration(m.Lease),
		Addr6: m.Address6, Server6: m.Server6,
		Boot:  netboot.Boot{Disabled: off(m.Boot), Text: m.BootText, Loaders: m.loaders(p), HTTP: httpURL, HTTP6: m.HTTP6},
		Files: m.files(p), Prefixes: m.Prefixes, AllowUpdate: m.AllowUpdate,
	}
	m.checkAddress(p)
	return r
}

// key reads the one thing that the machine is recognised by.
func (m *machineConfig) key(p *problems) netboot.Reservation {
	r := netboot.Reservation{Interface: m.Interface, CircuitID: []byte(m.CircuitID)}
	keys := 0
	for _, value := range []string{m.Interface, m.CircuitID, m.Serial, m.MAC} {
		if value != "" {
			keys++
		}
	}
	if keys != 1 {
		p.add("", "set exactly one of interface, circuit_id, serial and mac, not %d", keys)
	}
	if digits, ok := strings.CutPrefix(m.CircuitID, "0x"); ok {
		id, err := hex.DecodeString(digits)
		if err != nil {
			p.add("circuit_id", "is not hexadecimal after 0x")
		}
		r.CircuitID = id
	}
	if m.Serial != "" {
		n, err := strconv.ParseUint(m.Serial, 16, 64)
		r.Serial = uint32(n) // a DISCOVER has the low half only
		if err != nil || r.Serial == 0 {
			p.add("serial", "is not a serial number of hexadecimal digits, as /proc/cpuinfo shows it")
		}
	}
	if m.MAC != "" {
		mac, err := net.ParseMAC(m.MAC)
		if err != nil || len(mac) != 6 {
			p.add("mac", "is not an Ethernet address such as b8:27:eb:64:24:7d")
		}
		r.MAC = mac
	}
	return r
}

func (m *machineConfig) pool(p *problems, pools map[string]netboot.Pool) netboot.Pool {
	if m.Pool == "" {
		return netboot.Pool{}
	}
	pool, ok := pools[m.Pool]
	if !ok {
		p.add("pool", "is not the name of a [[pool]]")
	}
	return pool
}

func (m *machineConfig) checkAddress(p *problems) {
	switch a := m.Address; {
	case a.IsValid() && m.Pool != "":
		p.add("pool", "must not be set beside address %s", a)
	case !a.IsValid() && m.Pool == "":
		p.add("address", `is missing: set it, as in "10.80.0.66/30", or pool`)
	case a.IsValid() && !a.Addr().Is4():
		p.add("address", "is not an IPv4 address")
	case a.IsValid() && a.Bits() < 31 && a.Addr() == a.Masked().Addr():
		p.add("address", "is the address of the network itself")
	case a.IsValid() && m.Gateway.IsValid() && !a.Contains(m.Gateway):
		p.add("gateway", "is not in the machine's network %s", a.Masked())
	}
	if m.Server.IsValid() && !m.Server.Is4() {
		p.add("server", "is not an IPv4 address")
	}
	if m.Address6.IsValid() && !m.Address6.Addr().Is6() {
		p.add("address6", "is not an IPv6 address")
	}
	if m.Server6.IsValid() && !m.Server6.Is6() {
		p.add("server6", "is not an IPv6 address")
	}
	for i, dns := range m.DNS {
		if !dns.Is4() {
			p.add(fmt.Sprintf("dns[%d]", i), "is not an IPv4 address")
		}
	}
}

// checkTaken finds what another machine has already. An address is not among
// it: on private networks it may be used again.
func (m *machineConfig) checkTaken(p *problems, taken map[string]string) {
	for _, k := range []struct{ key, value string }{
		{"name", m.Name}, {"interface", m.Interface}, {"circuit_id", m.CircuitID},
		{"serial", strings.ToLower(m.Serial)}, {"mac", strings.ToLower(m.MAC)},
	} {
		if k.value == "" {
			continue
		}
		id := k.key + " " + k.value
		if other, ok := taken[id]; ok {
			p.add(k.key, "is already that of machine %q", other)
		}
		taken[id] = m.Name
	}
}
