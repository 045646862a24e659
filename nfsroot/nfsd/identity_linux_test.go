package nfsd_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/nfsroot/internal/nfsclient"
	"github.com/mythic-beasts/hostkit/nfsroot/nfsd"
)

const alice, bob, staff = 1000, 1001, 2000

// TestIdentity makes calls of several users at the same time, on one connection.
func TestIdentity(t *testing.T) {
	c, fh, root := mounted(t)
	ctx := t.Context()
	require.NoError(t, os.Chmod(root, 0o777))
	require.NoError(t, os.WriteFile(filepath.Join(root, "secret"), []byte("x"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(root, "group"), []byte("x"), 0o640))
	require.NoError(t, os.Chown(filepath.Join(root, "group"), 0, staff))
	secret, _, err := c.Lookup(ctx, fh, "secret")
	require.NoError(t, err)
	group, _, err := c.Lookup(ctx, fh, "group")
	require.NoError(t, err)

	for range 20 {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			for name, who := range map[string]*nfsclient.Conn{"alice": c.As(alice, alice, staff), "bob": c.As(bob, bob)} {
				name += filepath.Base(t.Name())
				_, attr, err := who.Mkdir(ctx, fh, name, nfsclient.Set{Mode: new(uint32(0o700))})
				require.NoError(t, err)
				require.Contains(t, []uint32{alice, bob}, attr.UID)
				require.Equal(t, attr.UID, attr.GID)
				_, _, err = who.Read(ctx, secret, 0, 10)
				require.Equal(t, nfsclient.ErrAccess, err)
			}
			_, _, err := c.As(alice, alice, staff).Read(ctx, group, 0, 10)
			require.NoError(t, err)
			_, _, err = c.As(bob, bob).Read(ctx, group, 0, 10)
			require.Equal(t, nfsclient.ErrAccess, err)
			_, _, err = c.Read(ctx, secret, 0, 10)
			require.NoError(t, err)
		})
	}
}

// TestProcessStaysItself looks at every thread of the server after calls of
// others.
func TestProcessStaysItself(t *testing.T) {
	c, fh, root := mounted(t)
	require.NoError(t, os.Chmod(root, 0o777))
	done := make(chan error, 200)
	for i := range cap(done) {
		go func() {
			_, err := c.As(uint32(3000+i), 3000, 1, 2, 3).Access(t.Context(), fh, 0x3f)
			done <- err
		}()
	}
	for range cap(done) {
		require.NoError(t, <-done)
	}
	tasks, err := filepath.Glob("/proc/self/task/*/status")
	require.NoError(t, err)
	for _, task := range tasks {
		status, err := os.ReadFile(task)
		if os.IsNotExist(err) {
			continue
		}
		require.NoError(t, err)
		require.Regexp(t, `(?m)^Uid:\t0\t0\t0\t0$`, string(status), task)
		require.Regexp(t, `(?m)^Gid:\t0\t0\t0\t0$`, string(status), task)
		require.NotRegexp(t, `(?m)^Groups:.*\b3\b`, string(status), task)
	}
}

