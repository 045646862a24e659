package boottree

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/mythic-beasts/hostkit/nfsroot/bootparam"
	"github.com/mythic-beasts/hostkit/nfsroot/deb"
)

// Source is where packages come from. A [deb.Source] is one.
type Source interface {
	// Kernel returns the kernel that a name or a metapackage stands for.
	Kernel(ctx context.Context, name string) (deb.Package, error)
	// Fetch returns the path of a package's .deb and its version.
	Fetch(ctx context.Context, name string) (path, version string, err error)
}

var _ Source = (*deb.Source)(nil)

// Options say what is in a boot tree. Only Source is required.
type Options struct {
	Source Source
	// Kernel is the package of the kernel, or a metapackage. "" means
	// linux-image-arm64. For 32 bits say linux-image-armmp, with a Source of that
	// architecture.
	Kernel string
	// Models are the models that the tree is for. Nil means every one that the
	// kernel has a device tree for.
	Models []Model
	// Initrd is the initramfs. Nil means none, unless MakeInitrd makes one.
	Initrd []byte
	// MakeInitrd makes the initramfs for the kernel whose modules are in the
	// folder lib/modules/VERSION given, which goes away when it returns. Nil means
	// Initrd.
	MakeInitrd func(ctx context.Context, modules string) ([]byte, error)
	// Cmdline is cmdline.txt. The zero value has all told by DHCP.
	Cmdline bootparam.Cmdline
	// Config follows the package's own settings in config.txt, of which a later
	// one wins. Nil means nothing.
	Config bootparam.ConfigTXT
	// RawKernel leaves an arm64 kernel as it is. Otherwise it is compressed by
	// gzip, which the firmware undoes, to a third of the size. 32-bit kernels
	// are compressed as they come.
	RawKernel bool
	// SourceDate is the time of every file. Zero means that of the kernel image
	// in its package.
	SourceDate time.Time
}

// The names in a boot tree.
const (
	KernelFile  = "vmlinuz"
	InitrdFile  = "initrd.img"
	ConfigFile  = "config.txt"
	CmdlineFile = "cmdline.txt"
)

// firmwarePackage has the firmware, in section non-free-firmware.
const firmwarePackage = "raspi-firmware"

// Report says what went into a boot tree.
type Report struct {
	Kernel   deb.Package
	Firmware string // version of raspi-firmware, "" when none of it was needed
	Models   []Model
	Files    []File // sorted by name
	RawImage int64  // size of the kernel before it was compressed, bytes
}

// File is a file of a boot tree.
type File struct {
	Name string // slash-separated, below the tree
	Size int64  // bytes
	From string // the package and the path in it, or what else it was made from
}

// Size is that of all files, bytes. A Pi fetches those of its own model only.
func (r *Report) Size() int64 {
	var n int64
	for _, f := range r.Files {
		n += f.Size
	}
	return n
}

// Assemble makes a boot tree at dst, whose parent must exist. What was there is
// replaced in one step when the tree is whole, and untouched after an error. A
// model that the kernel has no device tree for is fs.ErrNotExist.
func Assemble(ctx context.Context, o Options, dst string) (*Report, error) {
	report, err := o.assemble(ctx, filepath.Clean(dst))
	if err != nil {
		return nil, fmt.Errorf("boottree: %s: %w", dst, err)
	}
	return report, nil
}

