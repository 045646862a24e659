package boot

import (
	"encoding/hex"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/mythic-beasts/hostkit/nfsroot/bootparam"
)

// Params are what the kernel command line asks for.
type Params struct {
	bootparam.Cmdline

	Init     string           // init=; default /sbin/init
	MAC      net.HardwareAddr // BOOTIF=; nil means not given
	Watchdog time.Duration    // nfsinit.watchdog=; zero means not used
	Limit    time.Duration    // nfsinit.limit=; zero means for ever
	// Modules are the parameters of modules, as "sunrpc" -> "tcp_slot_table_entries=64".
	Modules map[string]string
}

// prefix is that of the parameters that are this program's own.
const prefix = "nfsinit."

// ParseParams reads /proc/cmdline. It refuses what it cannot do, and parameters
// of its own that it does not know. With an error, the Params say no more than
// what is to become of a machine that cannot boot: Panic.
func ParseParams(cmdline string) (Params, error) {
	line, err := bootparam.ParseCmdline(cmdline)
	p := Params{Cmdline: line, Init: "/sbin/init", Modules: make(map[string]string)}
	for _, extra := range line.Extra {
		if err != nil || extra == "--" {
			break // what follows is init's
		}
		err = p.set(extra)
	}
	if err == nil {
		err = p.check()
	}
	if err != nil {
		return Params{Cmdline: bootparam.Cmdline{Panic: panicSeconds(cmdline)}}, err
	}
	return p, nil
}

// panicSeconds finds panic= in a line that is wrong elsewhere.
func panicSeconds(cmdline string) int {
	seconds := 0
	for word := range strings.FieldsSeq(cmdline) {
		if value, ok := strings.CutPrefix(word, "panic="); ok {
			if n, err := strconv.Atoi(value); err == nil {
				seconds = n
			}
		}
	}
	return seconds
}

func (p *Params) set(extra string) error {
	name, value, _ := strings.Cut(strings.Trim(extra, `"`), "=")
	value = strings.Trim(value, `"`)
	var err error
	switch {
	case name == "init":
		p.Init = value
	case name == "BOOTIF":
		p.MAC, err = parseBootif(value)
	case name == prefix+"watchdog":
		p.Watchdog, err = parseSeconds(value, maxWatchdog)
	case name == prefix+"limit":
		p.Limit, err = parseSeconds(value, maxLimit)
	case strings.HasPrefix(name, prefix):
		err = fmt.Errorf("no such parameter: those of nfsinit are %swatchdog and %slimit", prefix, prefix)
	default:
		p.setModule(name, extra)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", extra, err)
	}
	return nil
}

// setModule notes "module.parameter=value" as modprobe does. For a module that
// is built in, the kernel has taken it already.
func (p *Params) setModule(name, extra string) {
	module, parameter, found := strings.Cut(name, ".")
	if !found || module == "" || parameter == "" {
		return
	}
	module = strings.ReplaceAll(module, "-", "_")
	text := extra[strings.Index(extra, ".")+1:]
	if had := p.Modules[module]; had != "" {
		text = had + " " + text
	}
	p.Modules[module] = text
}

const (
	maxWatchdog = time.Hour
	maxLimit    = 365 * 24 * time.Hour
)

func parseSeconds(text string, most time.Duration) (time.Duration, error) {
	n, err := strconv.ParseUint(text, 10, 32)
	d := time.Duration(n) * time.Second
	if err != nil || d > most {
		return 0, fmt.Errorf("%q is not a number of seconds up to %d", text, int(most.Seconds()))
	}
	return d, nil
}

// parseBootif reads what PXE loaders write: the type of the hardware, 01 for
// Ethernet, and its address, all with dashes (or, by some, colons) between.
func parseBootif(text string) (net.HardwareAddr, error) {
	digits := strings.NewReplacer("-", "", ":", "").Replace(text)
	b, err := hex.DecodeString(digits)
	if err == nil && len(b) == 7 && b[0] == 1 {
		b = b[1:]
	}
	if err != nil || len(b) != 6 {
		return nil, fmt.Errorf("%q is not 01- and an Ethernet address", text)
	}
	return net.HardwareAddr(b), nil
}

func (p Params) check() error {
	if p.Root != "" && p.Root != bootparam.DevNFS {
		return fmt.Errorf("root=%s: nfsinit mounts root=%s only", p.Root, bootparam.DevNFS)
	}
	if !strings.HasPrefix(p.Init, "/") {
		return fmt.Errorf("init=%s: not an absolute path", p.Init)
	}
	if p.IP != nil && p.IP.Autoconf == bootparam.Off && !p.IP.Client.IsValid() {
		return fmt.Errorf("ip=off: without an address there is no root to mount")
	}
	return nil
}

// ip is ip=, or the zero value, which asks DHCP.
func (p Params) ip() bootparam.IP {
	if p.IP == nil {
		return bootparam.IP{}
	}
	return *p.IP
}

// static reports whether ip= has the address, so that nobody needs to be asked.
func (p Params) static() bool { return p.ip().Prefix().IsValid() }
