package nfsroot

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/mythic-beasts/hostkit/nfsroot/internal/tree"
)

// SizeReport says what a tree takes, and what takes it. It marshals to JSON; two
// reports of the same tree are the same.
type SizeReport struct {
	Total Usage `json:"total"`
	// Packages are those of dpkg's database, the largest first. What belongs to
	// none, such as caches and what maintainer scripts made, is under the name "".
	Packages []PackageUsage `json:"packages"`
	// Unpackaged is what is under the name "" above, by directory.
	Unpackaged []PathUsage `json:"unpackaged"`
	// Paths are directories, at most three levels deep, with all that is below
	// them, the largest first; those with less than a hundredth of it all are left
	// out.
	Paths []PathUsage `json:"paths"`
}

// Usage is what files take. A file with several names counts once.
type Usage struct {
	Allocated int64 `json:"allocated"` // bytes on disk
	Apparent  int64 `json:"apparent"`  // bytes by the length of files and links
	Inodes    int64 `json:"inodes"`
}

// PackageUsage is what the files of a package take.
type PackageUsage struct {
	Name    string `json:"name"` // with the architecture if dpkg has it so: "libc6:amd64"
	Version string `json:"version,omitempty"`
	Usage
}

// PathUsage is what a directory and all below it takes.
type PathUsage struct {
	Path string `json:"path"` // below the root, with slashes
	Usage
}

func (u *Usage) add(v Usage) {
	u.Allocated += v.Allocated
	u.Apparent += v.Apparent
	u.Inodes += v.Inodes
}

// Size measures the tree at root: by package as dpkg's database has it, and by
// directory. What is mounted below it does not count. A directory that several packages have belongs to the first of them
// by name. The tree may be hostile, as for [Lint]; what could not be read is in
// the error, beside a report of the rest.
func Size(ctx context.Context, root string) (*SizeReport, error) {
	r, err := os.OpenRoot(root)
	if err != nil {
		return nil, fmt.Errorf("nfsroot: size: %w", err)
	}
	defer r.Close()
	db, err := readDpkg(ctx, r)
	if err != nil {
		return nil, fmt.Errorf("nfsroot: size of %s: %w", root, err)
	}
	m := &meter{
		db: db, packages: make(map[string]*Usage), unpackaged: make(map[string]*Usage), paths: make(map[string]*Usage),
		linked: make(map[inode]linked),
	}
	mounts, err := mountsIn(root)
	if err != nil {
		return nil, fmt.Errorf("nfsroot: size of %s: %w", root, err)
	}
	err = tree.Walk(ctx, r, func(e tree.Entry) error {
		if slices.Contains(mounts, e.Path) {
			return fs.SkipDir
		}
		m.entry(e)
		return nil
	})
	if err != nil {
		err = fmt.Errorf("nfsroot: size of %s: %w", root, err)
	}
	return m.report(), err
}

type inode struct{ dev, ino uint64 }

// meter adds up what a walk comes by.
type meter struct {
	db         *dpkg
	total      Usage
	packages   map[string]*Usage
	unpackaged map[string]*Usage
	paths      map[string]*Usage
	linked     map[inode]linked
}

// linked is a file with several names, under the first of them that is some
// package's, else the first.
type linked struct {
	path  string
	usage Usage
}

const pathLevels = 3

func (m *meter) entry(e tree.Entry) {
	u := Usage{Apparent: e.Info.Size(), Inodes: 1}
	if e.Info.IsDir() {
		u.Apparent = 0 // what it says depends on the filesystem
	}
	st, ok := tree.StatOf(e.Info)
	u.Allocated = st.Allocated
	if !ok || st.Links < 2 || e.Info.IsDir() {
		m.add(e.Path, e.Info.IsDir(), u)
		return
	}
	key := inode{st.Dev, st.Ino}
	if known, ok := m.linked[key]; !ok || m.before(e.Path, known.path) {
		m.linked[key] = linked{e.Path, u}
	}
}

