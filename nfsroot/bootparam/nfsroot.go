package bootparam

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Transport is what NFS runs over.
type Transport string

// The transports of the mount options proto=.
const (
	TCP Transport = "tcp"
	UDP Transport = "udp" // version 3 only
)

// maxNFSRoot is how many bytes the kernel keeps of nfsroot=, and of the mount
// options together with those that it adds (fs/nfs/nfsroot.c has 256 for each).
const (
	maxNFSRoot    = 255
	maxNFSOptions = 255 - len("udp,,nolock,addr=255.255.255.255")
)

// NFSRoot is the kernel parameter nfsroot=, which names the root and how to
// mount it:
//
//	nfsroot=[<server>:]<path>[,<options>]
//
// The zero value leaves everything to DHCP. A kernel that mounts the root
// itself defaults to UDP: name a Version, or TCP. It adds the option nolock in
// any case; an initramfs may need NoLock to do the same for version 3.
type NFSRoot struct {
	Server netip.Addr // IPv4; zero means the server of ip= or of DHCP
	// Path is the exported folder, absolute; "" means what DHCP's root-path
	// says. One %s in it stands for the machine's name, see [NFSRoot.Dir]. A
	// comma cannot be written: it would begin the options.
	Path string

	Version   Version   // vers=
	Transport Transport // proto=
	NoLock    bool      // nolock: locks are the machine's own, not the server's
	ReadSize  int       // rsize=, bytes
	WriteSize int       // wsize=, bytes
	Port      uint16    // port=, of NFS itself
	MountPort uint16    // mountport=, of version 3's MOUNT
	Options   []string  // any other options, one each, such as "hard" or "actimeo=3"
}

// Text returns the parameter's value, without "nfsroot=".
func (n NFSRoot) Text() (string, error) {
	if err := n.check(); err != nil {
		return "", fmt.Errorf("bootparam: nfsroot: %w", err)
	}
	text := n.Path
	if n.Server.IsValid() {
		text = n.Server.String() + ":" + n.Path
	}
	options := n.MountOptions()
	if len(options) > maxNFSOptions {
		return "", fmt.Errorf("bootparam: nfsroot: options %q have %d bytes, and the kernel has room for %d", options, len(options), maxNFSOptions)
	}
	if options != "" {
		text += "," + options
	}
	if len(text) > maxNFSRoot {
		return "", fmt.Errorf("bootparam: nfsroot: %q has %d bytes, and the kernel keeps %d", text, len(text), maxNFSRoot)
	}
	return text, nil
}

// MountOptions is what follows the path: the mount options, with commas
// between, in one order whatever order they were read in.
func (n NFSRoot) MountOptions() string {
	var all []string
	add := func(name, value string, given bool) {
		if given {
			all = append(all, name+value)
		}
	}
	add("vers=", n.Version.String(), n.Version != 0)
	add("proto=", string(n.Transport), n.Transport != "")
	add("nolock", "", n.NoLock)
	add("rsize=", strconv.Itoa(n.ReadSize), n.ReadSize != 0)
	add("wsize=", strconv.Itoa(n.WriteSize), n.WriteSize != 0)
	add("port=", strconv.Itoa(int(n.Port)), n.Port != 0)
	add("mountport=", strconv.Itoa(int(n.MountPort)), n.MountPort != 0)
	return strings.Join(append(all, n.Options...), ",")
}

// Dir is Path with its %s replaced. The kernel puts the hostname there where
// ip= or DHCP gave one, and the address only where none did, although its
// documentation speaks of the address alone.
func (n NFSRoot) Dir(client netip.Addr, hostname string) string {
	if hostname == "" {
		hostname = client.String()
	}
	return strings.Replace(n.Path, "%s", hostname, 1)
}

