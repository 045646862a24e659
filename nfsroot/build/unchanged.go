package build

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/mythic-beasts/hostkit/nfsroot"
)

// mark is what the lock file beside a root says of it, so that the same root is
// not unpacked over itself. It is believed only as far as the root is as it says.
type mark struct {
	Key    string `json:"key"`    // in the cache
	Digest string `json:"digest"` // of the manifest
	State  string `json:"state"`  // of the tree, as of treeState
}

// maxMark is above the length of any mark.
const maxMark = 4096

// unchanged returns the root's manifest when the cache has it and it lies at the
// destination as it was built. Nil is no: whatever the reason, a build mends it.
func (r *run) unchanged(ctx context.Context, t *target) *nfsroot.Manifest {
	f, m, err := r.find()
	if err != nil {
		return nil
	}
	f.Close()
	var was mark
	text, err := io.ReadAll(io.NewSectionReader(t.lock, 0, maxMark))
	if err != nil || json.Unmarshal(text, &was) != nil || was.Key != r.key() || was.Digest != m.Digest {
		return nil
	}
	if state, err := treeState(ctx, t.dst); err != nil || state != was.State {
		return nil
	}
	return m
}

// setMark says what the destination is about to be. Should it not come to that,
// what is there is not as the mark says.
func (t *target) setMark(ctx context.Context, key string, m *nfsroot.Manifest) error {
	state, err := treeState(ctx, t.stage)
	if err != nil {
		return err
	}
	text, err := json.Marshal(mark{key, m.Digest, state})
	if err != nil {
		return err
	}
	if err := t.lock.Truncate(0); err != nil {
		return err
	}
	_, err = t.lock.WriteAt(text, 0)
	return err
}

// treeState is a digest of all names in a tree, each with its inode's number,
// mode, owner, links, size, and times of modification and of change. Nobody can
// change a file's contents or attributes, other than below the file system,
// without that the last changes. The tree's own is left out: renaming the tree
// changes it.
func treeState(ctx context.Context, dir string) (string, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", err
	}
	defer root.Close()
	sum := sha256.New()
	err = walk(ctx, root, func(e entryAt) error {
		own, node := stat(e.info)
		changed := int64(0)
		if e.name != "." {
			changed = changeTime(e.info)
		}
		_, err := fmt.Fprintf(sum, "%q %d %d %d:%d %d %d %d %d\n", e.name, node.ino, e.info.Mode(), own.uid, own.gid,
			node.links, e.info.Size(), e.info.ModTime().UnixNano(), changed)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("look at %s: %w", dir, err)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
