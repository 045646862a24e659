package kmod

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Info is what a module says of itself, in its .modinfo section.
type Info struct {
	Name     string   // as the kernel will call it; empty in modules before 4.x
	Depends  []string // modules that must be loaded before it
	Pre      []string // modules that should be, if there are such (softdep pre)
	Firmware []string // files below /lib/firmware that it may ask for
	Aliases  []string // patterns of the devices and names that it serves
	VerMagic string   // version and options of the kernel that it was built for
}

// ErrNotModule is of a file that is no ELF file with a .modinfo section.
var ErrNotModule = errors.New("not a kernel module")

// ReadInfo reads the .modinfo section of an uncompressed module, and of the rest
// only what leads to it.
func ReadInfo(r io.ReaderAt) (Info, error) {
	section, err := modinfoSection(r)
	if err != nil {
		return Info{}, err
	}
	var info Info
	for field := range bytes.SplitSeq(section, []byte{0}) {
		info.add(string(field))
	}
	return info, nil
}

// add takes one field, "key=value".
func (i *Info) add(field string) {
	key, value, _ := strings.Cut(field, "=")
	switch key {
	case "name":
		i.Name = Canonical(value)
	case "depends":
		i.Depends = append(i.Depends, canonicalAll(strings.FieldsFunc(value, func(r rune) bool { return r == ',' }))...)
	case "softdep":
		i.Pre = append(i.Pre, preDependencies(value)...)
	case "firmware":
		i.Firmware = append(i.Firmware, value)
	case "alias":
		i.Aliases = append(i.Aliases, value)
	case "vermagic":
		i.VerMagic = strings.TrimSpace(value)
	}
}

// preDependencies takes those of "pre: a b post: c".
func preDependencies(softdep string) []string {
	var names []string
	pre := false
	for word := range strings.FieldsSeq(softdep) {
		switch {
		case strings.HasSuffix(word, ":"):
			pre = word == "pre:"
		case pre:
			names = append(names, Canonical(word))
		}
	}
	return names
}

func canonicalAll(names []string) []string {
	for i, name := range names {
		names[i] = Canonical(name)
	}
	return names
}

// The parts of an ELF header (System V ABI, chapter 4) that lead to a section.
type elfLayout struct {
	order binary.ByteOrder
	wide  bool // 64 bit
	table int64
	count int
	names int // index of the section of names
}

const (
	headerSize = 64      // of a 64-bit file; that of a 32-bit one is smaller
	maxModinfo = 1 << 20 // the largest of Debian's has 40 KiB
	maxNames   = 1 << 20
	noBits     = 8 // SHT_NOBITS
)

// section is the part of a section's header that is of interest.
type section struct {
	name         uint32
	kind         uint32
	offset, size int64
}

func modinfoSection(r io.ReaderAt) ([]byte, error) {
	elf, err := readLayout(r)
	if err != nil {
		return nil, err
	}
	headers := make([]byte, elf.count*elf.entrySize())
	if _, err := readFull(r, headers, elf.table); err != nil {
		return nil, fmt.Errorf("section headers: %w", err)
	}
	names, err := elf.read(r, headers, elf.names, maxNames)
	if err != nil {
		return nil, fmt.Errorf("names of sections: %w", err)
	}
	for i := range elf.count {
		s := elf.section(headers, i)
		if int64(s.name) < int64(len(names)) && bytes.HasPrefix(names[s.name:], []byte(".modinfo\x00")) {
			return elf.read(r, headers, i, maxModinfo)
		}
	}
	return nil, fmt.Errorf("no .modinfo section: %w", ErrNotModule)
}

func readLayout(r io.ReaderAt) (elfLayout, error) {
	h := make([]byte, headerSize)
	if _, err := readFull(r, h, 0); err != nil {
		return elfLayout{}, fmt.Errorf("ELF header: %w", err)
	}
	if string(h[:4]) != "\x7fELF" || h[4] < 1 || h[4] > 2 || h[5] < 1 || h[5] > 2 {
		return elfLayout{}, fmt.Errorf("no ELF header: %w", ErrNotModule)
	}
	elf := elfLayout{order: binary.LittleEndian, wide: h[4] == 2}
	if h[5] == 2 {
		elf.order = binary.BigEndian
	}
	tail := h[46:] // e_shentsize, e_shnum, e_shstrndx
	if elf.wide {
		elf.table, tail = int64(elf.order.Uint64(h[40:])), h[58:]
	} else {
		elf.table = int64(elf.order.Uint32(h[32:]))
	}
	elf.count, elf.names = int(elf.order.Uint16(tail[2:])), int(elf.order.Uint16(tail[4:]))
	if int(elf.order.Uint16(tail)) != elf.entrySize() || elf.table <= 0 || elf.names >= elf.count {
		return elfLayout{}, fmt.Errorf("no table of sections: %w", ErrNotModule)
	}
	return elf, nil
}

func (e elfLayout) entrySize() int {
	if e.wide {
		return 64
	}
	return 40
}

func (e elfLayout) section(headers []byte, i int) section {
	h := headers[i*e.entrySize():]
	s := section{name: e.order.Uint32(h), kind: e.order.Uint32(h[4:])}
	if e.wide {
		s.offset, s.size = int64(e.order.Uint64(h[24:])), int64(e.order.Uint64(h[32:]))
	} else {
		s.offset, s.size = int64(e.order.Uint32(h[16:])), int64(e.order.Uint32(h[20:]))
	}
	return s
}

// read reads the contents of section i.
func (e elfLayout) read(r io.ReaderAt, headers []byte, i int, limit int64) ([]byte, error) {
	s := e.section(headers, i)
	switch {
	case s.kind == noBits || s.size < 0 || s.offset < 0:
		return nil, fmt.Errorf("section without contents: %w", ErrNotModule)
	case s.size > limit:
		return nil, fmt.Errorf("section of %d bytes: %w", s.size, ErrTooLarge)
	}
	b := make([]byte, s.size)
	_, err := readFull(r, b, s.offset)
	return b, err
}

// readFull reads all of b; a file that ends before is no module.
func readFull(r io.ReaderAt, b []byte, off int64) (int, error) {
	n, err := r.ReadAt(b, off)
	if n == len(b) {
		return n, nil
	}
	if errors.Is(err, io.EOF) {
		err = fmt.Errorf("the file ends early: %w", ErrNotModule)
	}
	return n, err
}
