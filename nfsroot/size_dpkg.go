package nfsroot

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/mythic-beasts/hostkit/nfsroot/internal/tree"
)

// dpkg is what dpkg's database says about files.
type dpkg struct {
	versions map[string]string // by the name of the package's list
	owners   map[string]string // by canonical path
	diverted map[string]diversion
	links    map[string]string // what is a link in the root, as "bin" for "usr/bin"
}

type diversion struct{ to, by string }

// The bounds on a database that somebody made up. Debian's largest desktops stay
// a factor of ten below them.
const (
	maxList   = 32 << 20
	maxListed = 4 << 20 // paths
)

func readDpkg(ctx context.Context, root *os.Root) (*dpkg, error) {
	l := &linter{ctx: ctx, root: root}
	db := &dpkg{versions: make(map[string]string), owners: make(map[string]string), diverted: make(map[string]diversion), links: mergedLinks(root)}
	text, err := l.readDatabase("var/lib/dpkg/status")
	if err != nil {
		return nil, err
	}
	db.status(text)
	if text, err = l.readDatabase("var/lib/dpkg/diversions"); err != nil {
		return nil, err
	}
	db.diversions(text)
	lists, err := l.files("var/lib/dpkg/info", ".list")
	if err != nil {
		return nil, err
	}
	for _, at := range lists {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if text, err = l.readDatabase(at); err != nil {
			return nil, err
		}
		db.list(strings.TrimSuffix(path.Base(at), ".list"), text)
		if len(db.owners) > maxListed {
			return nil, fmt.Errorf("dpkg's database has more than %d paths", maxListed)
		}
	}
	return db, nil
}

func (l *linter) readDatabase(name string) (string, error) {
	data, err := tree.ReadFile(l.root, name, maxList)
	if absent(err) || errors.Is(err, tree.ErrNotRegular) {
		return "", nil
	}
	return string(data), err
}

// status takes the versions of installed packages. A list is named after the
// package, and after the architecture as well if that is Multi-Arch: same.
func (db *dpkg) status(text string) {
	for stanza := range strings.SplitSeq(text, "\n\n") {
		fields := make(map[string]string)
		for line := range strings.Lines(stanza) {
			if key, value, ok := strings.Cut(line, ": "); ok {
				fields[key] = strings.TrimSpace(value)
			}
		}
		if name := fields["Package"]; name != "" {
			db.versions[name] = fields["Version"]
			db.versions[name+":"+fields["Architecture"]] = fields["Version"]
		}
	}
}

// diversions takes groups of three lines: from, to and by whom.
func (db *dpkg) diversions(text string) {
	lines := strings.Split(text, "\n")
	for ; len(lines) >= 3; lines = lines[3:] {
		db.diverted[db.canonical(lines[0])] = diversion{db.canonical(lines[1]), lines[2]}
	}
}

func (db *dpkg) list(name, text string) {
	plain, _, _ := strings.Cut(name, ":")
	for line := range strings.Lines(text) {
		at := db.canonical(strings.TrimSuffix(line, "\n"))
		if d, ok := db.diverted[at]; ok && d.by != plain {
			at = d.to
		}
		if _, taken := db.owners[at]; !taken && at != "" {
			db.owners[at] = name
		}
	}
}

// canonical is a listed path as it is found in the tree: without the slash in
// front, and in /usr what packages list in the directories that were merged
// into it.
func (db *dpkg) canonical(listed string) string {
	at := strings.TrimPrefix(listed, "/")
	first, rest, _ := strings.Cut(at, "/")
	if target, ok := db.links[first]; ok && rest != "" {
		return path.Join(target, rest)
	}
	return at
}

// mergedLinks are the links of a merged /usr.
func mergedLinks(root *os.Root) map[string]string {
	links := make(map[string]string)
	for _, name := range []string{"bin", "lib", "lib32", "lib64", "libo32", "libx32", "sbin"} {
		fi, err := root.Lstat(name)
		if err != nil || fi.Mode().Type() != fs.ModeSymlink {
			continue
		}
		if target, err := root.Readlink(name); err == nil {
			links[name] = strings.TrimPrefix(path.Clean(target), "/")
		}
	}
	return links
}
