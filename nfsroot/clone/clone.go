package clone

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"unicode"
)

var (
	// ErrMounted is why a tree was not removed or cloned: something is mounted
	// at or below it.
	ErrMounted = errors.New("something is mounted inside")
	// ErrUnsafePath is why a path was refused: its last element is no plain
	// name, or the paths of base and clone lie within each other.
	ErrUnsafePath = errors.New("unsafe path")
)

// Cloner makes and removes clones of trees.
type Cloner interface {
	// Clone makes dst, which must not exist and whose folder must, a writable
	// copy of the folder base.
	Clone(ctx context.Context, base, dst string) error
	// Remove removes a clone. The name is free as soon as removal has begun.
	Remove(ctx context.Context, dst string) error
	// Capabilities says what to expect of the driver.
	Capabilities() Capabilities
}

// Importer is implemented by drivers that take a tree from any filesystem and
// make of it the base that they clone best. Import leaves src as it is.
type Importer interface {
	Import(ctx context.Context, src, dst string) error
}

// Capabilities describe a driver.
type Capabilities struct {
	Name          string      // as in "btrfs"
	Instant       bool        // the time does not grow with the tree
	SharesSpace   bool        // a clone takes space for what differs only
	NeedsMount    bool        // a clone is a mount, and has to be mounted again after a restart
	NeedsRoot     bool        // it works for root only
	ImmutableBase bool        // the base must not change, or go, while a clone is there
	Quota         []QuotaKind // what can limit the size of a clone
	Export        string      // what to know when an NFS server exports clones
}

// QuotaKind is a way to limit how much a clone may hold.
type QuotaKind string

// The kinds of quota.
const (
	Qgroup  QuotaKind = "btrfs qgroup"  // see BtrfsQuota
	Project QuotaKind = "project quota" // see ProjectQuota
)

// Btrfs clones by snapshots. A base that is a plain folder is turned into a
// subvolume at its first Clone: its files are reflinked into one, which takes its
// place, and the folder is removed.
//
// A snapshot does not hold subvolumes that lie in the base: they are empty
// folders there.
type Btrfs struct{}

// Reflink clones file by file, sharing blocks by the ioctl FICLONE.
type Reflink struct {
	// Workers is how many folders are worked on at the same time; 0 means one
	// for each processor, at least two.
	Workers int
	// NoSync leaves it to the caller to put clones on disk, by one syncfs for
	// many.
	NoSync bool
}

// Copy copies file by file, leaving holes where the base has holes.
type Copy struct {
	Workers int  // as in Reflink
	NoSync  bool // as in Reflink
}

// Overlay clones by mounting an overlay filesystem over the base (kernel
// documentation, filesystems/overlayfs.rst), with index=on and nfs_export=on. A
// clone's own files are in a folder beside dst, named ".NAME.overlay".
type Overlay struct{}

var (
	_ Cloner   = Btrfs{}
	_ Cloner   = Reflink{}
	_ Cloner   = Overlay{}
	_ Cloner   = Copy{}
	_ Importer = Btrfs{}
	_ Importer = Reflink{}
	_ Importer = Copy{}
)

// Capabilities implements [Cloner].
func (Btrfs) Capabilities() Capabilities {
	return Capabilities{
		Name: "btrfs", Instant: true, SharesSpace: true, NeedsRoot: true, Quota: []QuotaKind{Qgroup},
		Export: "each clone has its own device number and the same inode numbers as its base: give each its own fsid. " +
			"nfs-ganesha's FSAL_VFS finds a clone only where it is mounted, by bind or subvol=; nfsd needs no mount",
	}
}

// Capabilities implements [Cloner].
func (Reflink) Capabilities() Capabilities {
	return Capabilities{
		Name: "reflink", SharesSpace: true, Quota: []QuotaKind{Project},
		Export: "clones share one filesystem: file handles do not keep machines apart. Give those that are not trusted a filesystem each",
	}
}

// Capabilities implements [Cloner].
func (Overlay) Capabilities() Capabilities {
	return Capabilities{
		Name: "overlay", Instant: true, SharesSpace: true, NeedsMount: true, NeedsRoot: true, ImmutableBase: true,
		Export: "needs an fsid for each; mount clones before the server starts",
	}
}

// Capabilities implements [Cloner].
func (Copy) Capabilities() Capabilities {
	return Capabilities{Name: "copy", Quota: []QuotaKind{Project}, Export: Reflink{}.Capabilities().Export}
}

// tempPrefix begins the names of what is not finished, or being removed.
const tempPrefix = ".clone-"

// checkName refuses a last element that is not a plain name.
func checkName(dst string) error {
	name := filepath.Base(dst)
	bad := func(r rune) bool { return unicode.IsControl(r) || r == unicode.ReplacementChar }
	switch {
	case dst == "", name == ".", name == "..", name == string(filepath.Separator),
		strings.HasPrefix(name, tempPrefix), strings.ContainsFunc(name, bad):
		return fmt.Errorf("%q: %w", dst, ErrUnsafePath)
	}
	return nil
}

// checkApart refuses paths of which one is or contains the other.
func checkApart(base, dst string) error {
	b, err := filepath.EvalSymlinks(base)
	if err != nil {
		return err
	}
	parent, err := filepath.EvalSymlinks(filepath.Dir(dst))
	if err != nil {
		return err
	}
	if b, err = filepath.Abs(b); err != nil {
		return err
	}
	d, err := filepath.Abs(filepath.Join(parent, filepath.Base(dst)))
	if err != nil {
		return err
	}
	if within(b, d) || within(d, b) {
		return fmt.Errorf("%q and %q: one contains the other: %w", base, dst, ErrUnsafePath)
	}
	return nil
}

// within reports whether inner is outer or below it; both are clean and absolute.
func within(outer, inner string) bool {
	rel, err := filepath.Rel(outer, inner)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}
