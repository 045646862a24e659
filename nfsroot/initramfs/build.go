package initramfs

import (
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/mythic-beasts/hostkit/nfsroot/kmod"
)

// Options are what an initramfs holds. Init is required.
type Options struct {
	// Init is the program /init, such as [CompileInit] makes.
	Init []byte
	// Modules are loaded in this order, as [kmod.Tree.Closure] returns them.
	Modules []kmod.Module
	// Files are further files by their path from the root of the initramfs, such
	// as "lib/firmware/x.bin", mode 0644, or 0755 below bin/ and sbin/. The folders
	// above them are made.
	Files map[string][]byte
}

// Report says what [Build] wrote.
type Report struct {
	Size     int64             // of the compressed archive, bytes
	Unpacked int64             // of the cpio archive, bytes: about what it takes of the RAM until /init frees it
	SHA256   [sha256.Size]byte // of the compressed archive
	Modules  []string          // names, in the order to load them
	Firmware []string          // that the modules may ask for below /lib/firmware; not in the archive unless in Options.Files
}

// ModulesList is the file by which /init knows what to load: one path a line.
const ModulesList = "modules.list"

const moduleDir = "lib/modules"

// Build writes the archive to w. The same options give the same bytes.
func Build(w io.Writer, o Options) (*Report, error) {
	entries, err := o.entries()
	if err != nil {
		return nil, fmt.Errorf("initramfs: %w", err)
	}
	sum := sha256.New()
	counted := &counter{w: io.MultiWriter(w, sum)}
	z, err := gzip.NewWriterLevel(counted, gzip.BestCompression)
	if err != nil {
		return nil, fmt.Errorf("initramfs: %w", err)
	}
	archive := &cpioWriter{w: z}
	for _, e := range entries {
		archive.entry(e)
	}
	if err := errors.Join(archive.close(), z.Close()); err != nil {
		return nil, fmt.Errorf("initramfs: write: %w", err)
	}
	r := &Report{Size: counted.n, Unpacked: archive.size, SHA256: [sha256.Size]byte(sum.Sum(nil))}
	for _, m := range o.Modules {
		r.Modules = append(r.Modules, m.Name)
		r.Firmware = append(r.Firmware, m.Info.Firmware...)
	}
	return r, nil
}

// entries are those of the archive, sorted so that each folder comes before what
// is in it.
func (o Options) entries() ([]entry, error) {
	if len(o.Init) == 0 {
		return nil, errors.New("Options.Init is empty: the kernel needs a program /init")
	}
	files := map[string]entry{
		"init": {mode: typeFile | 0o755, data: o.Init},
		// The kernel opens it for /init before there is a devtmpfs.
		"dev/console": {mode: typeChar | 0o600, major: 5, minor: 1},
	}
	if err := o.addModules(files); err != nil {
		return nil, err
	}
	for name, data := range o.Files {
		if !fs.ValidPath(name) || name == "." || strings.ContainsRune(name, 0) {
			return nil, fmt.Errorf("Options.Files has %q, which is not a path from the root, without a leading slash", name)
		}
		if _, taken := files[name]; taken {
			return nil, fmt.Errorf("Options.Files has %q, which is made of other options", name)
		}
		files[name] = entry{mode: typeFile | fileMode(name), data: data}
	}
	return withFolders(files)
}

func fileMode(name string) uint32 {
	if dir := path.Base(path.Dir(name)); dir == "bin" || dir == "sbin" {
		return 0o755
	}
	return 0o644
}

func (o Options) addModules(files map[string]entry) error {
	var list strings.Builder
	for _, m := range o.Modules {
		data, err := m.Data()
		if err != nil {
			return err
		}
		name := path.Join(moduleDir, m.Name+".ko")
		if !fs.ValidPath(name) || path.Dir(name) != moduleDir || strings.ContainsAny(m.Name, " \n\x00") {
			return fmt.Errorf("module %q has no name that fits in a list", m.Name)
		}
		if _, twice := files[name]; twice {
			return fmt.Errorf("module %q is there twice", m.Name)
		}
		files[name] = entry{mode: typeFile | 0o644, data: data}
		fmt.Fprintf(&list, "/%s\n", name)
	}
	files[ModulesList] = entry{mode: typeFile | 0o644, data: []byte(list.String())}
	return nil
}

// mountPoints are folders that /init mounts something on.
var mountPoints = []string{"dev", "newroot", "proc", "run", "sys"}

func withFolders(files map[string]entry) ([]entry, error) {
	folders := make(map[string]bool)
	for _, name := range mountPoints {
		folders[name] = true
	}
	for name := range files {
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			folders[dir] = true
		}
	}
	for dir := range folders {
		if _, isFile := files[dir]; isFile {
			return nil, fmt.Errorf("%q is a file and a folder", dir)
		}
		files[dir] = entry{mode: typeDir | 0o755}
	}
	entries := make([]entry, 0, len(files))
	for _, name := range slices.Sorted(maps.Keys(files)) {
		e := files[name]
		e.name = name
		entries = append(entries, e)
	}
	return entries, nil
}

// counter counts what is written through it.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += int64(n)
	return n, err
}