func TestDenied(t *testing.T) {
	c, fh, root := mounted(t)
	ctx := t.Context()
	require.NoError(t, os.Mkdir(filepath.Join(root, "etc"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(root, "etc/passwd"), []byte("x"), 0o644))
	etc, _, err := c.Lookup(ctx, fh, "etc")
	require.NoError(t, err)
	passwd, _, err := c.Lookup(ctx, etc, "passwd")
	require.NoError(t, err)
	for name, uid := range map[string]uint32{"alice": alice, "minus one": ^uint32(0)} {
		u := c.As(uid, uid, ^uint32(0))
		for call, fn := range map[string]func() error{
			"write":    func() error { _, _, err := u.Write(ctx, passwd, 0, []byte("y"), 0); return err },
			"truncate": func() error { _, err := u.SetAttr(ctx, passwd, nfsclient.Set{Size: new(uint64(0))}, nil); return err },
			"create":   func() error { _, _, err := u.Create(ctx, etc, "f", 0, nfsclient.Set{}, 0); return err },
			"replace": func() error {
				_, _, err := u.Create(ctx, etc, "passwd", 0, nfsclient.Set{Size: new(uint64(0))}, 0)
				return err
			},
			"mkdir":   func() error { _, _, err := u.Mkdir(ctx, etc, "d", nfsclient.Set{}); return err },
			"symlink": func() error { _, _, err := u.Symlink(ctx, etc, "l", "x"); return err },
			"fifo":    func() error { _, _, err := u.Mknod(ctx, etc, "p", nfsclient.FIFO, nfsclient.Set{}, 0, 0); return err },
			"remove":  func() error { _, err := u.Remove(ctx, etc, "passwd"); return err },
			"rename":  func() error { return u.Rename(ctx, etc, "passwd", etc, "x") },
		} {
			require.Equal(t, nfsclient.ErrAccess, fn(), "%s: %s", name, call)
		}
		_, err = u.SetAttr(ctx, passwd, nfsclient.Set{Mode: new(uint32(0o666))}, nil)
		require.Equal(t, nfsclient.ErrPerm, err)
		_, err = u.SetAttr(ctx, passwd, nfsclient.Set{UID: new(uint32(alice))}, nil)
		require.Equal(t, nfsclient.ErrPerm, err)
		_, err = u.Link(ctx, passwd, etc, "x") // the kernel protects hard links, too
		require.Contains(t, []error{nfsclient.ErrAccess, nfsclient.ErrPerm}, err)
		granted, err := u.Access(ctx, passwd, 0x3f)
		require.NoError(t, err)
		require.EqualValues(t, 1, granted)
		granted, err = u.Access(ctx, etc, 0x3f)
		require.NoError(t, err)
		require.EqualValues(t, 3, granted, "read and look up")
	}
	got, err := os.ReadFile(filepath.Join(root, "etc/passwd"))
	require.NoError(t, err)
	require.Equal(t, "x", string(got))
}

func TestOwnerKeepsWhatIsOpen(t *testing.T) {
	c, fh, root := mounted(t)
	ctx := t.Context()
	require.NoError(t, os.Chmod(root, 0o777))
	u := c.As(alice, alice)
	f, _, err := u.Create(ctx, fh, "f", nfsclient.Guarded, nfsclient.Set{Mode: new(uint32(0o400))}, 0)
	require.NoError(t, err)
	_, _, err = u.Write(ctx, f, 0, []byte("x"), 2)
	require.NoError(t, err)
	_, err = u.SetAttr(ctx, f, nfsclient.Set{Mode: new(uint32(0o111))}, nil)
	require.NoError(t, err)
	_, _, err = u.Read(ctx, f, 0, 1)
	require.NoError(t, err)
	_, _, err = c.As(bob, bob).Read(ctx, f, 0, 1)
	require.NoError(t, err, "who may run it must be able to load it")
	_, _, err = c.As(bob, bob).Write(ctx, f, 0, []byte("x"), 0)
	require.Equal(t, nfsclient.ErrAccess, err)
}

func TestWriteTakesSetuidOff(t *testing.T) {
	c, fh, root := mounted(t)
	ctx := t.Context()
	name := filepath.Join(root, "f")
	require.NoError(t, os.WriteFile(name, []byte("x"), 0o644))
	require.NoError(t, syscall.Chmod(name, 0o6777))
	f, _, err := c.Lookup(ctx, fh, "f")
	require.NoError(t, err)
	_, _, err = c.As(alice, alice).Write(ctx, f, 0, []byte("y"), 0)
	require.NoError(t, err)
	attr, err := c.GetAttr(ctx, f)
	require.NoError(t, err)
	require.EqualValues(t, 0o777, attr.Mode)
}

// TestTruncateByGroup is what open(2) with O_TRUNC asks for.
func TestTruncateByGroup(t *testing.T) {
	c, fh, root := mounted(t)
	ctx := t.Context()
	name := filepath.Join(root, "f")
	require.NoError(t, os.WriteFile(name, []byte("x"), 0o660))
	require.NoError(t, os.Chmod(name, 0o660))
	require.NoError(t, os.Chown(name, 0, staff))
	f, before, err := c.Lookup(ctx, fh, "f")
	require.NoError(t, err)
	set := nfsclient.Set{Size: new(uint64(0)), TouchMtime: true}
	_, err = c.As(bob, bob).SetAttr(ctx, f, set, nil)
	require.Equal(t, nfsclient.ErrAccess, err)
	wcc, err := c.As(alice, alice, staff).SetAttr(ctx, f, set, nil)
	require.NoError(t, err)
	require.Zero(t, wcc.After.Size)
	require.Equal(t, before.Atime, wcc.After.Atime)
	require.NotEqual(t, before.Mtime, wcc.After.Mtime)
}

func TestSquashedRoot(t *testing.T) {
	c, fh, root := mounted(t, func(s *nfsd.Server) { s.Exports[0].SquashRoot = true })
	ctx := t.Context()
	_, _, err := c.Create(ctx, fh, "f", 0, nfsclient.Set{}, 0)
	require.Equal(t, nfsclient.ErrAccess, err)
	require.NoError(t, os.Chmod(root, 0o777))
	_, attr, err := c.Create(ctx, fh, "f", 0, nfsclient.Set{}, 0)
	require.NoError(t, err)
	require.EqualValues(t, 65534, attr.UID)
	require.EqualValues(t, 65534, attr.GID)
}

func TestReadOnly(t *testing.T) {
	c, fh, root := mounted(t, func(s *nfsd.Server) { s.Exports[0].ReadOnly = true })
	ctx := t.Context()
	require.NoError(t, os.WriteFile(filepath.Join(root, "f"), []byte("x"), 0o644))
	f, _, err := c.Lookup(ctx, fh, "f")
	require.NoError(t, err)
	_, _, err = c.Read(ctx, f, 0, 1)
	require.NoError(t, err)
	_, _, err = c.Write(ctx, f, 0, []byte("y"), 0)
	require.Equal(t, nfsclient.ErrROFS, err)
	_, err = c.Remove(ctx, fh, "f")
	require.Equal(t, nfsclient.ErrROFS, err)
	_, err = c.Link(ctx, f, fh, "g")
	require.Equal(t, nfsclient.ErrROFS, err)
	require.Equal(t, nfsclient.ErrROFS, c.Rename(ctx, fh, "f", fh, "g"))
	_, err = c.SetAttr(ctx, f, nfsclient.Set{Mode: new(uint32(0))}, nil)
	require.Equal(t, nfsclient.ErrROFS, err)
	granted, err := c.Access(ctx, f, 0x3f)
	require.NoError(t, err)
	require.EqualValues(t, 1, granted)
}
