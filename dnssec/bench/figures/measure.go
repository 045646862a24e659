package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// command is a program that is measured, from its start to its end.
type command struct {
	name string
	run  *exec.Cmd
}

// ourselves is this program as the one that is measured.
func ourselves(what string, args ...string) command {
	self, err := os.Executable()
	if err != nil {
		self = os.Args[0]
	}
	return command{name: "ours", run: exec.Command(self, append([]string{"-inside", what}, args...)...)}
}

func named(name string, c command) command {
	c.name = name
	return c
}

// figure is what a run cost: time, time of all processors, and memory or octets.
type figure struct{ wall, cpu, size float64 }

// parts are those of a figure, in the order that they are printed in.
var parts = []func(figure) float64{
	func(f figure) float64 { return f.wall },
	func(f figure) float64 { return f.cpu },
	func(f figure) float64 { return f.size },
}

// comparison is what is measured together.
type comparison struct {
	title string
	// units are those of figures; empty means seconds, seconds and MB of memory.
	units    []string
	goals    []goal
	subjects []subject
}

// subject is what is measured in turns with others.
type subject struct {
	name string
	run  func(context.Context) (figure, error)
}

// subjects are those of the commands that the options name.
func (o *options) subjects(commands []command) []subject {
	var all []subject
	for _, c := range commands {
		if c.name == "ours" || o.programs.MatchString(c.name) {
			all = append(all, subject{c.name, c.once})
		}
	}
	return all
}

// once runs a command to its end.
func (c command) once(ctx context.Context) (figure, error) {
	cmd := exec.CommandContext(ctx, c.run.Path, c.run.Args[1:]...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.Dir = &said, &said, c.run.Dir
	start := time.Now()
	if err := cmd.Run(); err != nil {
		return figure{}, fmt.Errorf("%s: %w: %.1000q", c.name, err, said.String())
	}
	f := figure{wall: time.Since(start).Seconds(), size: peakMemory(cmd.ProcessState)}
	f.cpu = (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
	return f, nil
}

// goal is a ratio to a program that is asked for; zero is none.
type goal struct {
	program         string
	wall, cpu, size float64
}

// compare runs each in turns, and prints medians and the ratios of ours.
func (o *options) compare(ctx context.Context, c comparison) error {
	if c.units == nil {
		c.units = []string{"s wall", "s CPU", "MB"}
	}
	fmt.Printf("%s (load %s)\n", c.title, load())
	figures := map[string][]figure{}
	for range o.rounds {
		for _, s := range c.subjects {
			f, err := s.run(ctx)
			if err != nil {
				return err
			}
			figures[s.name] = append(figures[s.name], f)
		}
	}
	for _, s := range c.subjects {
		var line strings.Builder
		fmt.Fprintf(&line, "  %-17s", s.name)
		for i, part := range parts {
			fmt.Fprintf(&line, " %9.4g %s", median(each(figures[s.name], part)), c.units[i])
		}
		if s.name != "ours" {
			line.WriteString("; ours/this" + ratios(figures["ours"], figures[s.name]) + asked(c.goals, s.name))
		}
		fmt.Println(line.String())
	}
	return nil
}

// ratios are the medians of the rounds' ratios, with the least and the greatest.
func ratios(ours, theirs []figure) string {
	var b strings.Builder
	for _, part := range parts {
		var r []float64
		for i, f := range each(theirs, part) {
			if f > 0 {
				r = append(r, part(ours[i])/f)
			}
		}
		if len(r) == 0 {
			b.WriteString(" -")
			continue
		}
		fmt.Fprintf(&b, " %.3g (%.3g to %.3g)", median(r), slices.Min(r), slices.Max(r))
	}
	return b.String()
}

func asked(goals []goal, name string) string {
	i := slices.IndexFunc(goals, func(g goal) bool { return g.program == name })
	if i < 0 {
		return ""
	}
	var text strings.Builder
	text.WriteString(", goal")
	for _, v := range []float64{goals[i].wall, goals[i].cpu, goals[i].size} {
		if v == 0 {
			text.WriteString(" -")
		} else {
			fmt.Fprintf(&text, " %g", v)
		}
	}
	return text.String()
}

func each(figures []figure, of func(figure) float64) []float64 {
	out := make([]float64, len(figures))
	for i, f := range figures {
		out[i] = of(f)
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
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "not known"
	}
	return strings.Fields(string(b))[0]
}
