package bootparam

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// maxCmdline is the longest command line that is written: the 32-bit ARM kernel
// takes 1024 bytes in all, and a Pi's firmware puts several hundred before
// these.
const maxCmdline = 700

// DevNFS is the value of root= that makes a kernel, and Debian's initramfs,
// take the root from NFS.
const DevNFS = "/dev/nfs"

// Cmdline is a kernel command line, or a Pi's cmdline.txt. Its zero value asks
// DHCP for an address and for the root. In what [ParseCmdline] returns, nil is
// a parameter that was not there.
type Cmdline struct {
	// Consoles are the values of console=, such as "serial0,115200". The last
	// is the one that init talks to.
	Consoles []string
	Root     string   // value of root=; "" means DevNFS
	NFSRoot  *NFSRoot // nil means none: DHCP says it; needs Root to be DevNFS
	ReadOnly bool     // ro, else rw; a line that says neither means ro
	IP       *IP      // nil means ip=dhcp
	// Panic is after how many seconds a kernel that panicked starts again;
	// negative is at once, zero is never and not written.
	Panic int
	// Extra are further parameters as they are written, one each, such as
	// "net.ifnames=0". A value with a space in it has quotes around it:
	// `dyndbg="file nfsroot.c +p"`. After "--" come arguments of init.
	Extra []string
}

// Text returns the one line, with a newline. It refuses, naming the field, a
// value that would be more than one parameter or stand for a typed field.
func (c Cmdline) Text() (string, error) {
	words, err := c.words()
	if err != nil {
		return "", fmt.Errorf("bootparam: command line: %w", err)
	}
	line := strings.Join(words, " ")
	if len(line) > maxCmdline {
		return "", fmt.Errorf("bootparam: command line: %d bytes are more than the %d that fit beside what firmware adds", len(line), maxCmdline)
	}
	return line + "\n", nil
}

func (c Cmdline) words() ([]string, error) {
	var words []string
	for _, v := range c.Consoles {
		if err := checkWord("Consoles", v, ""); err != nil {
			return nil, err
		}
		words = append(words, "console="+v)
	}
	root, err := c.rootWords()
	if err != nil {
		return nil, err
	}
	words = append(words, root...)
	words = append(words, map[bool]string{false: "rw", true: "ro"}[c.ReadOnly])
	ip := IP{}
	if c.IP != nil {
		ip = *c.IP
	}
	text, err := ip.Text()
	if err != nil {
		return nil, err
	}
	words = append(words, "ip="+text)
	if c.Panic != 0 {
		words = append(words, "panic="+strconv.Itoa(c.Panic))
	}
	return appendExtra(words, c.Extra)
}

func (c Cmdline) rootWords() ([]string, error) {
	if c.Root != "" && c.Root != DevNFS {
		if c.NFSRoot != nil {
			return nil, fmt.Errorf("NFSRoot needs Root to be %s, not %q", DevNFS, c.Root)
		}
		return []string{"root=" + c.Root}, checkWord("Root", c.Root, "")
	}
	if c.NFSRoot == nil {
		return []string{"root=" + DevNFS}, nil
	}
	text, err := c.NFSRoot.Text()
	if err != nil {
		return nil, err
	}
	return []string{"root=" + DevNFS, "nfsroot=" + text}, nil
}

// typed are the names of parameters that are fields.
var typed = []string{"console", "root", "nfsroot", "ro", "rw", "ip", "nfsaddrs", "panic"}

func appendExtra(words, extra []string) ([]string, error) {
	forInit := false
	for _, v := range extra {
		if err := checkExtra(v); err != nil {
			return nil, err
		}
		name, _, _ := strings.Cut(v, "=")
		if !forInit && slices.Contains(typed, name) {
			return nil, fmt.Errorf("Extra has %q, which has a field of its own", v)
		}
		forInit = forInit || v == "--"
		words = append(words, v)
	}
	return words, nil
}

// ParseCmdline reads a command line, such as that of cmdline.txt or of
// /proc/cmdline. Of a parameter that is given twice the last counts. What is no
// field goes to Extra, in order; what is quoted there so that Text would refuse
// it is kept as it is. An error names the parameter that is wrong.
func ParseCmdline(text string) (Cmdline, error) {
	c := Cmdline{ReadOnly: true}
	text = strings.TrimRight(text, "\r\n\x00")
	if i := strings.IndexAny(text, "\r\n\x00"); i >= 0 {
		return Cmdline{}, fmt.Errorf("bootparam: command line: a second line at byte %d", i)
	}
	for text = strings.TrimLeft(text, space); text != ""; {
		var w word
		w, text = cutWord(text)
		if w.name == "--" && !w.hasValue {
			c.Extra = append(c.Extra, "--")
			for text != "" {
				w, text = cutWord(text)
				c.Extra = append(c.Extra, w.text())
			}
			break
		}
		if err := c.set(w); err != nil {
			return Cmdline{}, err
		}
	}
	return c, nil
}

func (c *Cmdline) set(w word) error {
	switch w.name {
	case "console":
		c.Consoles = append(c.Consoles, w.value)
	case "root":
		c.Root = w.value
	case "ro", "rw":
		c.ReadOnly = w.name == "ro"
	case "panic":
		n, err := strconv.Atoi(w.value)
		if err != nil {
			return fmt.Errorf("bootparam: panic=%q is not a number of seconds", w.value)
		}
		c.Panic = n
	case "ip", "nfsaddrs":
		ip, err := ParseIP(w.value)
		if err != nil {
			return err
		}
		c.IP = &ip
	case "nfsroot":
		n, err := ParseNFSRoot(w.value)
		if err != nil {
			return err
		}
		c.NFSRoot = &n
	default:
		c.Extra = append(c.Extra, w.text())
	}
	return nil
}
