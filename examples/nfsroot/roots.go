package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/mythic-beasts/hostkit/nfsroot"
	"github.com/mythic-beasts/hostkit/nfsroot/boottree"
	"github.com/mythic-beasts/hostkit/nfsroot/clone"
	"github.com/mythic-beasts/hostkit/nfsroot/farm"
	"github.com/mythic-beasts/hostkit/nfsroot/identity"
)

// farm opens the farm of the configuration.
func (a *app) farm(c *config) (*farm.Farm, error) {
	if err := os.MkdirAll(c.Farm, 0o755); err != nil {
		return nil, err
	}
	return farm.Open(c.Farm, c.farmOptions(a))
}

// open reads the configuration and opens its farm.
func (a *app) open() (*config, *farm.Farm, error) {
	c, err := a.load()
	if err != nil {
		return nil, nil, err
	}
	f, err := a.farm(c)
	return c, f, err
}

func (c *config) farmOptions(a *app) farm.Options {
	return farm.Options{
		Cloner:      cloners[c.Clone],
		Personalize: c.personalize,
		Keep:        c.Keep,
		BootTimeout: time.Duration(c.ConfirmIn),
		Log:         a.Log(),
	}
}

// cloners by their names in the configuration. The farm tries them itself when
// there is none.
var cloners = map[string]clone.Cloner{
	"btrfs":   clone.Btrfs{},
	"overlay": clone.Overlay{},
	"reflink": clone.Reflink{},
	"copy":    clone.Copy{},
}

// personalize makes a clone the root of the machine.
func (c *config) personalize(root *os.Root, name string) error {
	m, err := c.machine(name)
	if err != nil {
		return err
	}
	keys, err := identity.KeyStore{Dir: c.Keys}.Get(name)
	if err != nil {
		return err
	}
	id := m.identity(c)
	id.HostKeys, id.Clock = keys, time.Now()
	if id.Files, err = c.firmwareFiles(m); err != nil {
		return err
	}
	return identity.Personalize(root, id)
}

// firmwareFiles keep an upgrade of a Pi's kernel, in its root, from writing the
// disk of the computer that it runs on into cmdline.txt.
func (c *config) firmwareFiles(m *machineConfig) (map[string][]byte, error) {
	arch := c.Root.spec().Arch
	if arch == nfsroot.AMD64 {
		return nil, nil
	}
	line, err := m.cmdline(arch, c.rootPath(m.Name))
	if err != nil {
		return nil, err
	}
	texts, err := boottree.RaspiFirmwareDefaults(line, nil)
	if err != nil {
		return nil, err
	}
	files := make(map[string][]byte)
	for name, text := range texts {
		files[name] = []byte(text)
	}
	return files, nil
}

// rootPath is where the farm will have a machine's root.
func (c *config) rootPath(name string) string { return filepath.Join(c.Farm, "serve", name, "root") }

// identity is what can be known of it without touching anything.
func (m *machineConfig) identity(c *config) identity.Identity {
	id := identity.Identity{Name: m.Name, AuthorizedKeys: c.Authorized, DNS: c.Nameservers}
	if m.Server.IsValid() {
		id.Hosts = []identity.Host{{Addr: m.Server, Names: []string{"nfs-server"}}}
	}
	if p := m.Public; p != nil {
		id.Public = &identity.Public{VLAN: p.VLAN, Addrs: p.Addresses, Gateway: p.Gateway}
	}
	return id
}

// eachPi calls fn for the machines that are named, or all, and reports what each
// came to. One that fails does not keep it from the others.
func (a *app) eachPi(ctx context.Context, names []string, done string, fn func(f *farm.Farm, c *config, m *machineConfig) error) error {
	c, f, err := a.open()
	if err != nil {
		return err
	}
	machines, err := c.machines(names)
	if err != nil {
		return err
	}
	var failed []error
	for _, m := range machines {
		if err := cmp.Or(ctx.Err(), fn(f, c, m)); err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", m.Name, err))
			continue
		}
		if done != "" {
			fmt.Fprintf(a.Stdout, "%s: %s\n", m.Name, done)
		}
	}
	return errors.Join(failed...)
}

