package clone_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/mythic-beasts/hostkit/internal/loopfs"
	"github.com/mythic-beasts/hostkit/nfsroot/clone"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// fill writes until the quota stops it, and returns how much there was room for.
func fill(t *testing.T, path string) int64 {
	t.Helper()
	f, err := os.Create(path)
	require.NoError(t, err)
	defer f.Close()
	block := make([]byte, 1<<20)
	for i := range block {
		block[i] = byte(i)
	}
	for written := int64(0); written < 200<<20; written += int64(len(block)) {
		_, err = f.Write(block)
		if err = errors.Join(err, f.Sync()); err != nil {
			require.ErrorIs(t, err, unix.EDQUOT)
			return written
		}
	}
	t.Fatal("nothing stopped it")
	return 0
}

const mib = 1 << 20

func testQuota(t *testing.T, dir string, c clone.Cloner, q clone.Quota, limit uint64) {
	base, one, two := makeTree(t, dir), filepath.Join(dir, "one"), filepath.Join(dir, "two")
	require.NoError(t, c.Clone(t.Context(), base, one))
	require.NoError(t, c.Clone(t.Context(), base, two))
	require.NoError(t, q.Limit(t.Context(), one, limit))
	require.NoError(t, q.Limit(t.Context(), two, limit))
	room := fill(t, filepath.Join(one, "big"))
	require.Positive(t, room)
	require.LessOrEqual(t, room, int64(limit))

	// The other one does not suffer.
	require.NoError(t, os.WriteFile(filepath.Join(two, "small"), make([]byte, mib), 0o644))
	u, err := q.Usage(t.Context(), one)
	require.NoError(t, err)
	require.EqualValues(t, limit, u.Limit)
	require.LessOrEqual(t, u.Bytes, limit)
	require.GreaterOrEqual(t, u.Bytes, uint64(room))
	other, err := q.Usage(t.Context(), two)
	require.NoError(t, err)
	require.Less(t, other.Bytes, u.Bytes)

	// More room, then none to stop it.
	require.NoError(t, q.Limit(t.Context(), one, 2*limit))
	require.NoError(t, os.WriteFile(filepath.Join(one, "more"), make([]byte, mib), 0o644))
	require.NoError(t, q.Limit(t.Context(), one, 0))
	u, err = q.Usage(t.Context(), one)
	require.NoError(t, err)
	require.Zero(t, u.Limit)
	require.NoError(t, c.Remove(t.Context(), one))
}

func TestBtrfsQuota(t *testing.T) {
	for name, q := range map[string]clone.BtrfsQuota{"simple": {}, "full": {Full: true}} {
		t.Run(name, func(t *testing.T) {
			dir := loopfs.Mount(t, "btrfs", loopfs.Options{})
			require.NoError(t, q.Enable(t.Context(), dir))
			require.NoError(t, q.Enable(t.Context(), dir), "again")
			testQuota(t, dir, clone.Btrfs{}, q, 40*mib)
		})
	}
}

// Kernels without CONFIG_QFMT_V2, or CONFIG_XFS_QUOTA, cannot mount these.
func TestProjectQuota(t *testing.T) {
	t.Run("ext4", func(t *testing.T) {
		testProject(t, "ext4", clone.Copy{}, loopfs.Options{Format: []string{"-O", "quota,project"}, Mount: "prjquota"})
	})
	t.Run("xfs", func(t *testing.T) { testProject(t, "xfs", clone.Reflink{}, loopfs.Options{Mount: "prjquota"}) })
}

func testProject(t *testing.T, kind string, c clone.Cloner, o loopfs.Options) {
	dir, err := loopfs.TryMount(t, kind, o)
	if err != nil {
		t.Skipf("this kernel has no project quotas: %v", err)
	}
	testQuota(t, dir, c, clone.ProjectQuota{}, 40*mib)
}

func TestNoQuota(t *testing.T) {
	dir := loopfs.Mount(t, "btrfs", loopfs.Options{})
	plain := filepath.Join(dir, "plain")
	require.NoError(t, os.Mkdir(plain, 0o755))
	require.ErrorIs(t, clone.BtrfsQuota{}.Limit(t.Context(), plain, mib), errors.ErrUnsupported)
	src := rootTemp(t)
	require.NoError(t, clone.Btrfs{}.Import(t.Context(), src, filepath.Join(dir, "base")))
	_, err := clone.BtrfsQuota{}.Usage(t.Context(), filepath.Join(dir, "base"))
	require.ErrorContains(t, err, "quotas are off")

	xfs := loopfs.Mount(t, "xfs", loopfs.Options{})
	sub := filepath.Join(xfs, "pi1")
	require.NoError(t, os.Mkdir(sub, 0o755))
	require.ErrorIs(t, clone.ProjectQuota{}.Limit(t.Context(), sub, mib), errors.ErrUnsupported)
	require.ErrorIs(t, clone.BtrfsQuota{}.Enable(t.Context(), xfs), errors.ErrUnsupported)
}
