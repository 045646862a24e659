package nfsd

import (
	"cmp"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/mythic-beasts/hostkit/nfsroot/bootparam"
	"github.com/mythic-beasts/hostkit/nfsroot/export"
)

// served is an export and the file systems that were seen in it.
type served struct {
	export.Export
	fsid uint64 // what attributes carry

	mu      sync.Mutex // guards what follows
	closed  bool
	volumes map[uint32]*volume
}

// volume is a mounted file system: what it takes to open files by handle.
type volume struct {
	fd    int // of a directory on it
	mount int // the kernel's number of the mount
}

// exportTable is a snapshot of the exports.
type exportTable struct {
	byID map[uint16]*served
	list []*served // the longest paths first
}

// checkExports returns an error that names what is wrong.
func checkExports(exports []export.Export) error {
	seen := map[uint16]bool{}
	for _, x := range exports {
		switch {
		case !filepath.IsAbs(x.Path) || filepath.Clean(x.Path) != x.Path:
			return fmt.Errorf("nfsd: export %d: path %q is not absolute and clean", x.ID, x.Path)
		case !x.Client.IsValid() || x.Client.Bits() == 0:
			return fmt.Errorf("nfsd: export %d of %q: needs the address of its client", x.ID, x.Path)
		case !x.Client.IsSingleIP() && !x.SquashRoot:
			return fmt.Errorf("nfsd: export %d of %q: clients %s would each be root there", x.ID, x.Path, x.Client)
		case seen[x.ID]:
			return fmt.Errorf("nfsd: export %d of %q: another export has the same ID", x.ID, x.Path)
		}
		seen[x.ID] = true
	}
	return nil
}

// newExportTable takes over from old what has not changed.
func newExportTable(exports []export.Export, old *exportTable) (*exportTable, error) {
	if err := checkExports(exports); err != nil {
		return nil, err
	}
	t := &exportTable{byID: map[uint16]*served{}}
	for _, x := range exports {
		s := &served{Export: x, fsid: cmp.Or(x.FSID, uint64(x.ID)+1)}
		if old != nil {
			if was := old.byID[x.ID]; was != nil && sameExport(was.Export, x) {
				s = was
			}
		}
		t.byID[x.ID] = s
		t.list = append(t.list, s)
	}
	slices.SortStableFunc(t.list, func(a, b *served) int { return cmp.Compare(len(b.Path), len(a.Path)) })
	return t, nil
}

// allows reports whether any export is for this address.
func (t *exportTable) allows(addr netip.Addr) bool {
	return slices.ContainsFunc(t.list, func(s *served) bool { return s.Client.Contains(addr) })
}

// under is the export of this client that a path to mount is in, and where in it.
func (t *exportTable) under(path string, addr netip.Addr) (s *served, rest string, ok bool) {
	for _, s := range t.list {
		if !s.Client.Contains(addr) || s.Versions != nil && !slices.Contains(s.Versions, bootparam.V3) {
			continue
		}
		for _, base := range []string{s.Path, s.Pseudo} {
			if rest, ok := below(path, base); ok {
				return s, rest, true
			}
		}
	}
	return nil, "", false
}

// below is where path lies in base.
func below(path, base string) (rest string, ok bool) {
	if base == "" || path != base && !strings.HasPrefix(path, strings.TrimSuffix(base, "/")+"/") {
		return "", false
	}
	return strings.Trim(path[len(base):], "/"), true
}

// openBelow opens a directory of the export: what is there now, by its path. No
// symlink below the export's own path is followed.
func (s *served) openBelow(rest string) (int, error) {
	base, err := unix.Open(s.Path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, &os.PathError{Op: "open", Path: s.Path, Err: err}
	}
	defer unix.Close(base)
	fd, err := unix.Openat2(base, cmp.Or(rest, "."), &unix.OpenHow{
		Flags:   unix.O_RDONLY | unix.O_DIRECTORY | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS,
	})
	if err != nil {
		return -1, &os.PathError{Op: "open", Path: filepath.Join(s.Path, rest), Err: err}
	}
	return fd, nil
}

// learn remembers the file system that a directory is on. It keeps fd, or closes it.
func (s *served) learn(fd int, seal *sealer) (id uint32, v *volume, err error) {
	name, err := volumeName(fd)
	if err != nil {
		unix.Close(fd)
		return 0, nil, err
	}
	var raw rawHandle
	mount, err := rawHandleOf(fd, "", &raw)
	if err != nil {
		unix.Close(fd)
		return 0, nil, fmt.Errorf("nfsd: export %q: file system has no handles: %w", s.Path, err)
	}
	id = seal.id("volume", name)
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.volumes[id]
	if s.closed || old != nil && old.mount == mount {
		unix.Close(fd)
		if old == nil {
			return 0, nil, unix.ESTALE
		}
		return id, old, nil
	}
	if old != nil {
		unix.Close(old.fd)
	}
	if s.volumes == nil {
		s.volumes = map[uint32]*volume{}
	}
	v = &volume{fd: fd, mount: mount}
	s.volumes[id] = v
	return id, v, nil
}

// withVolume calls fn with a file system of the export that stays open meanwhile.
// One that was not seen since the start is looked for at the export's path and
// right below it, where roots are.
func (s *served) withVolume(id uint32, seal *sealer, fn func(*volume) error) error {
	if v := s.locked(id); v == nil {
		s.search(id, seal)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.volumes[id]
	if v == nil {
		return unix.ESTALE
	}
	return fn(v)
}

func (s *served) locked(id uint32) *volume {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.volumes[id]
}

func (s *served) search(id uint32, seal *sealer) {
	try := func(rest string) bool {
		fd, err := s.openBelow(rest)
		if err != nil {
			return false
		}
		got, _, err := s.learn(fd, seal)
		return err == nil && got == id
	}
	if try("") {
		return
	}
	entries, err := os.ReadDir(s.Path)
	if err != nil {
		return
	}
	for _, e := range entries {
		if e.IsDir() && try(e.Name()) {
			return
		}
	}
}

// flush closes the directories, so that nothing of the export is open.
func (s *served) flush() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, v := range s.volumes {
		unix.Close(v.fd)
		delete(s.volumes, id)
	}
}

func (s *served) close() {
	s.flush()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
}

func sameExport(a, b export.Export) bool {
	return a.Path == b.Path && a.Pseudo == b.Pseudo && a.Client == b.Client && a.FSID == b.FSID &&
		a.ReadOnly == b.ReadOnly && a.SquashRoot == b.SquashRoot && slices.Equal(a.Versions, b.Versions)
}
