package build

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mythic-beasts/hostkit/nfsroot"
)

// finish makes a root for NFS out of what a backend left: nothing of the
// building machine, of the build or of an earlier run stays. What is wrong in
// that is mended before the spec's own files come, which stay as they are: what
// is wrong in them is said.
func (t *tree) finish(ctx context.Context, s nfsroot.Spec, log *slog.Logger) error {
	type step struct {
		what string
		do   func() error
	}
	var left []nfsroot.Finding
	steps := []step{
		{"clear what the build left", t.clearBuild},
		{"trim", func() error { return t.trim(s.Trim) }},
		{"apt and dpkg", func() error { return t.configureApt(s) }},
		{"a root on NFS", func() error { return t.configureBase(s) }},
		{"faults", func() (err error) { left, err = t.mend(ctx); return err }},
	}
	if s.Files != nil {
		steps = append(steps, step{"files", func() error { return t.overlay(s.Files) }},
			step{"what is left", func() (err error) { left, err = nfsroot.Lint(ctx, t.dir); return err }})
	}
	for _, step := range steps {
		if err := step.do(); err != nil {
			return fmt.Errorf("finish %s: %s: %w", t.dir, step.what, err)
		}
	}
	report(ctx, log, left)
	return nil
}

// emptied are folders of which nothing stays: devices are the kernel's, lists
// and caches apt's, the rest is of the build.
var emptied = []string{
	"dev", "proc", "sys", "run", "tmp", "var/tmp",
	"var/cache/apt", "var/lib/apt/lists", "var/log/apt",
}

// cleared are files that tell of the build. The copies that passwd and debconf
// keep of what they changed depend on the order of packages.
var cleared = []string{
	"etc/.pwd.lock", "etc/group-", "etc/gshadow-", "etc/hostname", "etc/passwd-", "etc/shadow-", "etc/subgid-", "etc/subuid-",
	"etc/resolv.conf",
	"etc/apt/apt.conf.d/99mmdebstrap", "etc/apt/apt.conf.d/99nfsroot-build",
	"etc/dpkg/dpkg.cfg.d/99mmdebstrap", "etc/dpkg/dpkg.cfg.d/99nfsroot-build",
	"usr/sbin/policy-rc.d",
	"var/cache/debconf/config.dat-old", "var/cache/debconf/passwords.dat-old", "var/cache/debconf/templates.dat-old",
	"var/cache/ldconfig/aux-cache",
	"var/lib/dbus/machine-id",
	"var/lib/dpkg/arch", "var/lib/dpkg/available", "var/lib/dpkg/available-old", "var/lib/dpkg/diversions-old", "var/lib/dpkg/lock",
	"var/lib/dpkg/lock-frontend", "var/lib/dpkg/statoverride-old", "var/lib/dpkg/status-old", "var/lib/dpkg/triggers/Lock",
	"var/lib/systemd/random-seed",
	"var/log/alternatives.log", "var/log/bootstrap.log", "var/log/dpkg.log",
}

func (t *tree) clearBuild() error {
	for _, dir := range emptied {
		if err := t.empty(dir); err != nil {
			return err
		}
	}
	for _, name := range cleared {
		if err := t.root.RemoveAll(name); err != nil {
			return err
		}
	}
	keys, err := fs.Glob(t.root.FS(), "etc/ssh/ssh_host_*")
	if err != nil {
		return err
	}
	for _, k := range keys {
		if err := t.root.Remove(k); err != nil {
			return err
		}
	}
	for _, log := range []string{"var/log/btmp", "var/log/lastlog", "var/log/wtmp", "var/log/faillog"} {
		if err := t.truncate(log); err != nil {
			return err
		}
	}
	return nil
}

func (t *tree) empty(dir string) error {
	entries, err := fs.ReadDir(t.root.FS(), dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		err = errors.Join(err, t.root.RemoveAll(path.Join(dir, e.Name())))
	}
	return err
}

func (t *tree) truncate(name string) error {
	f, err := t.root.OpenFile(name, os.O_WRONLY|os.O_TRUNC, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}

// trim removes what dpkg would have left out: not all backends unpack by dpkg.
// Folders that become empty stay, as with dpkg.
func (t *tree) trim(trim nfsroot.Trim) error {
	var out []string
	err := fs.WalkDir(t.root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && trim.Excludes("/"+name) {
			out = append(out, name)
		}
		return err
	})
	if trim.HWDB {
		out = append(out, "usr/lib/udev/hwdb.bin", "etc/udev/hwdb.bin")
	}
	for _, name := range out {
		err = errors.Join(err, t.root.RemoveAll(name))
	}
	return errors.Join(err, t.pruneEmpty(trim))
}