func (o Options) assemble(ctx context.Context, dst string) (*Report, error) {
	if o.Source == nil {
		return nil, errors.New("no Source of packages")
	}
	if err := checkModels(o.Models); err != nil {
		return nil, err
	}
	cmdline, err := o.Cmdline.Text()
	if err != nil {
		return nil, err
	}
	temp, err := os.MkdirTemp(filepath.Dir(dst), "."+filepath.Base(dst)+".new-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(temp)
	a := &assembly{Options: o, temp: temp, tree: filepath.Join(temp, "tree")}
	if err := os.Mkdir(a.tree, 0o755); err != nil {
		return nil, err
	}
	for _, step := range []func(context.Context) error{a.unpackKernel, a.deviceTrees, a.firmware, a.kernel, a.initrd} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	config, err := a.config()
	if err != nil {
		return nil, err
	}
	if err := errors.Join(a.write(ConfigFile, []byte(config), "boottree"), a.write(CmdlineFile, []byte(cmdline), "boottree")); err != nil {
		return nil, err
	}
	slices.SortFunc(a.report.Files, func(x, y File) int { return strings.Compare(x.Name, y.Name) })
	return &a.report, a.publish(dst)
}

// assembly is a boot tree while it is made.
type assembly struct {
	Options
	temp     string // everything is below it
	tree     string // what becomes the boot tree
	unpacked string // the kernel's package
	version  string // the kernel's, as in vmlinuz-VERSION
	report   Report
}

func (a *assembly) unpackKernel(ctx context.Context) error {
	name := a.Kernel
	if name == "" {
		name = "linux-image-arm64"
	}
	p, err := a.Source.Kernel(ctx, name)
	if err != nil {
		return err
	}
	a.report.Kernel = p
	path, _, err := a.Source.Fetch(ctx, p.Name+"="+p.Version)
	if err != nil {
		return err
	}
	a.unpacked = filepath.Join(a.temp, "kernel")
	if err := deb.Unpack(ctx, path, a.unpacked); err != nil {
		return err
	}
	images, err := filepath.Glob(filepath.Join(a.unpacked, "boot", "vmlinuz-*"))
	if err != nil || len(images) != 1 {
		return fmt.Errorf("package %s has %d kernels in /boot: %w", p.Name, len(images), fs.ErrNotExist)
	}
	a.version = strings.TrimPrefix(filepath.Base(images[0]), "vmlinuz-")
	return a.date(images[0])
}

// date fills in SourceDate.
func (a *assembly) date(image string) error {
	info, err := os.Stat(image)
	if err == nil && a.SourceDate.IsZero() {
		a.SourceDate = info.ModTime()
	}
	return err
}

// deviceTrees copies those of the models under the names that firmware asks for
// with upstream_kernel=1, which are those that they have.
func (a *assembly) deviceTrees(context.Context) error {
	models, wanted := a.Models, true
	if models == nil {
		models, wanted = Models(), false
	}
	for _, m := range models {
		from, err := a.deviceTree(boards[m].dtb)
		if errors.Is(err, fs.ErrNotExist) && !wanted {
			continue
		}
		if err != nil {
			return fmt.Errorf("model %s: kernel %s: %w", m, a.version, err)
		}
		if err := a.copy(boards[m].dtb, from, a.report.Kernel.Name); err != nil {
			return err
		}
		a.report.Models = append(a.report.Models, m)
	}
	if len(a.report.Models) == 0 {
		return fmt.Errorf("kernel %s has no device tree of a Pi: %w", a.version, fs.ErrNotExist)
	}
	return nil
}

// deviceTree finds a device tree, in the vendor's folder or, as in older 32-bit
// kernels, beside those of all vendors.
func (a *assembly) deviceTree(name string) (string, error) {
	dir := filepath.Join(a.unpacked, "usr/lib/linux-image-"+a.version)
	path := filepath.Join(dir, "broadcom", name)
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	path = filepath.Join(dir, name)
	_, err := os.Stat(path)
	return path, err
}

// firmware copies what the models need, and the overlays that the package has.
func (a *assembly) firmware(ctx context.Context) error {
	var names []string
	for _, m := range a.report.Models {
		names = append(names, boards[m].firmware...)
	}
	if len(names) == 0 {
		return nil
	}
	path, version, err := a.Source.Fetch(ctx, firmwarePackage)
	if err != nil {
		return err
	}
	a.report.Firmware = version
	dir := filepath.Join(a.temp, "firmware")
	if err := deb.Unpack(ctx, path, dir); err != nil {
		return err
	}
	dir = filepath.Join(dir, "usr/lib/raspi-firmware")
	overlays, err := filepath.Glob(filepath.Join(dir, "overlays", "*.dtbo"))
	if err != nil {
		return err
	}
	for _, o := range overlays {
		names = append(names, "overlays/"+filepath.Base(o))
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		if err := a.copy(name, filepath.Join(dir, filepath.FromSlash(name)), firmwarePackage); err != nil {
			return err
		}
	}
	return nil
}

func (a *assembly) initrd(ctx context.Context) error {
	if a.MakeInitrd != nil {
		modules, err := a.modules()
		if err != nil {
			return err
		}
		if a.Initrd, err = a.MakeInitrd(ctx, modules); err != nil {
			return fmt.Errorf("initramfs for %s: %w", a.version, err)
		}
	}
	if a.Initrd == nil {
		return nil
	}
	return a.write(InitrdFile, a.Initrd, "the caller")
}

// modules is where the package has them: in /usr since trixie.
func (a *assembly) modules() (string, error) {
	for _, lib := range []string{"usr/lib", "lib"} {
		dir := filepath.Join(a.unpacked, lib, "modules", a.version)
		if _, err := os.Stat(dir); err == nil {
			return dir, nil
		}
	}
	return "", fmt.Errorf("package %s has no modules of %s: %w", a.report.Kernel.Name, a.version, fs.ErrNotExist)
}

// config is config.txt. Debian's kernels and device trees are the upstream
// ones, and an archive that follows the kernel is clear of it whatever its size.
func (a *assembly) config() (string, error) {
	set := func(key, value string) bootparam.Setting { return bootparam.Setting{Key: key, Value: value} }
	bits := "0"
	if a.arm64() {
		bits = "1"
	}
	settings := []bootparam.Setting{set("arm_64bit", bits), set("enable_uart", "1"), set("upstream_kernel", "1"), set("kernel", KernelFile)}
	if a.Initrd != nil {
		settings = append(settings, bootparam.Initramfs(InitrdFile, bootparam.FollowKernel))
	}
	return append(bootparam.ConfigTXT{{Settings: settings}}, a.Config...).Text()
}

func (a *assembly) arm64() bool { return a.report.Kernel.Arch == "arm64" }
