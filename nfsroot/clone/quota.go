package clone

import "context"

// Quota limits how much clones may hold, so that one machine cannot fill the
// disk of all.
type Quota interface {
	// Limit sets the most bytes that the clone may hold; 0 means no limit. At
	// the limit, writing fails with EDQUOT.
	Limit(ctx context.Context, dir string, bytes uint64) error
	// Usage tells how much it holds.
	Usage(ctx context.Context, dir string) (Usage, error)
}

// Usage is what a clone holds.
type Usage struct {
	Bytes uint64
	Limit uint64 // 0: none
}

// BtrfsQuota limits subvolumes by their qgroups (btrfs-quota(5)), which the
// filesystem must have: see [BtrfsQuota.Enable]. With full accounting a clone's
// bytes are all that it refers to, what it shares with its base included; with
// simple quotas (Linux 6.7) they are those that were written to it.
type BtrfsQuota struct {
	// Full asks Enable for full accounting instead of simple quotas. It makes
	// removal of snapshots slow.
	Full bool
}

// ProjectQuota limits folders by project quotas, as of xfs and ext4, mounted with
// the option prjquota. A clone's bytes are those of all its files, shared or not.
// A project's number is made from the inode number of the clone's folder; Limit
// puts all that is in the folder into the project, and what is made later is in
// it by inheritance.
type ProjectQuota struct{}

var (
	_ Quota = BtrfsQuota{}
	_ Quota = ProjectQuota{}
)
