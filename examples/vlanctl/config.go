package main

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
	"github.com/mythic-beasts/hostkit/vlan"
	"github.com/mythic-beasts/hostkit/vlan/render"
)

// config is vlanctl.toml.
type config struct {
	Plan       string         `toml:"plan"`
	Private    netip.Prefix   `toml:"private"`
	VLANs      vlan.Range     `toml:"vlans"`
	Reserved   vlan.VIDs      `toml:"reserved"`
	Native     vlan.VID       `toml:"native"`
	Management vlan.VID       `toml:"management"`
	InUse      []netip.Prefix `toml:"in_use"`

	Public     publicConfig  `toml:"public"`
	FileServer serverConfig  `toml:"file_server"`
	Limits     limitsConfig  `toml:"limits"`
	Render     renderConfig  `toml:"render"`
	Shelves    []shelfConfig `toml:"shelf"`
	Pins       []pinConfig   `toml:"pin"`

	spec vlan.Spec // what all this asks for
}

// publicConfig is [public].
type publicConfig struct {
	VLAN      vlan.VID     `toml:"vlan"`
	Prefix    netip.Prefix `toml:"prefix"`
	Base      netip.Addr   `toml:"base"`
	Gateway   netip.Addr   `toml:"gateway"`
	Numbering string       `toml:"numbering"`
}

// serverConfig is [file_server].
type serverConfig struct {
	Iface      string `toml:"interface"`
	ExportRoot string `toml:"export_root"`
}

// limitsConfig is [limits], and those of one switch.
type limitsConfig struct {
	VLANs     int      `toml:"vlans"`
	Instances int      `toml:"instances"`
	MaxVID    vlan.VID `toml:"max_vid"`
}

// renderConfig is [render].
type renderConfig struct {
	Forwarding bool              `toml:"forwarding"`
	Networkd   map[string]string `toml:"networkd_parents"`
	NFSOptions string            `toml:"nfs_options"`
	Cmdline    []string          `toml:"cmdline"`
	Bridge     string            `toml:"bridge"`
	ISL        bool              `toml:"isl"`
	RAGuard    bool              `toml:"ra_guard"`
}

// shelfConfig is one [[shelf]].
type shelfConfig struct {
	Name     string         `toml:"name"`
	VLANs    vlan.Range     `toml:"vlans"`
	Private  netip.Prefix   `toml:"private"`
	Switches []switchConfig `toml:"switch"`
	Pis      []piConfig     `toml:"pi"`
	Rows     []rowConfig    `toml:"row"`
}

// switchConfig is one [[shelf.switch]].
type switchConfig struct {
	Name         string       `toml:"name"`
	Family       string       `toml:"family"`
	Uplink       uplinkConfig `toml:"uplink"`
	Router       string       `toml:"router"`
	RouterTagged bool         `toml:"router_tagged"`
	Unused       []string     `toml:"unused"`
	Limits       limitsConfig `toml:"limits"`
	Driver       driverConfig `toml:"driver"`
}

// uplinkConfig is [shelf.switch.uplink].
type uplinkConfig struct {
	Port      string   `toml:"port"`
	Members   []string `toml:"members"`
	To        string   `toml:"to"`
	ToPort    string   `toml:"to_port"`
	ToMembers []string `toml:"to_members"`
	Iface     string   `toml:"interface"`
}

// piConfig is one [[shelf.pi]].
type piConfig struct {
	Name   string `toml:"name"`
	Switch string `toml:"switch"`
	Port   string `toml:"port"`
	Slot   int    `toml:"slot"`
}

// rowConfig is one [[shelf.row]]: Pis that are numbered as their ports are.
type rowConfig struct {
	Name   string `toml:"name"`
	Switch string `toml:"switch"`
	Port   string `toml:"port"`
	First  int    `toml:"first"`
	Last   int    `toml:"last"`
	Offset int    `toml:"port_offset"`
}

// pinConfig is one [[pin]].
type pinConfig struct {
	Name string       `toml:"name"`
	VLAN vlan.VID     `toml:"vlan"`
	Net  netip.Prefix `toml:"net"`
}

func loadConfig(path string) (*config, error) {
	return daemon.Load(path, (*config).check)
}

// check finds what is wrong, fills in defaults, and makes the specification.
func (c *config) check() error {
	var errs []error
	add := func(key string, err error) { errs = append(errs, daemon.Field(key, err)) }
	c.Plan = cmp.Or(c.Plan, "/var/lib/vlanctl/plan.json")
	if !filepath.IsAbs(c.Plan) {
		add("plan", fmt.Errorf("%q is not an absolute path", c.Plan))
	}
	add("public.numbering", c.Public.check())
	for i := range c.Shelves {
		s := &c.Shelves[i]
		for j := range s.Rows {
			add(fmt.Sprintf("shelf[%d].row[%d]", i, j), s.Rows[j].check())
		}
		for j := range s.Switches {
			add(fmt.Sprintf("shelf[%d].switch[%d]", i, j), s.Switches[j].check())
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	c.spec = c.makeSpec()
	_, err := vlan.Build(c.spec, nil)
	return err
}

func (p publicConfig) check() error {
	if !slices.Contains([]string{"", "decimal", "hex"}, p.Numbering) {
		return fmt.Errorf("%q is neither decimal nor hex", p.Numbering)
	}
	return nil
}

// mostPis is how many a row has at the most, as there are no more VLANs.
const mostPis = int(vlan.MaxVID)

func (r rowConfig) check() error {
	switch {
	case strings.Count(r.Name, "%d") != 1 || strings.Count(r.Name, "%") != 1:
		return fmt.Errorf("name %q has no place for the number: pi%%d", r.Name)
	case strings.Count(r.Port, "%d") != 1 || strings.Count(r.Port, "%") != 1:
		return fmt.Errorf("port %q has no place for the number: 1/0/%%d", r.Port)
	case r.First < 0 || r.Last < r.First || r.Last-r.First >= mostPis:
		return fmt.Errorf("first %d and last %d are no numbers of Pis", r.First, r.Last)
	case r.First+r.Offset < 0:
		return fmt.Errorf("port_offset %d leads to ports below 0", r.Offset)
	}
	return nil
}

func (s *switchConfig) check() error {
	if s.Family != "" && !slices.Contains(families(), s.Family) {
		return fmt.Errorf("family %q is none of %s", s.Family, strings.Join(families(), ", "))
	}
	return s.Driver.check()
}

// families are the targets that are switches.
func families() []string {
	return slices.DeleteFunc(render.Targets(), func(name string) bool {
		return strings.HasPrefix(name, "pi-") || slices.Contains(serverTargets, name)
	})
}

// serverTargets are the targets for the file server.
var serverTargets = []string{"exports", "ifupdown", "netplan", "networkd", "nftables", "sysctl"}

// options are those for texts.
func (r renderConfig) options() render.Options {
	return render.Options{
		Forwarding: r.Forwarding, NetworkdParents: r.Networkd, NFSOptions: r.NFSOptions, Cmdline: r.Cmdline,
		Bridge: r.Bridge, ISL: r.ISL, RAGuard: r.RAGuard,
	}
}
