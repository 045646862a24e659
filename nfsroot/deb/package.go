package deb

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

// Package is what the archive's signed lists say of a package.
type Package struct {
	Name    string
	Version string
	Arch    string   // that of the Source, or "all"
	Depends []string // names, the first of each set of alternatives; Pre-Depends first
	Section string   // such as "kernel" or "non-free-firmware/misc"
	Size    int64    // of the .deb, bytes
	SHA256  string   // of the .deb, in hexadecimal
}

// Package returns what the lists say of a package: its candidate, which with
// apt's default preferences is the newest version, or "name=version". One "*"
// in a name stands for a version, and the newest is taken:
// "linux-image-6.1.0-*-arm64".
func (s *Source) Package(ctx context.Context, name string) (Package, error) {
	a, err := s.open(ctx, s.maxAge())
	if err != nil {
		return Package{}, err
	}
	return a.find(ctx, name)
}

// Kernel returns the package in which a kernel is: the named one, or, for a
// metapackage such as linux-image-arm64, the one that it depends on at present.
func (s *Source) Kernel(ctx context.Context, name string) (Package, error) {
	a, err := s.open(ctx, s.maxAge())
	if err != nil {
		return Package{}, err
	}
	for range 3 { // a metapackage of a metapackage is the most there is
		p, err := a.find(ctx, name)
		if err != nil {
			return Package{}, err
		}
		i := slices.IndexFunc(p.Depends, isKernel)
		if i < 0 || p.Size > maxMetapackage {
			return p, nil
		}
		name = p.Depends[i]
	}
	return Package{}, fmt.Errorf("deb: %s: its dependencies lead to no kernel: %w", name, fs.ErrNotExist)
}

// maxMetapackage is more than a package has that holds nothing but its
// changelog, and less than a kernel.
const maxMetapackage = 1 << 20

func isKernel(name string) bool { return strings.HasPrefix(name, "linux-image-") }

// find looks a name up in the lists.
func (a *apt) find(ctx context.Context, name string) (Package, error) {
	if err := checkName(name); err != nil {
		return Package{}, err
	}
	p, err := a.show(ctx, name)
	if err != nil {
		return Package{}, fmt.Errorf("deb: package %q: %w", name, err)
	}
	return p, nil
}

func (a *apt) show(ctx context.Context, name string) (Package, error) {
	name, err := a.newest(ctx, name)
	if err != nil {
		return Package{}, err
	}
	out, err := a.run(ctx, a.dir, "apt-cache", "show", "--no-all-versions", name)
	if err != nil {
		return Package{}, err
	}
	return parsePackage(out)
}

// nameChars are those of package names, versions and of what is between.
const nameChars = "abcdefghijklmnopqrstuvwxyz0123456789+.-"

func checkName(name string) error {
	base, version, _ := strings.Cut(name, "=")
	if strings.Trim(base, nameChars+"*") != "" || strings.Trim(base, "-") != base || base == "" || strings.Count(base, "*") > 1 ||
		strings.Trim(strings.ToLower(version), nameChars+"~:") != "" || strings.HasPrefix(base, "*") {
		return fmt.Errorf("deb: %q is not the name of a package", name)
	}
	return nil
}

// newest replaces the "*" in a name by the newest version there is.
func (a *apt) newest(ctx context.Context, name string) (string, error) {
	prefix, suffix, found := strings.Cut(name, "*")
	if !found {
		return name, nil
	}
	out, err := a.run(ctx, a.dir, "apt-cache", "pkgnames", prefix)
	if err != nil {
		return "", err
	}
	best := ""
	for n := range strings.FieldsSeq(out) {
		v, ok := strings.CutSuffix(strings.TrimPrefix(n, prefix), suffix)
		if ok && len(n) >= len(prefix)+len(suffix) && isVersion(v) && (best == "" || CompareVersions(v, best) > 0) {
			best = v
		}
	}
	if best == "" {
		return "", fs.ErrNotExist
	}
	return prefix + best + suffix, nil
}

// isVersion reports whether each part between hyphens begins with a digit, so
// that 6.12.57+deb13 and 6.1.0-50 are versions and 6.1.0-50-rt is not.
func isVersion(v string) bool {
	for part := range strings.SplitSeq(v, "-") {
		if part == "" || part[0] < '0' || part[0] > '9' {
			return false
		}
	}
	return true
}

// parsePackage reads a stanza of a Packages file.
func parsePackage(text string) (Package, error) {
	fields := make(map[string]string)
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) == "" {
			break
		}
		if key, value, ok := strings.Cut(line, ":"); ok && line[0] != ' ' && line[0] != '\t' {
			fields[key] = strings.TrimSpace(value)
		}
	}
	p := Package{
		Name: fields["Package"], Version: fields["Version"], Arch: fields["Architecture"], Section: fields["Section"], SHA256: fields["SHA256"],
		Depends: append(depends(fields["Pre-Depends"]), depends(fields["Depends"])...),
	}
	if p.Name == "" {
		return Package{}, fs.ErrNotExist
	}
	if _, err := fmt.Sscan(fields["Size"], &p.Size); err != nil || len(p.SHA256) != 64 || p.Version == "" {
		return Package{}, fmt.Errorf("version %q, size %q or SHA256 %q is malformed", p.Version, fields["Size"], p.SHA256)
	}
	return p, nil
}

func depends(field string) []string {
	var names []string
	for clause := range strings.SplitSeq(field, ",") {
		first, _, _ := strings.Cut(clause, "|")
		first, _, _ = strings.Cut(first, "(")
		first, _, _ = strings.Cut(strings.TrimSpace(first), ":")
		if first != "" {
			names = append(names, first)
		}
	}
	return names
}

// file is the name that apt gives to the package's .deb.
func (p Package) file() string {
	return p.Name + "_" + strings.ReplaceAll(p.Version, ":", "%3a") + "_" + p.Arch + ".deb"
}
