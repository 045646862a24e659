package initramfs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/mythic-beasts/hostkit/nfsroot"
)

const (
	hostkit     = "github.com/mythic-beasts/hostkit"
	initPackage = hostkit + "/nfsroot/cmd/nfsinit"
)

// CompileInit compiles the program nfsinit for a machine of the architecture,
// with the go command, which must be installed: its error is exec.ErrNotFound
// otherwise. The module that the working folder belongs to must be this one or
// depend on it, which tells the version; its go.mod and go.sum stay as they are.
// The same sources and the same Go give the same bytes.
func CompileInit(ctx context.Context, arch nfsroot.Arch) ([]byte, error) {
	b, err := compileInit(ctx, arch)
	if err != nil {
		return nil, fmt.Errorf("initramfs: compile nfsinit for %s: %w", arch, err)
	}
	return b, nil
}

func compileInit(ctx context.Context, arch nfsroot.Arch) ([]byte, error) {
	if err := arch.Validate(); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "nfsinit-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	c := compiler{ctx: ctx, arch: arch, dir: dir}
	if c.program, err = exec.LookPath("go"); err != nil {
		return nil, fmt.Errorf("needs the go command: %w", err)
	}
	err = c.build()
	if err != nil && ctx.Err() == nil {
		err = c.retry(err)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err != nil {
		return nil, err
	}
	return os.ReadFile(c.out())
}

// compiler runs the go command.
type compiler struct {
	ctx     context.Context
	program string
	arch    nfsroot.Arch
	dir     string // for what it writes
}

func (c compiler) out() string { return filepath.Join(c.dir, "init") }

// build compiles with what the module's go.mod and go.sum say, or with flags.
func (c compiler) build(flags ...string) error {
	args := append([]string{
		"build", "-trimpath", "-buildvcs=false", "-o", c.out(),
		"-ldflags=-s -w -buildid=",
		"-gcflags=all=-l", // without inlining it is a tenth smaller, and it has nothing to compute
	}, flags...)
	_, err := c.run(append(args, initPackage)...)
	return err
}

// retry compiles with a copy of go.mod and go.sum, in which the go command may
// add what the module does not need for itself, such as checksums of what only
// nfsinit imports, and without a vendor folder, which does not hold a program
// that nothing imports.
func (c compiler) retry(first error) error {
	out, err := c.run("env", "GOMOD")
	if err != nil {
		return err
	}
	mod := strings.TrimSpace(out)
	if mod == "" || mod == os.DevNull {
		return fmt.Errorf("the working folder belongs to no module that depends on %s: %w", hostkit, first)
	}
	copied := filepath.Join(c.dir, "go.mod")
	if err := copyFile(copied, mod); err != nil {
		return err
	}
	sum := strings.TrimSuffix(mod, ".mod") + ".sum"
	if err := copyFile(filepath.Join(c.dir, "go.sum"), sum); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := c.build("-mod=mod", "-modfile="+copied); err != nil {
		return errors.Join(first, err)
	}
	return nil
}

// run runs the go command for the machine that nfsinit is for. What of the
// environment would change the program's bytes is set.
func (c compiler) run(args ...string) (string, error) {
	cmd := exec.CommandContext(c.ctx, c.program, args...)
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off", "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+c.arch.GOARCH(),
		"GOAMD64=v1", "GOARM64=v8.0", "GOARM=7", "GOEXPERIMENT=", "GOFIPS140=off")
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("go %s: %w: %s", args[0], err, strings.TrimSpace(stderr.String()))
	}
	return stdout.String(), nil
}

func copyFile(to, from string) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, b, 0o600)
}
