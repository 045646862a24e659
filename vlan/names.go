package vlan

import (
	"path"
	"regexp"
	"strings"
)

// Names end up in the configuration of switches, in file names, on kernel
// command lines and in exports(5). Each pattern allows what all of these take as
// one plain word, and nothing else.
var (
	hostName   = regexp.MustCompile(`^[a-z]([a-z0-9-]{0,30}[a-z0-9])?$`)
	deviceName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$`)
	portName   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:/-]{0,62}$`)
	portRange  = regexp.MustCompile(`[0-9]-`)
	ifaceName  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*$`)
	exportRoot = regexp.MustCompile(`^(/[A-Za-z0-9._-]+)+$`)
	vlanWord   = regexp.MustCompile(`^vlan-?[0-9]*$`)
)

// maxIface is the longest name of a Linux interface: IFNAMSIZ less its NUL.
const maxIface = 15

// keywords mean something to one switch or another where the name of a VLAN or
// a port is expected. Public, native and management are the plan's own.
var keywords = map[string]bool{
	"add": true, "all": true, "any": true, "auto": true, "default": true,
	"except": true, "management": true, "native": true, "none": true,
	"public": true, "range": true, "remove": true, "unused": true,
}

func bad(field, value, why string) error {
	return &SpecError{Field: field, Value: value, Why: why}
}

func checkHost(field, name string) error {
	switch {
	case name == "":
		return bad(field, name, "is missing")
	case !hostName.MatchString(name):
		return bad(field, name, "is not a lower-case letter, then letters, digits and inner hyphens, 32 bytes at most")
	case keywords[name] || vlanWord.MatchString(name):
		return bad(field, name, "is a word that switches understand as something else than a name")
	}
	return nil
}

func checkDevice(field, name string) error {
	switch {
	case name == "":
		return bad(field, name, "is missing")
	case !deviceName.MatchString(name):
		return bad(field, name, "is not letters, digits and inner dots, hyphens and underscores, 63 bytes at most")
	}
	return nil
}

func checkPort(field, name string) error {
	switch {
	case name == "":
		return bad(field, name, "is missing")
	case !portName.MatchString(name):
		return bad(field, name, "is not a port's name: letters, digits and ._:/- of 63 bytes at most")
	case portRange.MatchString(name):
		return bad(field, name, "is a range of ports to some switches")
	case keywords[strings.ToLower(name)]:
		return bad(field, name, "is a word that switches understand as something else than a port")
	}
	return nil
}

func checkIface(field, name string) error {
	switch {
	case name == "":
		return bad(field, name, "is missing")
	case !ifaceName.MatchString(name):
		return bad(field, name, "is not a plain name of a network interface")
	case len(name) > maxIface:
		return bad(field, name, "is longer than the 15 bytes of an interface's name")
	}
	return nil
}

// checkVLANIface checks the name of the VLAN's interface on the file server.
func checkVLANIface(field, iface string, v VID) error {
	if name := vlanIface(iface, v); len(name) > maxIface {
		return bad(field, name, "is longer than the 15 bytes of an interface's name: give the interface a shorter one")
	}
	return nil
}

func checkExportRoot(field, dir string) error {
	if !exportRoot.MatchString(dir) || path.Clean(dir) != dir || len(dir) > 512 {
		return bad(field, dir, "is not a clean absolute path of letters, digits and ._-")
	}
	return nil
}
