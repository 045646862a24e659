package netboottest

import (
	"hash/fnv"
	"io/fs"
	"math/rand/v2"
	"path"
	"testing/fstest"

	"github.com/mythic-beasts/hostkit/netboot/rpi"
)

// Sizes of firmware files, as of real ones.
const (
	bootcodeSize = 52460
	firmwareSize = 2979264
	fixupSize    = 7288
	treeSize     = 31790
	overlaySize  = 2711
)

// BootTree returns a complete set of boot files for a model, with made-up
// contents that are the same each time, a real config.txt and cmdline.txt, and
// a kernel of the given size in bytes. start.elf is no larger than the kernel,
// so that a test with a small kernel is a small test. The files are in memory;
// one tree may serve any number of machines.
func BootTree(model rpi.Model, kernelSize int) fs.FS {
	tree := fstest.MapFS{
		"config.txt":  {Data: []byte("arm_64bit=1\nenable_uart=1\n"), Mode: 0o444},
		"cmdline.txt": {Data: []byte("console=serial0,115200 root=/dev/nfs rw ip=dhcp\n"), Mode: 0o444},
	}
	add := func(name string, size int) { tree[name] = &fstest.MapFile{Data: fill(name, size), Mode: 0o444} }
	b := boards[model]
	if model == rpi.Model3B || model == rpi.Model3BPlus {
		add("bootcode.bin", bootcodeSize)
	}
	if b.firmware != "" {
		add(b.firmware, min(firmwareSize, kernelSize))
	}
	for _, name := range b.first {
		if matched, _ := path.Match("fixup*.dat", name); matched {
			add(name, fixupSize)
		}
	}
	for i, name := range b.tree {
		size := treeSize
		if i > 0 {
			size = overlaySize
		}
		add(name, size)
	}
	if len(b.kernels) > 0 {
		add(b.kernels[0], kernelSize)
	}
	return tree
}

// fill returns size bytes that look random and depend on name only.
func fill(name string, size int) []byte {
	sum := fnv.New64a()
	sum.Write([]byte(name))
	var seed [32]byte
	copy(seed[:], sum.Sum(nil))
	data := make([]byte, size)
	_, _ = rand.NewChaCha8(seed).Read(data) // never fails
	return data
}
