// Command packaging makes Debian packages of the programs of this repository, one
// each:
//
//	go run ./examples/packaging -o dist -version 0.1.0
//
// A package has the program, its unit, which is neither enabled nor started before
// somebody has written a configuration, manual pages for both, and the
// documented configuration as an example. It needs Go and what .ci/nfpm.mod names.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var j job
	fs := flag.NewFlagSet("packaging", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.Usage = func() {
		fmt.Fprintln(stderr, "usage: packaging [flags] [PROGRAM...]")
		fs.PrintDefaults()
	}
	fs.StringVar(&j.out, "o", "dist", "`folder` for the packages")
	fs.StringVar(&j.root, "root", ".", "`folder` of the repository")
	fs.StringVar(&j.version, "version", "0.0.0~dev", "`version` of the packages")
	archs := fs.String("arch", "amd64", "Debian's `names` of the architectures, with commas between")
	switch err := fs.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	}
	chosen, err := choose(fs.Args())
	if err != nil {
		fmt.Fprintln(stderr, "packaging:", err)
		return 2
	}
	for arch := range strings.SplitSeq(*archs, ",") {
		for _, p := range chosen {
			file, err := j.make(ctx, p, arch)
			if err != nil {
				fmt.Fprintf(stderr, "packaging: %s for %s: %v\n", p.Name, arch, err)
				return 1
			}
			fmt.Fprintln(stdout, file)
		}
	}
	return 0
}

// choose is the programs of these names, or all.
func choose(names []string) ([]program, error) {
	if len(names) == 0 {
		return programs(), nil
	}
	var chosen []program
	for _, n := range names {
		i := slices.IndexFunc(programs(), func(p program) bool { return p.Name == n })
		if i < 0 {
			return nil, fmt.Errorf("there is no program %q", n)
		}
		chosen = append(chosen, programs()[i])
	}
	return chosen, nil
}

// job is what all packages of one run have in common.
type job struct{ root, out, version string }

// make builds one package and returns its file.
func (j *job) make(ctx context.Context, p program, arch string) (string, error) {
	stage, err := os.MkdirTemp("", "hostkit-packaging-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(stage)
	if err := os.MkdirAll(j.out, 0o755); err != nil {
		return "", err
	}
	s := &staged{job: j, program: p, arch: arch, dir: stage}
	if err := s.fill(ctx); err != nil {
		return "", err
	}
	file := filepath.Join(j.out, fmt.Sprintf("%s_%s_%s.deb", p.pkg(), j.version, arch))
	return file, s.pack(ctx, file)
}
