package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
	"github.com/mythic-beasts/hostkit/nfsroot"
	"github.com/mythic-beasts/hostkit/nfsroot/bootparam"
)

// config is nfsroot.toml.
type config struct {
	Farm  string `toml:"farm"`
	Boot  string `toml:"boot"`
	Keys  string `toml:"keys"`
	Cache string `toml:"cache"`

	Clone       string          `toml:"clone"`
	Keep        int             `toml:"keep"`
	ConfirmIn   daemon.Duration `toml:"confirm_in"`
	Init        string          `toml:"init"`
	Authorized  []string        `toml:"authorized_keys"`
	Nameservers []netip.Addr    `toml:"dns"`

	Root     rootConfig      `toml:"root"`
	Machines []machineConfig `toml:"machine"`
}

// rootConfig is [root], the base that every machine has a clone of.
type rootConfig struct {
	Suite     string    `toml:"suite"`
	Arch      string    `toml:"arch"`
	Packages  []string  `toml:"packages"`
	Snapshot  time.Time `toml:"snapshot"`
	Keyring   string    `toml:"keyring"`
	Mirror    string    `toml:"mirror"`
	Files     string    `toml:"files"`
	HWDB      bool      `toml:"hwdb"`
	Backend   string    `toml:"backend"`
	Kernel    string    `toml:"kernel"`
	Modules   []string  `toml:"modules"`
	Initramfs []string  `toml:"initramfs_modules"`
}

// machineConfig is one [[machine]].
type machineConfig struct {
	Name    string       `toml:"name"`
	Model   string       `toml:"model"`
	Address netip.Prefix `toml:"address"`
	Server  netip.Addr   `toml:"server"`
	Gateway netip.Addr   `toml:"gateway"`
	NFS     string       `toml:"nfs_version"`
	Console []string     `toml:"console"`
	Extra   []string     `toml:"cmdline"`
	Public  *public      `toml:"public"`
}

// public is [machine.public], the VLAN that the world sees.
type public struct {
	VLAN      uint16         `toml:"vlan"`
	Addresses []netip.Prefix `toml:"addresses"`
	Gateway   netip.Addr     `toml:"gateway"`
}

func loadConfig(path string) (*config, error) {
	return daemon.Load(path, (*config).check)
}

// check finds what is wrong, and fills in defaults.
func (c *config) check() error {
	var errs []error
	add := func(key string, err error) { errs = append(errs, daemon.Field(key, err)) }
	for _, f := range []struct {
		key   string
		value *string
		or    string
	}{
		{"farm", &c.Farm, "/srv/nfs"},
		{"boot", &c.Boot, "/srv/boot"},
		{"keys", &c.Keys, "/var/lib/nfsroot/keys"},
		{"cache", &c.Cache, "/var/cache/nfsroot"},
	} {
		if *f.value == "" {
			*f.value = f.or
		}
		if !filepath.IsAbs(*f.value) {
			add(f.key, fmt.Errorf("%q is not an absolute path", *f.value))
		}
	}
	if !slices.Contains([]string{"", "auto", "btrfs", "overlay", "reflink", "copy"}, c.Clone) {
		add("clone", fmt.Errorf("%q is not one of auto, btrfs, overlay, reflink and copy", c.Clone))
	}
	if c.Keep < 0 {
		add("keep", fmt.Errorf("%d is negative", c.Keep))
	}
	add("root", c.Root.check())
	names := make(map[string]bool)
	for i := range c.Machines {
		m := &c.Machines[i]
		add(fmt.Sprintf("machine[%d]", i), m.check(names[m.Name]))
		names[m.Name] = true
	}
	return errors.Join(errs...)
}

func (r *rootConfig) check() error {
	switch r.Backend {
	case "", "mmdebstrap", "debootstrap":
	default:
		return fmt.Errorf("backend %q is neither mmdebstrap nor debootstrap", r.Backend)
	}
	if r.Files != "" {
		info, err := os.Stat(r.Files)
		if err != nil {
			return fmt.Errorf("files: %w", err)
		}
		if !info.IsDir() {
			return fmt.Errorf("files %q is not a folder", r.Files)
		}
	}
	return r.spec().Validate()
}

