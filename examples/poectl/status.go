package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"

	"github.com/mythic-beasts/hostkit/poe"
)

// portReport is a port in the output of status.
type portReport struct {
	Machine string `json:"machine,omitempty"`
	Switch  string `json:"switch"`
	poe.PortStatus
}

// report is the output of status.
type report struct {
	Ports    []portReport            `json:"ports"`
	Supplies map[string][]poe.Budget `json:"supplies"` // by switch
}

func statusCommand(ctx context.Context, a *app, args []string) error {
	asJSON := false
	names, err := a.Flags(args, "[-json] [NAME...]", 0, -1, func(fs *flag.FlagSet) {
		fs.BoolVar(&asJSON, "json", false, "as JSON, for programs")
	})
	if err != nil {
		return err
	}
	r, err := a.rack()
	if err != nil {
		return err
	}
	defer r.close()
	rep, err := r.report(ctx, names)
	if asJSON {
		enc := json.NewEncoder(a.Stdout)
		enc.SetIndent("", "  ")
		return errors.Join(enc.Encode(rep), err)
	}
	return errors.Join(rep.table(a.Stdout), err)
}

// report asks for some ports, or for all of all switches. What could be read is
// in it, whatever the error.
func (r *rack) report(ctx context.Context, names []string) (*report, error) {
	rep := &report{Ports: []portReport{}, Supplies: map[string][]poe.Budget{}}
	if len(names) == 0 {
		return rep, r.reportAll(ctx, rep)
	}
	targets, err := r.targets(names)
	if err != nil {
		return rep, err
	}
	for _, t := range targets {
		st, serr := r.switches[t.sw].Port(ctx, t.port)
		if serr != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", t, serr))
			continue
		}
		rep.Ports = append(rep.Ports, portReport{t.machine, t.sw, st})
	}
	return rep, err
}

func (r *rack) reportAll(ctx context.Context, rep *report) error {
	var (
		wg   sync.WaitGroup
		errs = make([]error, len(r.config.Switches))
		all  = make([][]portReport, len(r.config.Switches))
		mu   sync.Mutex // guards rep.Supplies
	)
	for i, s := range r.config.Switches {
		wg.Go(func() {
			sw := r.switches[s.Name]
			ports, err := sw.Ports(ctx)
			if err != nil {
				errs[i] = fmt.Errorf("switch %s: %w", s.Name, err)
				return
			}
			for _, st := range ports {
				all[i] = append(all[i], portReport{r.machineAt(s.Name, st.Name), s.Name, st})
			}
			budgets, err := sw.Budgets(ctx)
			if err != nil && !errors.Is(err, errors.ErrUnsupported) {
				errs[i] = fmt.Errorf("switch %s: %w", s.Name, err)
			}
			mu.Lock()
			defer mu.Unlock()
			rep.Supplies[s.Name] = budgets
		})
	}
	wg.Wait()
	rep.Ports = append(rep.Ports, slices.Concat(all...)...)
	return errors.Join(errs...)
}

// table writes what people read.
func (rep *report) table(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "SWITCH\tPORT\tMACHINE\tPOWER\tSTATE\tCLASS\tWATTS\tFAULTS")
	for _, p := range rep.Ports {
		admin := "off"
		if p.Admin {
			admin = "on"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", p.Switch, p.Name, orDash(p.Machine), admin, p.Detection,
			class(p.Class), watts(p.PortStatus), orDash(faults(p.Counters)))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(rep.Supplies)) {
		for _, b := range rep.Supplies[name] {
			state := ""
			if b.Faulty {
				state = ", faulty"
			}
			fmt.Fprintf(w, "%s supply %d: %v of %v%s\n", name, b.Group, b.Used, b.Nominal, state)
		}
	}
	return nil
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func class(n int) string {
	if n < 0 {
		return "-"
	}
	return fmt.Sprint(n)
}

// watts are of use only while there is power.
func watts(st poe.PortStatus) string {
	if !st.Delivering() {
		return "-"
	}
	return st.Power.String()
}

// faults are the counters that are not zero.
func faults(c poe.Counters) string {
	var parts []string
	for _, f := range []struct {
		n    uint32
		what string
	}{
		{c.Denied, "denied"}, {c.Overload, "overload"}, {c.Short, "short"},
		{c.InvalidSignature, "invalid-signature"}, {c.MPSAbsent, "unplugged"},
	} {
		if f.n > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", f.what, f.n))
		}
	}
	return strings.Join(parts, ", ")
}
