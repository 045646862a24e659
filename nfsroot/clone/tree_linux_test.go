package clone_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// makeTree makes a tree with all that a root may hold, and returns its path.
func makeTree(t testing.TB, dir string) string {
	t.Helper()
	root := filepath.Join(dir, "base")
	do := func(err error) { t.Helper(); require.NoError(t, err) }
	at := func(name string) string { return filepath.Join(root, name) }
	do(os.MkdirAll(at("usr/bin"), 0o755))
	do(os.MkdirAll(at("var/mail"), 0o755))
	do(os.WriteFile(at("usr/bin/sh"), []byte(strings.Repeat("program ", 5000)), 0o755))
	do(os.WriteFile(at("usr/bin/su"), []byte("su"), 0o755))
	do(unix.Chmod(at("usr/bin/su"), 0o4755))
	do(os.WriteFile(at("usr/bin/ping"), []byte("ping"), 0o755))
	do(unix.Setxattr(at("usr/bin/ping"), "security.capability", []byte("\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"), 0))
	do(os.Link(at("usr/bin/sh"), at("usr/bin/bash")))
	do(os.Link(at("usr/bin/sh"), at("shell")))
	do(os.Symlink("/etc/passwd", at("outside")))
	do(os.Symlink("no/such", at("usr/dangling")))
	do(os.Lchown(at("usr/dangling"), 7, 8))
	do(unix.Mkfifo(at("fifo"), 0o620))
	do(unix.Mknod(at("null"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))))
	do(unix.Chmod(at("null"), 0o666))
	do(os.Chown(at("var/mail"), 1000, 8))
	do(unix.Chmod(at("var/mail"), 0o3775))
	do(os.WriteFile(at("var/mail/joe"), nil, 0o600))
	do(os.Chown(at("var/mail/joe"), 1000, 1000))
	sparse, err := os.Create(at("sparse"))
	do(err)
	_, err = sparse.WriteAt([]byte("middle"), 4<<20)
	do(err)
	do(sparse.Truncate(8 << 20))
	do(sparse.Close())
	do(os.MkdirAll(at("many"), 0o700))
	for i := range 600 { // more than a batch of names
		do(os.WriteFile(at(fmt.Sprintf("many/%d", i)), fmt.Append(nil, i), 0o644))
	}
	do(unix.Setxattr(at("var"), "user.note", []byte("kept"), 0))
	old := time.Date(2001, 2, 3, 4, 5, 6, 7000, time.UTC)
	for _, name := range []string{"usr/bin/sh", "var/mail", "usr", ""} {
		do(os.Chtimes(at(name), old, old.Add(time.Hour)))
	}
	return root
}

// facts are what a clone must keep of each file; hard links are told by the first
// of their names.
func facts(t testing.TB, root string) map[string]string {
	t.Helper()
	all, first := make(map[string]string), make(map[uint64]string)
	require.NoError(t, filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		var fact strings.Builder
		fmt.Fprintf(&fact, "mode %o owner %d:%d modified %d.%09d", st.Mode, st.Uid, st.Gid, st.Mtim.Sec, st.Mtim.Nsec)
		switch st.Mode & unix.S_IFMT {
		case unix.S_IFLNK:
			target, err := os.Readlink(path)
			if err != nil {
				return err
			}
			fact.WriteString(" to " + target)
		case unix.S_IFREG:
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			if _, ok := first[st.Ino]; !ok {
				first[st.Ino] = rel
			}
			fmt.Fprintf(&fact, " links %d same as %s: %q", st.Nlink, first[st.Ino], strings.TrimRight(string(data), "\x00"))
			fmt.Fprintf(&fact, " size %d", st.Size)
		case unix.S_IFCHR, unix.S_IFBLK:
			fmt.Fprintf(&fact, " device %d", st.Rdev)
		}
		for _, name := range []string{"security.capability", "user.note"} {
			value := make([]byte, 100)
			if n, err := unix.Lgetxattr(path, name, value); err == nil {
				fmt.Fprintf(&fact, " %s=%q", name, value[:n])
			}
		}
		all[rel] = fact.String()
		return nil
	}))
	return all
}

// left are the names in a folder, hidden ones too.
func left(t testing.TB, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}
