package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// makeTree makes a tree of the size of a Debian root with a kernel: 12,000 inodes
// and 384 MB, most files small. It is the same each time.
func makeTree(root string) error {
	const folders, files, links = 1200, 9200, 1600
	rnd := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same each time
	data := make([]byte, 2<<20)
	for i := range data {
		data[i] = byte(rnd.Uint32())
	}
	dirs := []string{filepath.Join(root, "etc")}
	if err := os.MkdirAll(dirs[0], 0o755); err != nil {
		return err
	}
	for i := range folders {
		dir := filepath.Join(dirs[rnd.IntN(len(dirs))], fmt.Sprint("folder", i))
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
		dirs = append(dirs, dir)
	}
	for i := range files {
		size := 4 << 10
		switch p := rnd.IntN(100); {
		case p < 1:
			size = 2 << 20
		case p < 10:
			size = 150 << 10
		case p < 40:
			size = 20 << 10
		}
		size = size/2 + rnd.IntN(size/2+1)*2*2/3
		path := filepath.Join(dirs[rnd.IntN(len(dirs))], fmt.Sprint("file", i))
		if err := os.WriteFile(path, data[:min(size, len(data))], 0o644); err != nil {
			return err
		}
	}
	for i := range links {
		if err := os.Symlink("../some/library.so.1.2.3", filepath.Join(dirs[rnd.IntN(len(dirs))], fmt.Sprint("link", i))); err != nil {
			return err
		}
	}
	return run("sync", "-f", root)
}