// cloneCommand gives all machines that have none a root, many at the same time.
func cloneCommand(ctx context.Context, a *app, args []string) error {
	names, err := a.Flags(args, "[NAME...]", 0, -1, nil)
	if err != nil {
		return err
	}
	c, f, err := a.open()
	if err != nil {
		return err
	}
	machines, err := c.machines(names)
	if err != nil {
		return err
	}
	var missing []string
	for _, m := range machines {
		_, err := f.Get(m.Name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			missing = append(missing, m.Name)
		case err != nil:
			return err
		case len(names) > 0:
			return fmt.Errorf("%s has a root already; rebuild gives it a new one: %w", m.Name, fs.ErrExist)
		}
	}
	base, err := c.base()
	if err != nil {
		return err
	}
	begin := time.Now()
	if err := f.Add(ctx, base, missing...); err != nil {
		return err
	}
	fmt.Fprintf(a.Stdout, "%d new roots of %s in %s\n", len(missing), base, time.Since(begin).Round(time.Millisecond))
	return nil
}

func rebuildCommand(ctx context.Context, a *app, args []string) error {
	var cycle string
	names, err := a.Flags(args, "[-cycle COMMAND] NAME...", 1, -1, func(fs *flag.FlagSet) {
		fs.StringVar(&cycle, "cycle", "", "power cycle each machine by this `COMMAND` with its name after it")
	})
	if err != nil {
		return err
	}
	return a.eachPi(ctx, names, "has a new root, at its next boot", func(f *farm.Farm, c *config, m *machineConfig) error {
		base, err := c.base()
		if err != nil {
			return err
		}
		if _, err := f.Rebuild(ctx, m.Name, base); err != nil || cycle == "" {
			return err
		}
		return a.powerCycle(ctx, cycle, m.Name)
	})
}

// powerCycle runs the operator's own command, by the shell.
func (a *app) powerCycle(ctx context.Context, command, name string) error {
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", command+` "$1"`, "cycle", name)
	cmd.Stdout, cmd.Stderr = a.Stderr, a.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("power cycle by %q: %w", command, err)
	}
	return nil
}

func confirmCommand(ctx context.Context, a *app, args []string) error {
	names, err := a.Flags(args, "NAME...", 1, -1, nil)
	if err != nil {
		return err
	}
	return a.eachPi(ctx, names, "confirmed", func(f *farm.Farm, _ *config, m *machineConfig) error {
		return f.Confirm(ctx, m.Name)
	})
}

func rollbackCommand(ctx context.Context, a *app, args []string) error {
	names, err := a.Flags(args, "NAME...", 1, -1, nil)
	if err != nil {
		return err
	}
	return a.eachPi(ctx, names, "is back at the root before, at its next boot", func(f *farm.Farm, _ *config, m *machineConfig) error {
		return f.Rollback(ctx, m.Name)
	})
}

func gcCommand(ctx context.Context, a *app, args []string) error {
	if _, err := a.Flags(args, "", 0, 0, nil); err != nil {
		return err
	}
	_, f, err := a.open()
	if err != nil {
		return err
	}
	return f.GC(ctx)
}

func statusCommand(_ context.Context, a *app, args []string) error {
	if _, err := a.Flags(args, "", 0, 0, nil); err != nil {
		return err
	}
	_, f, err := a.open()
	if err != nil {
		return err
	}
	states, err := f.Status()
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(a.Stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tROOT\tBASE\tSINCE\tBOOTED\tKEPT")
	for _, s := range states {
		g, err := s.Generation(s.Current)
		if err != nil {
			return fmt.Errorf("%s: %w", s.Name, err)
		}
		booted := "no"
		if !g.Confirmed.IsZero() {
			booted = g.Confirmed.Format(time.DateTime)
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%d\n", s.Name, s.Current, g.Base, s.Swapped.Format(time.DateTime), booted, len(s.Generations)-1)
	}
	return w.Flush()
}

func checkCommand(_ context.Context, a *app, args []string) error {
	if _, err := a.Flags(args, "", 0, 0, nil); err != nil {
		return err
	}
	c, err := a.load()
	if err != nil {
		return err
	}
	fmt.Fprintf(a.Stdout, "%s is good: %d machines\n", a.Config, len(c.Machines))
	return nil
}
