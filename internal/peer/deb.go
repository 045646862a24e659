package peer

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// DebFile returns the absolute path of a file out of a Debian package that need
// not be installed: the package is downloaded by apt-get, unpacked in the
// user's cache folder and kept there for the next run. Nothing on the system
// changes.
//
// The package may name an architecture, as in "u-boot-rpi:arm64", and may hold
// one "*" that stands for a version, of which the newest is taken:
// "linux-image-6.1.0-*-cloud-amd64". The path is relative to the root, and may
// be a pattern as of [filepath.Glob]: "boot/vmlinuz-*". Components contrib and
// non-free-firmware are searched as well as main.
//
// Without apt-get, or when its mirror cannot be reached, the test is skipped.
// A package that is there but does not hold the file fails it.
func DebFile(t testing.TB, pkg, path string) string {
	t.Helper()
	Need(t, "apt-get", "apt-cache", "dpkg-deb")
	base, err := cacheDir()
	if err != nil {
		t.Fatalf("peer: cache for packages: %v", err)
	}
	unlock, err := lockFile(filepath.Join(base, "lock"))
	if err != nil {
		t.Fatalf("peer: cache for packages: %v", err)
	}
	defer unlock()
	name, arch := splitPackage(pkg)
	root, err := aptIn(base, arch).unpacked(name)
	if err != nil {
		Skip(t, "needs the Debian package %s: %v", pkg, err)
	}
	files, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(path)))
	if err != nil || len(files) == 0 {
		t.Fatalf("peer: package %s has no file %s (%v)", pkg, path, err)
	}
	return files[len(files)-1]
}

// cacheDir is below the user's cache folder, or below the temporary one for a
// user who has no home, as under some CI runners.
func cacheDir() (string, error) {
	if base, err := os.UserCacheDir(); err == nil {
		dir := filepath.Join(base, "hostkit", "debs")
		if err := os.MkdirAll(dir, 0o755); err == nil {
			return dir, nil
		}
	}
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("hostkit-debs-%d", os.Getuid()))
	return dir, os.MkdirAll(dir, 0o755)
}

// splitPackage cuts "name:arch"; the machine's own architecture is the default.
func splitPackage(pkg string) (name, arch string) {
	name, arch, found := strings.Cut(pkg, ":")
	if !found {
		arch = runtime.GOARCH
		if arch == "arm" {
			arch = "armhf"
		}
	}
	return name, arch
}

// apt runs apt with folders of its own, so that it can see more architectures
// and components than the system is set up for and needs no root.
type apt struct{ dir, arch string }

func aptIn(base, arch string) apt { return apt{dir: filepath.Join(base, arch), arch: arch} }

// run runs one of apt's programs in the folder of downloads.
func (a apt) run(program string, args ...string) (string, error) {
	opts := []string{
		"-o", "APT::Architecture=" + a.arch,
		"-o", "APT::Architectures::=" + a.arch,
		"-o", "APT::Sandbox::User=", // the folders are ours, not the user _apt's
		"-o", "Acquire::Languages=none",
		"-o", "Acquire::Retries=2",
		"-o", "Dir::Etc::sourcelist=" + filepath.Join(a.dir, "sources.list"),
		"-o", "Dir::Etc::sourceparts=/dev/null",
		"-o", "Dir::State=" + filepath.Join(a.dir, "state"),
		"-o", "Dir::State::status=" + filepath.Join(a.dir, "status"),
		"-o", "Dir::Cache=" + filepath.Join(a.dir, "cache"),
	}
	cmd := exec.Command(program, append(opts, args...)...)
	cmd.Dir = filepath.Join(a.dir, "archives")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", program, strings.Join(args, " "), err, lastLines(string(out), 3))
	}
	return string(out), nil
}

// unpacked returns the folder in which the package is unpacked.
func (a apt) unpacked(name string) (string, error) {
	if err := a.update(); err != nil {
		return "", err
	}
	name, err := a.resolve(name)
	if err != nil {
		return "", err
	}
	out, err := a.run("apt-get", "download", "--print-uris", name)
	if err != nil {
		return "", err
	}
	fields := strings.Fields(out) // 'URI' file size digest
	if len(fields) < 2 {
		return "", fmt.Errorf("apt-get knows no file of %s: %q", name, out)
	}
	deb := fields[1]
	root := filepath.Join(a.dir, "unpacked", strings.TrimSuffix(deb, ".deb"))
	if _, err := os.Stat(root); err == nil {
		return root, nil
	}
	if _, err := a.run("apt-get", "download", name); err != nil {
		return "", err
	}
	return root, a.unpack(filepath.Join(a.dir, "archives", deb), root)
}