func (n NFSRoot) check() error {
	if err := check4("Server", n.Server); err != nil {
		return err
	}
	if err := checkPath(n.Path); err != nil {
		return err
	}
	switch {
	case n.Version != 0 && !n.Version.known():
		return fmt.Errorf("Version %s is unknown", n.Version)
	case n.Transport != "" && n.Transport != TCP && n.Transport != UDP:
		return fmt.Errorf("Transport %q is neither tcp nor udp", string(n.Transport))
	case n.Transport == UDP && n.Version.Major() == 4:
		return fmt.Errorf("Transport udp does not carry version %s", n.Version)
	case n.ReadSize < 0:
		return fmt.Errorf("ReadSize %d is negative", n.ReadSize)
	case n.WriteSize < 0:
		return fmt.Errorf("WriteSize %d is negative", n.WriteSize)
	}
	for _, o := range n.Options {
		if err := checkOption(o); err != nil {
			return err
		}
	}
	return nil
}

func checkPath(path string) error {
	if path == "" {
		return nil
	}
	if err := checkWord("Path", path, ","); err != nil {
		return err
	}
	if !strings.HasPrefix(path, "/") {
		return fmt.Errorf("Path %q is not absolute", path)
	}
	if n := strings.Count(path, "%"); n > 1 || n != strings.Count(path, "%s") {
		return fmt.Errorf("Path %q has a %% in it that is not the one %%s", path)
	}
	return nil
}

// checkOption refuses an option that a typed field stands for.
func checkOption(o string) error {
	if err := checkWord("Options", o, ","); err != nil {
		return err
	}
	var typed NFSRoot
	if known, err := typed.setOption(o); known || err != nil {
		return fmt.Errorf("Options has %q, which has a field of its own", o)
	}
	return nil
}

// ParseNFSRoot reads the parameter's value, without "nfsroot=". Of an option
// that is given twice the last counts, as for the kernel. A path that does not
// begin with a slash is below /tftpboot, and "default" is none, as there.
func ParseNFSRoot(text string) (NFSRoot, error) {
	n, err := parseNFSRoot(text)
	if err != nil {
		return NFSRoot{}, fmt.Errorf("bootparam: nfsroot=%q: %w", text, err)
	}
	return n, nil
}

func parseNFSRoot(text string) (NFSRoot, error) {
	var n NFSRoot
	path, options, _ := strings.Cut(text, ",")
	server, rest, found := strings.Cut(path, ":")
	switch addr, err := netip.ParseAddr(server); {
	case err == nil && addr.Is4():
		n.Server, path = addr, rest
	case found && !strings.Contains(server, "/"):
		return NFSRoot{}, fmt.Errorf("Server %q is not an IPv4 address", server)
	}
	switch {
	case path == "default":
		path = ""
	case path != "" && path[0] != '/' && !n.Server.IsValid():
		path = "/tftpboot/" + path
	}
	n.Path = path
	for o := range strings.SplitSeq(options, ",") {
		if o == "" {
			continue
		}
		known, err := n.setOption(o)
		if err != nil {
			return NFSRoot{}, err
		}
		if !known {
			n.Options = append(n.Options, o)
		}
	}
	return n, n.check()
}

// setOption sets the typed field that an option is for, if there is one.
func (n *NFSRoot) setOption(option string) (known bool, err error) {
	name, value, _ := strings.Cut(option, "=")
	switch name {
	case "vers", "nfsvers":
		n.Version, err = ParseVersion(value)
	case "v3", "v4", "v4.0", "v4.1", "v4.2":
		n.Version, err = ParseVersion(name[1:])
	case "proto":
		n.Transport = Transport(value)
		if n.Transport != TCP && n.Transport != UDP {
			err = fmt.Errorf("Transport %q is neither tcp nor udp", value)
		}
	case "tcp", "udp":
		n.Transport = Transport(name)
	case "nolock", "lock":
		n.NoLock = name == "nolock"
	case "rsize":
		n.ReadSize, err = parseSize("ReadSize", value)
	case "wsize":
		n.WriteSize, err = parseSize("WriteSize", value)
	case "port":
		n.Port, err = parsePort("Port", value)
	case "mountport":
		n.MountPort, err = parsePort("MountPort", value)
	default:
		return false, nil
	}
	return true, err
}

func parseSize(field, text string) (int, error) {
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		return 0, fmt.Errorf("%s %q is not a number of bytes", field, text)
	}
	return int(n), nil
}

func parsePort(field, text string) (uint16, error) {
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return 0, fmt.Errorf("%s %q is not a port", field, text)
	}
	return uint16(n), nil
}
