package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// comparison is certificates from a fresh authority for each client, in turns.
type comparison struct {
	job
	goals goals
}

// goals are ratios that are asked for, and goroutines for each certificate. Zero is
// none.
type goals struct{ faster, allocations, bytes, goroutines float64 }

var (
	hundred  = comparison{job{Certificates: 100, AtOnce: 100, Names: 1}, goals{20, 0.5, 0.5, 3}}
	thousand = comparison{job{Certificates: 1000, AtOnce: 1000, Names: 1}, goals{faster: 2.5, goroutines: 3}}
	thirty   = comparison{job{Certificates: 1, AtOnce: 1, Names: 30}, goals{faster: 500}}
)

var clients = []string{"ours", "lego"}

// compare runs all in turns, and prints medians.
func (c comparison) compare(ctx context.Context, rounds int, profiles string) error {
	costs := map[string][]cost{}
	for round := range rounds {
		for i := range clients {
			name := clients[(i+round)%len(clients)]
			got, err := c.once(ctx, name, faultKnobs{}, profiles)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			costs[name] = append(costs[name], got)
		}
	}
	for _, name := range clients {
		printCosts(name, costs[name])
	}
	c.printRatios(costs["ours"], costs["lego"])
	return nil
}

// once is one client's run against an authority of its own.
func (j job) once(ctx context.Context, client string, knobs faultKnobs, profiles string) (cost, error) {
	end, w, err := startServer(ctx, knobs)
	if err != nil {
		return cost{}, fmt.Errorf("server: %w", err)
	}
	j.World = *w
	if profiles != "" {
		j.Profile = filepath.Join(profiles, client)
	}
	var got cost
	err = runSelf(ctx, client, j, &got)
	return got, errors.Join(err, end())
}

func self(ctx context.Context, what string, arg any) (*exec.Cmd, error) {
	path, err := os.Executable()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(arg)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, path, "-inside", what, string(text))
	cmd.Stderr = os.Stderr
	return cmd, nil
}

// runSelf runs this program as a client to its end.
func runSelf(ctx context.Context, what string, arg, out any) error {
	cmd, err := self(ctx, what, arg)
	if err != nil {
		return err
	}
	text, err := cmd.Output()
	if err != nil {
		return err
	}
	return json.Unmarshal(text, out)
}

// startServer runs this program as an authority, until end.
func startServer(ctx context.Context, knobs faultKnobs) (end func() error, w *world, err error) {
	cmd, err := self(ctx, "server", knobs)
	if err != nil {
		return nil, nil, err
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, nil, err
	}
	end = func() error { return errors.Join(in.Close(), cmd.Wait()) }
	line, err := bufio.NewReader(out).ReadString('\n')
	if err == nil {
		w = new(world)
		err = json.Unmarshal([]byte(line), w)
	}
	if err != nil {
		return nil, nil, errors.Join(err, end())
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	return end, w, nil
}

func printCosts(name string, costs []cost) {
	of := func(part func(cost) float64) float64 { return median(each(costs, part)) }
	fmt.Printf("  %-17s %8.3f s, %6.0f allocations, %4.0f kB and %4.1f goroutines a certificate, %g failed\n", name,
		of(seconds), of(allocations), of(bytes)/1000, slices.Max(each(costs, goroutines)), slices.Max(each(costs, failed)))
	for _, c := range costs {
		if c.Failed > 0 {
			fmt.Printf("    %d failed: %s\n", c.Failed, c.FirstError)
			return
		}
	}
}

func seconds(c cost) float64     { return c.Seconds }
func allocations(c cost) float64 { return c.Allocations }
func bytes(c cost) float64       { return c.Bytes }
func goroutines(c cost) float64  { return c.Goroutines }
func failed(c cost) float64      { return float64(c.Failed) }

func (c comparison) printRatios(ours, theirs []cost) {
	inverse := ratios(theirs, ours, seconds)
	fmt.Printf("  %s times faster%s", spread(inverse), goal("at least", c.goals.faster, median(inverse) >= c.goals.faster))
	for _, part := range []struct {
		name string
		of   func(cost) float64
		goal float64
	}{{"allocations", allocations, c.goals.allocations}, {"bytes", bytes, c.goals.bytes}} {
		r := ratios(ours, theirs, part.of)
		fmt.Printf(", %s of the %s%s", spread(r), part.name, goal("at most", part.goal, median(r) <= part.goal))
	}
	g := slices.Max(each(ours, goroutines))
	fmt.Printf(", %.2f goroutines%s\n", g, goal("at most", c.goals.goroutines, g <= c.goals.goroutines))
}

// goal is what was asked for, and whether it is so.
func goal(how string, want float64, reached bool) string {
	if want == 0 {
		return ""
	}
	return fmt.Sprintf(" (goal: %s %g: %s)", how, want, map[bool]string{true: "yes", false: "NO"}[reached])
}

// ratios are those of the rounds.
func ratios(a, b []cost, of func(cost) float64) []float64 {
	r := make([]float64, len(a))
	for i := range a {
		r[i] = of(a[i]) / of(b[i])
	}
	return r
}

// spread is the median, with the least and the greatest.
func spread(v []float64) string {
	if len(v) == 1 {
		return fmt.Sprintf("%.3g", v[0])
	}
	return fmt.Sprintf("%.3g (%.3g to %.3g)", median(v), slices.Min(v), slices.Max(v))
}

func each(costs []cost, of func(cost) float64) []float64 {
	out := make([]float64, len(costs))
	for i, c := range costs {
		out[i] = of(c)
	}
	return out
}

func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	if len(s) == 0 {
		return 0
	}
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

// load is how busy the machine is, by everything that runs on it.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "not known"
	}
	return strings.Fields(string(text))[0]
}