func (m *meter) before(a, b string) bool {
	if owned := m.db.owners[a] != ""; owned != (m.db.owners[b] != "") {
		return owned
	}
	return a < b
}

func (m *meter) add(at string, dir bool, u Usage) {
	m.total.add(u)
	owner := m.db.owners[at]
	addTo(m.packages, owner, u)
	parts := strings.Split(at, "/")
	if owner == "" {
		addTo(m.unpackaged, path.Join(parts[:min(pathLevels, len(parts))]...), u)
	}
	if !dir {
		parts = parts[:len(parts)-1]
	}
	for i := range min(pathLevels, len(parts)) {
		addTo(m.paths, path.Join(parts[:i+1]...), u)
	}
}

func addTo(m map[string]*Usage, key string, u Usage) {
	if m[key] == nil {
		m[key] = new(Usage)
	}
	m[key].add(u)
}

func (m *meter) report() *SizeReport {
	for _, l := range m.linked {
		m.add(l.path, false, l.usage)
	}
	r := &SizeReport{Total: m.total, Packages: []PackageUsage{}}
	for name, u := range m.packages {
		r.Packages = append(r.Packages, PackageUsage{name, m.db.versions[name], *u})
	}
	slices.SortFunc(r.Packages, func(a, b PackageUsage) int {
		return cmp.Or(bySize(a.Usage, b.Usage), cmp.Compare(a.Name, b.Name))
	})
	r.Unpackaged = byPath(m.unpackaged, 0)
	r.Paths = byPath(m.paths, m.total.Allocated/100)
	return r
}

func byPath(m map[string]*Usage, least int64) []PathUsage {
	list := []PathUsage{}
	for name, u := range m {
		if u.Allocated >= least && name != "." {
			list = append(list, PathUsage{name, *u})
		}
	}
	slices.SortFunc(list, func(a, b PathUsage) int { return cmp.Or(bySize(a.Usage, b.Usage), cmp.Compare(a.Path, b.Path)) })
	return list
}

func bySize(a, b Usage) int {
	return cmp.Or(cmp.Compare(b.Allocated, a.Allocated), cmp.Compare(b.Apparent, a.Apparent))
}

// WriteText writes the report as tables for people, with at most rows lines of
// each; 0 means all.
func (r *SizeReport) WriteText(w io.Writer, rows int) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	line := func(u Usage, name string) {
		fmt.Fprintf(t, "%s\t%s\t%d\t  %s\n", megabytes(u.Allocated), megabytes(u.Apparent), u.Inodes, name)
	}
	table := func(title string, n int, row func(i int) (Usage, string)) {
		fmt.Fprintf(t, "MB on disk\tlength\tinodes\t  %s\n", title)
		shown := n
		if rows > 0 {
			shown = min(rows, n)
		}
		for i := range shown {
			line(row(i))
		}
		if shown < n {
			fmt.Fprintf(t, "\t\t\t  and %d more\n", n-shown)
		}
		fmt.Fprintf(t, "\t\t\t\n")
	}
	table("package", len(r.Packages), func(i int) (Usage, string) {
		p := r.Packages[i]
		return p.Usage, cmp.Or(strings.TrimSpace(p.Name+" "+p.Version), "(no package)")
	})
	table("of no package", len(r.Unpackaged), func(i int) (Usage, string) { return r.Unpackaged[i].Usage, printable(r.Unpackaged[i].Path) })
	table("directory", len(r.Paths), func(i int) (Usage, string) { return r.Paths[i].Usage, printable(r.Paths[i].Path) })
	line(r.Total, "all")
	return t.Flush()
}

// printable quotes a path that could move the cursor of a terminal, or a column.
func printable(name string) string {
	if quoted := fmt.Sprintf("%q", name); quoted[1:len(quoted)-1] != name {
		return quoted
	}
	return name
}

func megabytes(n int64) string { return fmt.Sprintf("%.1f", float64(n)/1e6) }
