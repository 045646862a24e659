package rpi

import (
	"fmt"
	"net/netip"
	"strings"
)

// maxCmdline is the longest command line that is written: the 32-bit ARM kernel
// takes 1024 bytes in all, and the firmware puts several hundred before these.
const maxCmdline = 700

// CmdlineTXT is a cmdline.txt: the kernel's command line for a root on NFS. Its
// zero value asks for an address by DHCP and takes the root from the server
// that DHCP names.
type CmdlineTXT struct {
	// Consoles are the values of console=, such as "serial0,115200". The last
	// is the one that init talks to.
	Consoles []string

	NFSServer  netip.Addr // the NFS server, IPv4; zero means the one of DHCP
	NFSPath    string     // the exported directory, absolute; "" means the one of DHCP
	NFSOptions string     // mount options, such as "vers=4.2,proto=tcp"; needs NFSPath
	ReadOnly   bool       // mount the root read-only

	Addr     netip.Prefix // own IPv4 address; zero means DHCP
	Gateway  netip.Addr   // default router; zero means none
	Hostname string       // needs Addr
	Device   string       // network interface, such as "eth0"; "" means the first

	Extra []string // further parameters, one each, such as "rootwait"
}

// Text returns the one line of the file. It refuses, naming the field, a value
// that would become another parameter: with a space, a quote, a control
// character, or a separator of the field that it is in.
func (c CmdlineTXT) Text() (string, error) {
	words, err := c.words()
	if err != nil {
		return "", fmt.Errorf("rpi: cmdline.txt: %w", err)
	}
	line := strings.Join(words, " ")
	if len(line) > maxCmdline {
		return "", fmt.Errorf("rpi: cmdline.txt: %d bytes are more than the %d that fit before what the firmware adds", len(line), maxCmdline)
	}
	return line + "\n", nil
}

func (c CmdlineTXT) words() ([]string, error) {
	var words []string
	for _, v := range c.Consoles {
		if err := checkWord("Consoles", v, ""); err != nil {
			return nil, err
		}
		words = append(words, "console="+v)
	}
	words = append(words, "root=/dev/nfs")
	nfs, err := c.nfsroot()
	if err != nil {
		return nil, err
	}
	ip, err := c.ip()
	if err != nil {
		return nil, err
	}
	if nfs != "" {
		words = append(words, nfs)
	}
	mode := "rw"
	if c.ReadOnly {
		mode = "ro"
	}
	words = append(words, mode, ip)
	for _, v := range c.Extra {
		if err := checkWord("Extra", v, ""); err != nil {
			return nil, err
		}
		words = append(words, v)
	}
	return words, nil
}

// nfsroot returns the parameter of that name (Linux
// Documentation/admin-guide/nfs/nfsroot.rst), "" to leave it to DHCP.
func (c CmdlineTXT) nfsroot() (string, error) {
	if c.NFSPath == "" {
		if c.NFSServer.IsValid() || c.NFSOptions != "" {
			return "", fmt.Errorf("NFSServer %q and NFSOptions %q need NFSPath", c.NFSServer, c.NFSOptions)
		}
		return "", nil
	}
	// The kernel puts its own address or name for %s.
	if err := checkWord("NFSPath", c.NFSPath, ",%"); err != nil {
		return "", err
	}
	if !strings.HasPrefix(c.NFSPath, "/") {
		return "", fmt.Errorf("NFSPath %q is not absolute", c.NFSPath)
	}
	text := "nfsroot="
	if c.NFSServer.IsValid() {
		if !c.NFSServer.Is4() {
			return "", fmt.Errorf("NFSServer %q is not an IPv4 address, and the kernel takes no other", c.NFSServer)
		}
		text += c.NFSServer.String() + ":"
	}
	text += c.NFSPath
	if c.NFSOptions != "" {
		if err := checkWord("NFSOptions", c.NFSOptions, ""); err != nil {
			return "", err
		}
		text += "," + c.NFSOptions
	}
	return text, nil
}

// ip returns the parameter of that name:
// ip=client:server:gateway:netmask:hostname:device:autoconf.
func (c CmdlineTXT) ip() (string, error) {
	for _, f := range []struct{ field, value string }{{"Hostname", c.Hostname}, {"Device", c.Device}} {
		if f.value == "" {
			continue
		}
		if err := checkWord(f.field, f.value, ":"); err != nil {
			return "", err
		}
	}
	if !c.Addr.IsValid() {
		switch {
		case c.Gateway.IsValid() || c.Hostname != "":
			return "", fmt.Errorf("Gateway %q and Hostname %q need Addr", c.Gateway, c.Hostname)
		case c.Device != "":
			return "ip=:::::" + c.Device + ":dhcp", nil
		}
		return "ip=dhcp", nil
	}
	if !c.Addr.Addr().Is4() {
		return "", fmt.Errorf("Addr %q is not an IPv4 address, and the kernel takes no other", c.Addr)
	}
	if c.Gateway.IsValid() && !c.Gateway.Is4() {
		return "", fmt.Errorf("Gateway %q is not an IPv4 address", c.Gateway)
	}
	text := func(a netip.Addr) string {
		if !a.IsValid() {
			return ""
		}
		return a.String()
	}
	return fmt.Sprintf("ip=%s:%s:%s:%s:%s:%s:off", c.Addr.Addr(), text(c.NFSServer), text(c.Gateway), mask(c.Addr.Bits()), c.Hostname, c.Device), nil
}

func mask(bits int) netip.Addr {
	m := ^uint32(0) << (32 - bits)
	return netip.AddrFrom4([4]byte{byte(m >> 24), byte(m >> 16), byte(m >> 8), byte(m)})
}

// checkWord returns an error when value is not one word, or has one of
// separators in it.
func checkWord(field, value, separators string) error {
	switch {
	case value == "":
		return fmt.Errorf("%s has an empty value in it", field)
	case strings.IndexFunc(value, isControl) >= 0:
		return fmt.Errorf("%s %q has a control character in it", field, value)
	}
	if i := strings.IndexAny(value, " \""+separators); i >= 0 {
		return fmt.Errorf("%s %q must not have %q in it", field, value, value[i])
	}
	return nil
}
