package netboottest

import (
	"fmt"
	"strings"

	"github.com/mythic-beasts/hostkit/netboot/rpi"
)

// maxText is how much of a text file is kept for reading.
const maxText = 1 << 14

// board is what differs between models in what they load after their first
// stage. Names without a note may be missing.
type board struct {
	revision rpi.Revision
	section  string   // of config.txt, beside [all]
	probes   []string // the first that is there under the prefix keeps the prefix
	first    []string // in order, before the device tree
	firmware string   // of first, the one that it cannot do without; "" for none
	tree     []string // device tree and overlays
	last     []string // after cmdline.txt
	kernels  []string // the first that is there is booted
}

// The order is that of logs of real machines.
var boards = map[rpi.Model]board{
	rpi.Model3B:     bootcodeBoard(0xa02082, "[pi3]", "bcm2710-rpi-3-b.dtb"),
	rpi.Model3BPlus: bootcodeBoard(0xa020d3, "[pi3+]", "bcm2710-rpi-3-b-plus.dtb"),
	rpi.Model4: {
		revision: 0xc03114,
		section:  "[pi4]",
		probes:   []string{"start4.elf", "start.elf"},
		first: []string{
			"config.txt", "vl805.sig", "vl805.bin", "pieeprom.sig", "pieeprom.upd", "recover4.elf", "recovery.elf",
			"start4.elf", "fixup4.dat", "config.txt", "config.txt", "config.txt", "config.txt",
		},
		firmware: "start4.elf",
		tree:     []string{"bcm2711-rpi-4-b.dtb", "overlays/overlay_map.dtb"},
		kernels:  []string{"kernel8.img", "kernel7l.img"},
	},
	rpi.Model5: { // its firmware is in the EEPROM
		revision: 0xc04170,
		section:  "[pi5]",
		probes:   []string{"config.txt"},
		first:    []string{"config.txt", "pieeprom.sig", "pieeprom.upd", "autoboot.txt", "config.txt"},
		tree:     []string{"bcm2712-rpi-5-b.dtb", "overlays/overlay_map.dtb", "overlays/bcm2712d0.dtbo"},
		last:     []string{"armstub8-2712.bin"},
		kernels:  []string{"kernel_2712.img", "kernel8.img"},
	},
}

func bootcodeBoard(revision rpi.Revision, section, tree string) board {
	return board{
		revision: revision,
		section:  section,
		probes:   []string{"start.elf"},
		first: []string{
			"autoboot.txt", "config.txt", "recovery.elf", "start.elf", "fixup.dat", "recovery.elf", "config.txt",
			"dt-blob.bin", "recovery.elf", "config.txt", "bootcfg.txt",
		},
		firmware: "start.elf",
		tree:     []string{tree, "overlays/overlay_map.dtb"},
		last:     []string{"recovery8.img", "recovery8-32.img", "recovery7.img", "recovery.img", "kernel8-32.img", "armstub8-32.bin"},
		kernels:  []string{"kernel8.img", "kernel7.img"},
	}
}

// fetch asks for a file and records how that went. The text is the beginning
// of the file. The error is the link's.
func (m *machine) fetch(name string, probe bool) (*File, string, error) {
	m.boot.Files = append(m.boot.Files, File{Name: name, Stage: m.stage.Name})
	f := &m.boot.Files[len(m.boot.Files)-1]
	t := &transfer{manner: m.manner, net: m.net, server: m.server, port: m.port, probe: probe, file: f}
	t.moved = func() { m.fileStep(StepProgress, f.Name, f) }
	m.port++
	if m.port == 0 {
		m.port = firstPort
	}
	m.fileStep(StepFile, name, f)
	if err := t.run(); err != nil {
		return f, "", err
	}
	m.fileStep(StepFileEnd, f.Outcome.String(), f)
	if f.Outcome == Got && rpi.IsUpdate(name) {
		m.boot.Updates = append(m.boot.Updates, name)
	}
	return f, string(t.text), nil
}

