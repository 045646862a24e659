package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"text/tabwriter"

	"github.com/mythic-beasts/hostkit/vlan"
)

// planCommand gives new Pis their numbers.
func planCommand(_ context.Context, a *app, args []string) error {
	var dry, list bool
	if _, err := a.Flags(args, "[-n] [-list]", 0, 0, func(fs *flag.FlagSet) {
		fs.BoolVar(&dry, "n", false, "only say what would change")
		fs.BoolVar(&list, "list", false, "list all Pis, not what changes")
	}); err != nil {
		return err
	}
	c, err := loadConfig(a.Config)
	if err != nil {
		return err
	}
	before, old, err := readPlan(c.Plan)
	if err != nil {
		return err
	}
	after, err := vlan.Build(c.spec, before)
	if err != nil {
		return err
	}
	if err := after.Verify(); err != nil {
		return err
	}
	if !dry {
		if err := writePlan(c.Plan, after, old); err != nil {
			return err
		}
	}
	if list {
		return listPis(a.Stdout, after.Pis)
	}
	return listChanges(a.Stdout, before, after)
}

// readPlan reads the plan, and its bytes. It is nil when there is none yet.
func readPlan(path string) (*vlan.Plan, []byte, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	p := new(vlan.Plan)
	if err := json.Unmarshal(text, p); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	return p, text, nil
}

// writePlan puts the plan in place of the old one whole, unless that is not the
// one any more that it was made from.
func writePlan(path string, p *vlan.Plan, old []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	temp, err := os.CreateTemp(filepath.Dir(path), ".plan-")
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name())
	_, err = p.WriteTo(temp)
	if err := errors.Join(err, temp.Chmod(0o644), temp.Sync(), temp.Close()); err != nil {
		return fmt.Errorf("write %s: %w", temp.Name(), err)
	}
	if now, err := os.ReadFile(path); !bytes.Equal(now, old) || err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s was changed meanwhile: run vlanctl plan again", path)
	}
	return os.Rename(temp.Name(), path)
}

// current is the plan, if it is that of the configuration.
func (c *config) current() (*vlan.Plan, error) {
	p, _, err := readPlan(c.Plan)
	if err != nil {
		return nil, err
	}
	if p == nil {
		return nil, fmt.Errorf("%s: there is no plan yet: run vlanctl plan", c.Plan)
	}
	again, err := vlan.Build(c.spec, p)
	if err != nil {
		return nil, err
	}
	have, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	want, err := json.Marshal(again)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(have, want) {
		return nil, fmt.Errorf("%s is not the plan of this configuration any more: run vlanctl plan", c.Plan)
	}
	return p, nil
}

// listPis prints a table.
func listPis(w io.Writer, pis []vlan.Pi) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "PI\tSHELF\tSLOT\tSWITCH\tPORT\tVLAN\tSERVER\tADDRESS\tPUBLIC")
	for _, pi := range pis {
		fmt.Fprintf(t, "%s\t%s\t%d\t%s\t%s\t%d\t%s\t%s\t%s\n", pi.Name, pi.Shelf, pi.Slot, pi.Switch, pi.Port, pi.VID,
			pi.Server, pi.Addr, publicText(pi))
	}
	return t.Flush()
}

func publicText(pi vlan.Pi) string {
	if !pi.Public.IsValid() {
		return "-"
	}
	return pi.Public.Addr().String()
}

// listChanges prints who is new, gone or changed.
func listChanges(w io.Writer, before, after *vlan.Plan) error {
	had := make(map[string]vlan.Pi)
	if before != nil {
		for _, pi := range before.Pis {
			had[pi.Name] = pi
		}
	}
	for _, pi := range after.Pis {
		old, there := had[pi.Name]
		delete(had, pi.Name)
		switch {
		case !there:
			fmt.Fprintf(w, "+ %s\n", piText(pi))
		case old != pi:
			fmt.Fprintf(w, "- %s\n+ %s\n", piText(old), piText(pi))
		}
	}
	if before != nil {
		for _, pi := range before.Pis {
			if _, gone := had[pi.Name]; gone {
				fmt.Fprintf(w, "- %s\n", piText(pi))
			}
		}
	}
	_, err := fmt.Fprintf(w, "%d Pis on %d switches\n", len(after.Pis), len(after.Switches))
	return err
}

func piText(pi vlan.Pi) string {
	return fmt.Sprintf("%s %s port %s VLAN %d %s %s", pi.Name, pi.Switch, pi.Port, pi.VID, pi.Net, publicText(pi))
}