// unpack leaves either the whole package at root or nothing.
func (a apt) unpack(deb, root string) error {
	temp, err := os.MkdirTemp(a.dir, "unpack-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	whole := filepath.Join(temp, "root")
	if out, err := exec.Command("dpkg-deb", "-x", deb, whole).CombinedOutput(); err != nil {
		return fmt.Errorf("dpkg-deb -x %s: %w: %s", deb, err, out)
	}
	if err := os.Rename(whole, root); err != nil {
		return err
	}
	return os.Remove(deb)
}

const listsAge = 24 * time.Hour

// update fetches the package lists, at most once a day.
func (a apt) update() error {
	stamp := filepath.Join(a.dir, "sources.list")
	if info, err := os.Stat(stamp); err == nil && time.Since(info.ModTime()) < listsAge {
		return nil
	}
	for _, sub := range []string{"archives", "unpacked", "state/lists/partial", "cache/archives/partial"} {
		if err := os.MkdirAll(filepath.Join(a.dir, sub), 0o755); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(a.dir, "status"), nil, 0o644); err != nil {
		return err
	}
	sources, err := systemSources()
	if err != nil {
		return err
	}
	if err := os.WriteFile(stamp, []byte(sources), 0o644); err != nil {
		return err
	}
	if _, err := a.run("apt-get", "update", "-q", "-o", "APT::Update::Error-Mode=any"); err != nil {
		os.Remove(stamp) // so that the next test asks again
		return err
	}
	return nil
}

// systemSources lists the mirrors of the distribution that the system itself
// uses, with the components that hold firmware.
func systemSources() (string, error) {
	release, err := os.ReadFile("/etc/os-release")
	if err != nil {
		return "", fmt.Errorf("which distribution is this: %w", err)
	}
	m := regexp.MustCompile(`(?m)^VERSION_CODENAME="?(\w+)`).FindSubmatch(release)
	if m == nil {
		return "", fmt.Errorf("no VERSION_CODENAME in os-release: %w", fs.ErrNotExist)
	}
	out, err := exec.Command("apt-get", "indextargets", "--format",
		"$(REPO_URI) $(RELEASE) $(COMPONENT) $(SIGNED_BY)", "Created-By: Packages").Output()
	if err != nil {
		return "", fmt.Errorf("apt-get indextargets: %w", err)
	}
	lines := sourceLines(string(out), string(m[1]))
	if lines == "" {
		return "", fmt.Errorf("apt-get has no package lists of %s: run apt-get update", m[1])
	}
	return lines, nil
}

// sourceLines turns "URI suite component [keyring]" lines of the distribution's
// suites into a sources.list.
func sourceLines(targets, codename string) string {
	var lines []string
	for target := range strings.Lines(targets) {
		f := strings.Fields(target)
		if len(f) < 3 || f[2] != "main" || f[1] != codename && !strings.HasPrefix(f[1], codename+"-") {
			continue
		}
		opts := ""
		if len(f) == 4 && strings.HasPrefix(f[3], "/") {
			opts = "[signed-by=" + f[3] + "] "
		}
		lines = append(lines, fmt.Sprintf("deb %s%s %s main contrib non-free-firmware\n", opts, f[0], f[1]))
	}
	slices.Sort(lines)
	return strings.Join(slices.Compact(lines), "")
}

// resolve replaces the "*" in a package name by the newest version there is.
func (a apt) resolve(name string) (string, error) {
	prefix, suffix, found := strings.Cut(name, "*")
	if !found {
		return name, nil
	}
	out, err := a.run("apt-cache", "pkgnames", prefix)
	if err != nil {
		return "", err
	}
	newest := newestName(strings.Fields(out), prefix, suffix)
	if newest == "" {
		return "", fmt.Errorf("no package is named %s: %w", name, fs.ErrNotExist)
	}
	return newest, nil
}

// newestName picks, of the names that have only a version between prefix and
// suffix, the one with the highest.
func newestName(names []string, prefix, suffix string) string {
	version := regexp.MustCompile(`^` + regexp.QuoteMeta(prefix) + `([0-9.]+)` + regexp.QuoteMeta(suffix) + `$`)
	names = slices.DeleteFunc(slices.Clone(names), func(n string) bool { return !version.MatchString(n) })
	if len(names) == 0 {
		return ""
	}
	return slices.MaxFunc(names, func(a, b string) int {
		va, vb := version.FindStringSubmatch(a)[1], version.FindStringSubmatch(b)[1]
		return slices.CompareFunc(strings.Split(va, "."), strings.Split(vb, "."), compareNumbers)
	})
}

// compareNumbers compares decimal numbers of any length.
func compareNumbers(a, b string) int {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
}

func lastLines(s string, n int) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "; ")
}
