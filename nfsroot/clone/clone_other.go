//go:build !linux

package clone

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
)

func unsupported(what string) error {
	return fmt.Errorf("clone: %s on %s: %w", what, runtime.GOOS, errors.ErrUnsupported)
}

func refuse(what, path string) error { return errors.Join(checkName(path), unsupported(what)) }

func workFolder(dir string) (path string, remove func() error, err error) {
	path, err = os.MkdirTemp(dir, tempPrefix)
	return path, func() error { return os.RemoveAll(path) }, err
}

// Clone implements [Cloner].
func (Btrfs) Clone(_ context.Context, base, dst string) error {
	return errors.Join(checkApart(base, dst), refuse("snapshot", dst))
}

// Import implements [Importer].
func (Btrfs) Import(_ context.Context, _, dst string) error { return refuse("import", dst) }

// Remove implements [Cloner].
func (Btrfs) Remove(_ context.Context, dst string) error { return refuse("remove", dst) }

// Clone implements [Cloner].
func (Reflink) Clone(_ context.Context, _, dst string) error { return refuse("reflink", dst) }

// Import implements [Importer].
func (Reflink) Import(_ context.Context, _, dst string) error { return refuse("import", dst) }

// Remove implements [Cloner].
func (Reflink) Remove(_ context.Context, dst string) error { return refuse("remove", dst) }

// Clone implements [Cloner].
func (Copy) Clone(_ context.Context, _, dst string) error { return refuse("copy", dst) }

// Import implements [Importer].
func (Copy) Import(_ context.Context, _, dst string) error { return refuse("import", dst) }

// Remove implements [Cloner].
func (Copy) Remove(_ context.Context, dst string) error { return refuse("remove", dst) }

// Clone implements [Cloner].
func (Overlay) Clone(_ context.Context, _, dst string) error { return refuse("overlay", dst) }

// Remount mounts a clone again after a restart.
func (Overlay) Remount(_ context.Context, dst string) error { return refuse("mount", dst) }

// Remove implements [Cloner].
func (Overlay) Remove(_ context.Context, dst string) error { return refuse("remove", dst) }

// Sweep removes what killed clones and removals left behind.
func Sweep(_ context.Context, dir string) error { return refuse("sweep", dir) }

// Limit implements [Quota].
func (BtrfsQuota) Limit(_ context.Context, dir string, _ uint64) error { return refuse("limit", dir) }

// Usage implements [Quota].
func (BtrfsQuota) Usage(_ context.Context, dir string) (Usage, error) {
	return Usage{}, refuse("usage", dir)
}

// Enable turns quotas of the filesystem on.
func (BtrfsQuota) Enable(_ context.Context, dir string) error { return refuse("enable quotas", dir) }

// Limit implements [Quota].
func (ProjectQuota) Limit(_ context.Context, dir string, _ uint64) error { return refuse("limit", dir) }

// Usage implements [Quota].
func (ProjectQuota) Usage(_ context.Context, dir string) (Usage, error) {
	return Usage{}, refuse("usage", dir)
}

// File gives the empty file dst the content of src.
func File(_ context.Context, dst, src *os.File) (shared bool, err error) {
	_, err = io.Copy(dst, src)
	return false, err
}