// loadSystem loads everything from the firmware to the kernel.
func (m *machine) loadSystem() error {
	b := boards[m.Model]
	prefix, err := m.probePrefix(b.probes)
	if err != nil {
		return err
	}
	config, err := m.loadFirst(b, prefix)
	if err != nil {
		return err
	}
	names := b.tree
	if config.initramfs != "" {
		names = append([]string{config.initramfs}, names...)
	}
	names = append(names[:len(names):len(names)], "cmdline.txt")
	for _, name := range append(names, b.last...) {
		f, _, err := m.fetch(prefix+name, false)
		if err == nil && m.fatal(f, name == config.initramfs) {
			err = fileError(f)
		}
		if err != nil {
			return err
		}
	}
	return m.loadKernel(b, prefix, config)
}

// probePrefix finds out whether there is a directory of the machine's own.
func (m *machine) probePrefix(names []string) (string, error) {
	for _, name := range names {
		f, _, err := m.fetch(m.Prefix+name, true)
		if err != nil {
			return "", err
		}
		if f.Outcome == Probed {
			return m.Prefix, nil
		}
	}
	return "", nil
}

func (m *machine) loadFirst(b board, prefix string) (configTxt, error) {
	var config configTxt
	for _, name := range b.first {
		f, text, err := m.fetch(prefix+name, false)
		if err == nil && m.fatal(f, name == b.firmware) {
			err = fileError(f)
		}
		if err != nil {
			return config, err
		}
		if name == "config.txt" && f.Outcome == Got {
			config = parseConfig(text, b.section)
		}
	}
	return config, nil
}

// fatal reports whether the boot ends with f. bootcode.bin goes on to the next
// file when one stands still; an EEPROM starts over.
func (m *machine) fatal(f *File, needed bool) bool {
	return f.Outcome != Got && (needed || f.Outcome == Stalled && m.stage.Name == StageEEPROM)
}

func (m *machine) loadKernel(b board, prefix string, config configTxt) error {
	kernels := b.kernels
	switch {
	case config.kernel != "":
		kernels = []string{config.kernel}
	case config.bits32:
		kernels = kernels[1:]
	}
	var last *File
	for i, name := range kernels {
		if i < len(kernels)-1 && m.stage.Name == StageBootcode {
			f, _, err := m.fetch(prefix+name, true)
			if err != nil {
				return err
			}
			if f.Outcome != Probed {
				continue
			}
		}
		f, _, err := m.fetch(prefix+name, false)
		if err != nil {
			return err
		}
		if f.Outcome == Got && f.Bytes > 0 {
			m.boot.Kernel = f.Name
			return nil
		}
		last = f
		if f.Outcome != Missing {
			return fileError(f)
		}
	}
	if last != nil && last.Outcome == Stalled {
		return fileError(last)
	}
	return fmt.Errorf("%s: %w: tried %s", m.stage.Name, ErrNoKernel, strings.Join(kernels, ", "))
}

func fileError(f *File) error {
	reason := ErrNoFile
	switch f.Outcome {
	case Stalled:
		reason = ErrStalled
	case Truncated:
		reason = ErrTruncated
	case Got:
		return fmt.Errorf("%s: %w: %q is empty", f.Stage, ErrNoKernel, f.Name)
	case Failed:
		return fmt.Errorf("%s: %w: %q: %q", f.Stage, reason, f.Name, f.Message)
	}
	return fmt.Errorf("%s: %w: %q, %d bytes", f.Stage, reason, f.Name, f.Bytes)
}

// configTxt is what an emulated machine heeds of its config.txt.
type configTxt struct {
	kernel, initramfs string
	bits32            bool
}

// parseConfig reads config.txt for the board with the given section.
func parseConfig(text, section string) configTxt {
	var c configTxt
	ours := true
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			ours = line == "[all]" || line == section
			continue
		}
		if !ours {
			continue
		}
		if name, ok := strings.CutPrefix(line, "initramfs "); ok {
			c.initramfs, _, _ = strings.Cut(strings.TrimSpace(name), " ")
		}
		key, value, _ := strings.Cut(line, "=")
		switch key {
		case "kernel":
			c.kernel = value
		case "arm_64bit":
			c.bits32 = value == "0"
		}
	}
	return c
}
