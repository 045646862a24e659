package farm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
)

// ErrUnsafePath is why a push to a Pi was refused: on the way to the target there
// is something else than a folder, a link for instance.
var ErrUnsafePath = errors.New("unsafe path")

// PushOptions say what a push does.
type PushOptions struct {
	// Names of the Pis. Nil means all.
	Names []string
	// Delete removes what an earlier push to the same place put there and is no
	// longer in the source, unless the Pi has changed it since.
	Delete bool
	// UID and GID own what is pushed.
	UID, GID int
	// FileMode and DirMode are the permissions, without setuid and the like. 0 means the source's; and for
	// sources without any, 0644 and 0755.
	FileMode, DirMode fs.FileMode
}

// PushReport tells what a push did, or what [Farm.Drift] found.
type PushReport struct {
	Pis []PiReport // in the order of the names
}

// PiReport is about one Pi. The paths are relative to the target. Push restores
// what is changed or missing, and does not look whether a file was changed of which
// the source is new, nor at files that are no longer in the source: [Farm.Drift]
// looks at all.
type PiReport struct {
	Name      string
	Written   []string // they were missing or different
	Unchanged int      // files that were as they should be
	Deleted   []string
	Kept      []string // not deleted: the Pi has changed them since they were pushed
	Changed   []string // by others since the last push; see below
	Missing   []string // since the last push; see below
	Extra     []string // in the folders pushed to, put there by others; at most MaxExtra
	Err       error    // what kept the rest from being done
}

// MaxExtra is how many names of others are reported of one Pi, which may make as
// many as it likes.
const MaxExtra = 1000

// pushed is what pushes put into a root: by target, digests of files by path, and
// folders. It is kept where the Pi cannot change it.
type pushed map[string]*pushedTree

type pushedTree struct {
	Files map[string]string `json:"files"`
	Dirs  []string          `json:"dirs,omitempty"`
}

func (f *Farm) loadPushed(name string) (pushed, error) {
	text, err := os.ReadFile(f.pushed(name))
	if errors.Is(err, fs.ErrNotExist) {
		return pushed{}, nil
	}
	p := pushed{}
	if err == nil {
		err = json.Unmarshal(text, &p)
	}
	if err != nil {
		return nil, fmt.Errorf("what was pushed to %q: %w", name, err)
	}
	return p, nil
}

// savePushed leaves it to the push to put it on disk, with all else.
func (f *Farm) savePushed(name string, p pushed) error {
	text, err := json.Marshal(p)
	if err == nil {
		err = os.WriteFile(f.pushed(name)+".new", text, 0o600)
	}
	if err == nil {
		err = os.Rename(f.pushed(name)+".new", f.pushed(name))
	}
	if err != nil {
		return fmt.Errorf("what was pushed to %q: %w", name, err)
	}
	return nil
}

// cleanTarget takes a path in a root, absolute or not.
func cleanTarget(to string) (string, error) {
	clean := strings.TrimPrefix(to, "/")
	if !fs.ValidPath(clean) || clean == "." || strings.ContainsRune(clean, 0) {
		return "", fmt.Errorf("target %q: %w", to, ErrUnsafePath)
	}
	return clean, nil
}

// Push copies the files of src into the folder to of roots: of those that are
// served now, while the Pis run. What of src is neither file nor folder is
// refused. A file that differs is replaced at once, by renaming: whoever reads it
// has the old one or the new one. One that has the right content is not touched.
//
// The source is read once, and its blocks are shared with all roots where the
// filesystem can do that. When Push returns, all is on disk, by one sync at the
// end. A crash before leaves each file old or new.
//
// Pis are independent: when there is an error with some, which is a [PiError] for
// each, the others were pushed to. The report is complete in either case.
func (f *Farm) Push(ctx context.Context, src fs.FS, to string, o PushOptions) (*PushReport, error) {
	report, err := f.push(ctx, src, to, o)
	if err != nil {
		err = fmt.Errorf("farm: push to %q: %w", to, err)
	}
	return report, err
}