// spec is the root as the builder takes it.
func (r *rootConfig) spec() nfsroot.Spec {
	suite, arch := r.Suite, nfsroot.Arch(r.Arch)
	if suite == "" {
		suite = "trixie"
	}
	if arch == "" {
		arch = nfsroot.ARM64
	}
	spec := nfsroot.Minimal(suite, arch)
	spec.Packages = append(spec.Packages, r.Packages...)
	spec.Trim.HWDB = !r.HWDB
	spec.Snapshot, spec.Keyring = r.Snapshot, r.Keyring
	if r.Mirror != "" {
		spec.Mirrors = r.mirrors(suite)
	}
	if r.Files != "" {
		spec.Files = os.DirFS(r.Files)
	}
	spec.Kernel = &nfsroot.Kernel{Package: r.kernelPackage(arch), Modules: r.modules()}
	return spec
}

// defaultModules are for what a hosted machine is likely to do: VLANs, filters,
// tunnels, bridges and containers.
var defaultModules = []string{
	"8021q", "br_netfilter", "bridge", "dummy", "fuse", "loop",
	"nf_tables", "nft_ct", "nft_limit", "nft_log", "nft_masq", "nft_nat", "nft_reject_inet",
	"nfsv3", "nfsv4", "overlay", "tun", "veth", "wireguard",
}

// modules are those of the root; nil is all that the kernel has.
func (r *rootConfig) modules() []string {
	if slices.Contains(r.Modules, "all") {
		return nil
	}
	return append(slices.Clone(defaultModules), r.Modules...)
}

// defaultKernels are the metapackages that a kernel comes from by default.
var defaultKernels = map[nfsroot.Arch]string{
	nfsroot.AMD64: "linux-image-amd64",
	nfsroot.ARM64: "linux-image-arm64",
	nfsroot.ARMHF: "linux-image-armmp",
}

func (r *rootConfig) kernelPackage(arch nfsroot.Arch) string {
	return cmp.Or(r.Kernel, defaultKernels[arch])
}

// mirrors are those of a suite at another base than Debian's own.
func (r *rootConfig) mirrors(suite string) []nfsroot.Mirror {
	all := nfsroot.DebianMirrors(suite, time.Time{})
	for i := range all {
		if !strings.HasSuffix(all[i].URL, "-security") {
			all[i].URL = r.Mirror
		}
	}
	return all
}

func (m *machineConfig) check(double bool) error {
	switch {
	case double:
		return fmt.Errorf("name %q is that of another machine", m.Name)
	case !m.Address.IsValid() || !m.Address.Addr().Is4():
		return fmt.Errorf(`address is not an IPv4 address with its network's prefix length, such as "10.80.0.66/30"`)
	case !m.Server.Is4():
		return errors.New("server is not the IPv4 address of the NFS server")
	}
	if m.NFS == "" {
		m.NFS = "4.1" // by 4.2 trixie's kernel cannot read from nfs-ganesha 4
	}
	if _, err := bootparam.ParseVersion(m.NFS); err != nil {
		return err
	}
	if err := checkModel(m.Model); err != nil {
		return err
	}
	return m.identity(&config{}).Validate()
}

// machine returns the machine of that name.
func (c *config) machine(name string) (*machineConfig, error) {
	for i := range c.Machines {
		if c.Machines[i].Name == name {
			return &c.Machines[i], nil
		}
	}
	return nil, fmt.Errorf("no [[machine]] is named %q: %w", name, fs.ErrNotExist)
}

// machines returns those that are named, or all.
func (c *config) machines(names []string) ([]*machineConfig, error) {
	var all []*machineConfig
	if len(names) == 0 {
		for i := range c.Machines {
			all = append(all, &c.Machines[i])
		}
		return all, nil
	}
	for _, name := range names {
		m, err := c.machine(name)
		if err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return all, nil
}
