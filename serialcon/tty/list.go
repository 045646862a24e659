package tty

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Info is a serial port of the machine.
type Info struct {
	Name    string // the kernel's: "ttyUSB0"
	Path    string // "/dev/ttyUSB0"
	ByID    string // path by the adapter's serial number; "" if another may have the same
	ByPath  string // path by the socket that it is plugged into, or ""
	Driver  string // "ftdi_sio"
	Console bool   // this machine has its own console there; Open refuses it

	// Of a USB adapter.
	Vendor, Product string // numbers: "0403", "6001"
	Serial          string // as the adapter says, unique or not
	Description     string // manufacturer and product, as the adapter says

	usb string // the folder in /sys
}

// Stable is the name that best stays the port's: by id, else by path, else the
// kernel's.
func (i Info) Stable() string {
	switch {
	case i.ByID != "":
		return i.ByID
	case i.ByPath != "":
		return i.ByPath
	}
	return i.Path
}

// List lists the serial ports of this machine, by name.
func List() ([]Info, error) { return System{}.List() }

// List lists the serial ports, by name. Terminals without hardware and UARTs
// that were not found are left out.
func (s System) List() ([]Info, error) {
	entries, err := os.ReadDir(s.sys("class", "tty"))
	if err != nil {
		return nil, fmt.Errorf("tty: list the ports: %w", err)
	}
	byID, byPath := s.links("by-id"), s.links("by-path")
	var all []Info
	for _, e := range entries {
		i, ok := s.info(e.Name())
		if !ok {
			continue
		}
		real, err := filepath.EvalSymlinks(i.Path)
		if err == nil {
			i.ByID, i.ByPath = byID[real], byPath[real]
		}
		all = append(all, i)
	}
	for n := range all {
		if !unique(all, n) {
			all[n].ByID = ""
		}
	}
	slices.SortFunc(all, func(a, b Info) int { return compareNames(a.Name, b.Name) })
	return all, nil
}

// compareNames puts ttyUSB2 before ttyUSB10.
func compareNames(a, b string) int {
	stem := func(s string) string { return strings.TrimRight(s, "0123456789") }
	if c := strings.Compare(stem(a), stem(b)); c != 0 {
		return c
	}
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}

// unique says whether no other adapter has, or may have, the same serial
// number. Several ports of one adapter differ by their interface. Makers leave
// out the number, or give all the same: CH341 0, CP2102 0001.
func unique(all []Info, n int) bool {
	i := all[n]
	if i.usb != "" && len(strings.TrimLeft(i.Serial, "0")) <= 1 {
		return false
	}
	for _, o := range all {
		if o.usb != i.usb && o.Vendor == i.Vendor && o.Product == i.Product && o.Serial == i.Serial {
			return false
		}
	}
	return true
}

// links are the shortest links of /dev/serial's folder to each device.
func (s System) links(folder string) map[string]string {
	dir := s.dev("serial", folder)
	entries, _ := os.ReadDir(dir) // without it, there are none
	links := map[string]string{}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		real, err := filepath.EvalSymlinks(path)
		if old := links[real]; err == nil && (old == "" || len(path) < len(old)) {
			links[real] = path
		}
	}
	return links
}

// info describes a tty, if it is a serial port.
func (s System) info(name string) (Info, bool) {
	dir := s.sys("class", "tty", name)
	hardware, err := filepath.EvalSymlinks(filepath.Join(dir, "device"))
	if err != nil {
		return Info{}, false
	}
	if kind := attribute(dir, "type"); kind == "0" { // PORT_UNKNOWN: no UART answered
		return Info{}, false
	}
	i := Info{Name: name, Path: s.dev(name), Console: s.isHostConsole(name)}
	if driver, err := filepath.EvalSymlinks(filepath.Join(hardware, "driver")); err == nil {
		i.Driver = filepath.Base(driver)
	}
	for up := hardware; len(up) > len(filepath.Dir(up)); up = filepath.Dir(up) {
		if vendor := attribute(up, "idVendor"); vendor != "" {
			i.usb, i.Vendor, i.Product, i.Serial = up, vendor, attribute(up, "idProduct"), attribute(up, "serial")
			i.Description = strings.TrimSpace(attribute(up, "manufacturer") + " " + attribute(up, "product"))
			break
		}
	}
	return i, true
}

// attribute is a file of /sys, or "".
func attribute(dir, name string) string {
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}
