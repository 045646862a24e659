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

// initPackage is the program nfsinit.
const initPackage = "github.com/mythic-beasts/hostkit/nfsroot/cmd/nfsinit"

// CompileInit compiles the program nfsinit for a machine of the architecture,
// with the go command, which must be installed. The module that the working
// folder belongs to must be this one or depend on it, so that go build knows the
// version. The same sources and the same Go give the same bytes.
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
	goCommand, err := exec.LookPath("go")
	if err != nil {
		return nil, fmt.Errorf("needs the go command: %w", err)
	}
	dir, err := os.MkdirTemp("", "nfsinit-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	out := filepath.Join(dir, "init")
	cmd := exec.CommandContext(ctx, goCommand, "build", "-mod=mod", "-trimpath", "-buildvcs=false",
		"-ldflags=-s -w -buildid=", "-o", out, initPackage)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch.GOARCH(), "GOARM=7", "GOAMD64=v1", "GOARM64=v8.0", "GOFLAGS=", "GOEXPERIMENT=", "GOFIPS140=off")
	if text, err := cmd.CombinedOutput(); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("go build: %w: %s", err, strings.TrimSpace(string(text)))
	}
	b, err := os.ReadFile(out)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("go build wrote nothing: %w", err)
	}
	return b, err
}