func (f *Farm) push(ctx context.Context, src fs.FS, to string, o PushOptions) (*PushReport, error) {
	target, err := cleanTarget(to)
	if err != nil {
		return nil, err
	}
	names, err := f.chosen(o.Names)
	if err != nil {
		return nil, err
	}
	stage, err := f.stage(ctx, src, o)
	if err != nil {
		return nil, err
	}
	defer stage.close(context.WithoutCancel(ctx))
	report := &PushReport{Pis: make([]PiReport, len(names))}
	err = f.each(names, func(i int, name string) error {
		r := &report.Pis[i]
		r.Name = name
		r.Err = f.withRoot(ctx, name, func(root *rootDir) error {
			return f.pushTo(ctx, root, stage, target, o, r)
		})
		return r.Err
	})
	return report, errors.Join(err, syncAll(f.dir))
}

// Drift compares what is in roots with what was last pushed into the folder to.
func (f *Farm) Drift(ctx context.Context, to string, names ...string) (*PushReport, error) {
	target, err := cleanTarget(to)
	if err == nil {
		names, err = f.chosen(names)
	}
	if err != nil {
		return nil, fmt.Errorf("farm: drift: %w", err)
	}
	report := &PushReport{Pis: make([]PiReport, len(names))}
	err = f.each(names, func(i int, name string) error {
		r := &report.Pis[i]
		r.Name = name
		r.Err = f.withRoot(ctx, name, func(root *rootDir) error {
			all, err := f.loadPushed(name)
			if err != nil || all[target] == nil {
				return err
			}
			return root.drift(ctx, target, all[target], r)
		})
		return r.Err
	})
	if err != nil {
		err = fmt.Errorf("farm: drift of %q: %w", to, err)
	}
	return report, err
}

func (f *Farm) chosen(names []string) ([]string, error) {
	if names == nil {
		return f.Names()
	}
	return distinct(names)
}

// withRoot opens the root that a Pi is served, under its lock.
func (f *Farm) withRoot(ctx context.Context, name string, fn func(*rootDir) error) error {
	return f.change(ctx, name, func(s *State) error {
		g, err := s.Generation(s.Current)
		if err != nil {
			return err
		}
		root, err := openRoot(f.served(name), g.Handle)
		if err != nil {
			return err
		}
		defer root.close()
		return fn(root)
	})
}

// pushTo pushes to one root.
func (f *Farm) pushTo(ctx context.Context, root *rootDir, s *stage, target string, o PushOptions, r *PiReport) error {
	all, err := f.loadPushed(r.Name)
	if err != nil {
		return err
	}
	before := all[target]
	if before == nil {
		before = &pushedTree{Files: map[string]string{}}
	}
	// What is about to be there is noted first: a push that is killed must not
	// leave files that no later one may delete.
	now := s.merge(before)
	all[target] = now
	if err := f.savePushed(r.Name, all); err != nil {
		return err
	}
	if err := root.put(ctx, target, s, before, o, r); err != nil || !o.Delete {
		return err
	}
	if err := root.remove(ctx, target, s, before, r); err != nil {
		return err
	}
	all[target] = s.tree()
	return f.savePushed(r.Name, all)
}

// tree is what the source holds.
func (s *stage) tree() *pushedTree {
	t := &pushedTree{Files: make(map[string]string, len(s.files)), Dirs: slices.Clone(s.dirs)}
	for _, file := range s.files {
		t.Files[file.path] = file.sum
	}
	return t
}

// merge is tree with what was there before.
func (s *stage) merge(before *pushedTree) *pushedTree {
	t := s.tree()
	for path, sum := range before.Files {
		if _, ok := t.Files[path]; !ok {
			t.Files[path] = sum
		}
	}
	t.Dirs = append(t.Dirs, before.Dirs...)
	slices.Sort(t.Dirs)
	t.Dirs = slices.Compact(t.Dirs)
	return t
}

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

// stage is the source, on the filesystem of the roots.
type stage struct {
	dir   string
	files []stagedFile // in the order of their paths
	inDir map[string][]stagedFile
	dirs  []string    // below the target, parents first
	mode  fs.FileMode // of folders
	drop  func(ctx context.Context) error
}

type stagedFile struct {
	path string // as in the source
	at   string // where it is staged
	size int64
	mode fs.FileMode
	sum  string // SHA-256, hexadecimal
}

func (s *stage) close(ctx context.Context) { s.drop(ctx) } //nolint:errcheck // the next Open removes it
