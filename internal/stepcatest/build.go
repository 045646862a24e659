package stepcatest

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/mythic-beasts/hostkit/internal/peer"
)

const (
	program = "github.com/smallstep/certificates/cmd/step-ca"
	modFile = "stepca.mod"
	sumFile = "stepca.sum"
)

// binary is the path of the program, which is built if it is not in the cache.
func binary(t testing.TB) string {
	t.Helper()
	root, err := repository()
	if err != nil {
		t.Fatalf("stepcatest: %v", err)
	}
	goTool := peer.Look(t, "go")
	path, err := cached(root)
	if err != nil {
		t.Fatalf("stepcatest: %v", err)
	}
	if _, err := os.Stat(path); err == nil {
		return path
	}
	if err := build(goTool, root, path); err != nil {
		peer.Skip(t, "needs step-ca, which can not be built: %v", err)
	}
	return path
}

// repository is the folder with go.mod above the one that the test runs in.
func repository() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, ".ci", modFile)); err == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", fmt.Errorf("no folder above has .ci/%s", modFile)
		}
		dir = up
	}
}

// cached is where the program is when it is built: for each version another file.
func cached(root string) (string, error) {
	h := sha256.New()
	for _, name := range []string{modFile, sumFile} {
		text, err := os.ReadFile(filepath.Join(root, ".ci", name))
		if err != nil {
			return "", err
		}
		h.Write(text)
	}
	name := "step-ca-" + runtime.GOARCH + "-" + hex.EncodeToString(h.Sum(nil)[:8])
	base, err := os.UserCacheDir()
	if err != nil { // no home, as under some CI runners
		base = os.TempDir()
	}
	dir := filepath.Join(base, "hostkit", "stepca")
	return filepath.Join(dir, name), os.MkdirAll(dir, 0o755)
}

// build leaves the whole program at path, or nothing. Without cgo, since a smart card
// library is what it would be for.
func build(goTool, root, path string) error {
	temp, err := os.CreateTemp(filepath.Dir(path), "build-")
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name())
	if err := temp.Close(); err != nil {
		return err
	}
	// One package at a time: other tests run meanwhile.
	cmd := exec.Command(goTool, "build", "-p=1", "-buildvcs=false", "-mod=readonly",
		"-modfile="+filepath.Join(".ci", modFile), "-o", temp.Name(), program)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=", "GOOS="+runtime.GOOS, "GOARCH="+runtime.GOARCH)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w: %s", err, out[max(0, len(out)-1000):])
	}
	return errors.Join(os.Chmod(temp.Name(), 0o755), os.Rename(temp.Name(), path))
}