// pruneEmpty removes the folders that are left empty of what was trimmed, which
// some backends never made.
func (t *tree) pruneEmpty(trim nfsroot.Trim) error {
	var dirs []string
	err := fs.WalkDir(t.root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && trim.Excludes("/"+name) {
			dirs = append(dirs, name)
		}
		return err
	})
	slices.Reverse(dirs) // the innermost first
	for _, dir := range dirs {
		entries, rerr := fs.ReadDir(t.root.FS(), dir)
		if rerr == nil && len(entries) == 0 {
			rerr = t.root.Remove(dir)
		}
		err = errors.Join(err, rerr)
	}
	return err
}

const aptConfig = `// A root that is mounted over NFS keeps nothing that it can fetch.
APT::Install-Recommends "false";
Acquire::Languages "none";
`

// configureApt leaves the root able to upgrade itself, trimmed as it is.
func (t *tree) configureApt(s nfsroot.Spec) error {
	for _, k := range keyrings(s) {
		key, err := os.ReadFile(k)
		if err != nil {
			return err
		}
		if err := t.write(path.Join(strings.TrimPrefix(inRootKeyrings, "/"), filepath.Base(k)), string(key)); err != nil {
			return err
		}
	}
	files := map[string]string{
		"etc/apt/sources.list":          s.SourcesList(inRootKeyrings),
		"etc/apt/apt.conf.d/50nfsroot":  aptConfig,
		"etc/dpkg/dpkg.cfg.d/50nfsroot": s.Trim.DpkgConfig(),
	}
	if p := s.Preferences(); p != "" {
		files["etc/apt/preferences.d/nfsroot"] = p
	}
	for _, dir := range []string{"var/cache/apt/archives/partial", "var/lib/apt/lists/partial", "var/log/apt"} {
		if err := t.root.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	return t.writeAll(files)
}

func (t *tree) writeAll(files map[string]string) error {
	for name, text := range files {
		if err := t.write(name, text); err != nil {
			return err
		}
	}
	return nil
}

// write replaces a file of the tree. An empty text writes nothing.
func (t *tree) write(name, text string) error {
	if text == "" {
		return nil
	}
	return t.writeMode(name, []byte(text), 0o644)
}

func (t *tree) writeMode(name string, text []byte, mode fs.FileMode) error {
	if err := t.root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	if err := t.root.RemoveAll(name); err != nil {
		return err
	}
	delete(t.owners, name)
	delete(t.modes, name)
	if err := t.root.WriteFile(name, text, 0o600); err != nil {
		return err
	}
	return t.root.Chmod(name, mode)
}

// overlay lays files over the tree.
func (t *tree) overlay(files fs.FS) error {
	if files == nil {
		return nil
	}
	return fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || name == "." {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		switch info.Mode().Type() {
		case fs.ModeDir:
			return t.overlayDir(name, info)
		case fs.ModeSymlink:
			return t.overlayLink(files, name)
		}
		return t.overlayFile(files, name, info)
	})
}

func (t *tree) overlayDir(name string, info fs.FileInfo) error {
	if there, err := t.root.Stat(name); err == nil && there.IsDir() {
		return nil // /bin may be a link to a folder, which stays
	}
	if err := t.root.MkdirAll(name, 0o755); err != nil {
		return err
	}
	return t.root.Chmod(name, info.Mode()&(fs.ModePerm|fs.ModeSticky|fs.ModeSetgid))
}

func (t *tree) overlayLink(files fs.FS, name string) error {
	to, err := fs.ReadLink(files, name)
	if err != nil {
		return err
	}
	if err := t.root.RemoveAll(name); err != nil {
		return err
	}
	return t.root.Symlink(to, name)
}

func (t *tree) overlayFile(files fs.FS, name string, info fs.FileInfo) error {
	in, err := files.Open(name)
	if err != nil {
		return err
	}
	defer in.Close()
	text, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	return t.writeMode(name, text, info.Mode()&(fs.ModePerm|fs.ModeSetuid|fs.ModeSetgid|fs.ModeSticky))
}

// mend fixes what is wrong over NFS and can be mended, and returns what cannot.
func (t *tree) mend(ctx context.Context) ([]nfsroot.Finding, error) {
	findings, err := nfsroot.Lint(ctx, t.dir)
	if err != nil {
		return nil, err
	}
	var fixable, left []nfsroot.Finding
	for _, f := range findings {
		if f.Fixable {
			fixable = append(fixable, f)
		} else {
			left = append(left, f)
		}
	}
	return left, nfsroot.Fix(ctx, t.dir, fixable)
}

// severities are how loud a finding is.
var severities = map[nfsroot.Severity]slog.Level{
	nfsroot.Info: slog.LevelDebug, nfsroot.Warning: slog.LevelInfo, nfsroot.Error: slog.LevelWarn,
}

// report logs what is wrong in the finished root.
func report(ctx context.Context, log *slog.Logger, findings []nfsroot.Finding) {
	for _, f := range findings {
		log.Log(ctx, severities[f.Severity], "finding in the root", "rule", f.Rule, "path", f.Path, "severity", f.Severity.String(), "message", f.Message)
	}
}
