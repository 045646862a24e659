package deb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// Unpack unpacks the files of a .deb into a folder, which then holds all of
// them, or after an error is as it was. It must not exist, or be empty; its
// parent must exist. Nothing of the package is run. Owners are those in the
// package for root, and oneself for anybody else.
func Unpack(ctx context.Context, debPath, dir string) error {
	if err := unpack(ctx, debPath, dir); err != nil {
		return fmt.Errorf("deb: unpack %s: %w", debPath, err)
	}
	return nil
}

func unpack(ctx context.Context, debPath, dir string) error {
	debPath, err := filepath.Abs(debPath) // cannot look like an option
	if err != nil {
		return err
	}
	if _, err := os.Stat(debPath); err != nil {
		return err
	}
	dir = filepath.Clean(dir)
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return fmt.Errorf("into %s: %w", dir, fs.ErrExist)
	}
	temp, err := os.MkdirTemp(filepath.Dir(dir), "."+filepath.Base(dir)+".unpack-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	root, err := filepath.Abs(filepath.Join(temp, "root"))
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "dpkg-deb", "-x", debPath, root)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	cmd.WaitDelay = 5 * time.Second // its tar holds the output open
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return &Error{Command: "dpkg-deb -x", Output: complaints.String(), Err: diagnose(err, complaints.String())}
	}
	if err := os.Rename(root, dir); errors.Is(err, syscall.ENOTEMPTY) {
		return fmt.Errorf("into %s: %w", dir, fs.ErrExist)
	} else if err != nil {
		return err
	}
	return nil
}
