package main

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
	"github.com/mythic-beasts/hostkit/serialcon"
	"github.com/mythic-beasts/hostkit/serialcon/dial"
	"github.com/mythic-beasts/hostkit/serialcon/sol"
	"github.com/mythic-beasts/hostkit/serialcon/telnet"
	"github.com/mythic-beasts/hostkit/serialcon/tty"
)

// consoleConfig is one [[console]]: a name, and exactly one kind of port.
type consoleConfig struct {
	Name    string          `toml:"name"`
	Machine string          `toml:"machine"`
	Silence daemon.Duration `toml:"silence"`
	Offer   string          `toml:"offer"`
	Allow   []netip.Prefix  `toml:"allow"`

	TTY     string   `toml:"tty"`
	RFC2217 string   `toml:"rfc2217"`
	Telnet  string   `toml:"telnet"`
	TCP     string   `toml:"tcp"`
	Unix    string   `toml:"unix"`
	Command []string `toml:"command"`
	IPMI    string   `toml:"ipmi"`

	// Of a tty, and of rfc2217.
	Baud     int    `toml:"baud"`
	DataBits int    `toml:"data_bits"`
	Parity   string `toml:"parity"`
	StopBits int    `toml:"stop_bits"`
	RTSCTS   bool   `toml:"rtscts"`
	XONXOFF  bool   `toml:"xonxoff"`
	Lenient  bool   `toml:"lenient"`

	// Of ipmi.
	User        string        `toml:"user"`
	Password    daemon.Secret `toml:"password"`
	CipherSuite uint8         `toml:"cipher_suite"`
	Steal       bool          `toml:"steal"`
}

// opener makes the console's port of what the file says.
func (c *consoleConfig) opener() (serialcon.Opener, error) {
	var all []serialcon.Opener
	var errs []error
	if c.TTY != "" {
		t, err := c.tty()
		all, errs = append(all, t), append(errs, err)
	}
	if c.RFC2217 != "" {
		t, err := c.rfc2217()
		all, errs = append(all, t), append(errs, err)
	}
	if c.Telnet != "" {
		all = append(all, telnet.Config{Address: c.Telnet})
	}
	if c.TCP != "" {
		all = append(all, dial.TCP{Address: c.TCP})
	}
	if c.Unix != "" {
		all = append(all, dial.Unix{Path: c.Unix})
	}
	if len(c.Command) > 0 {
		all = append(all, dial.Command{Path: c.Command[0], Args: c.Command[1:]})
	}
	if c.IPMI != "" {
		all = append(all, sol.Config{
			Host: c.IPMI, User: c.User, Password: sol.Secret(c.Password.Reveal()), CipherSuite: c.CipherSuite, Steal: c.Steal,
		})
	}
	if len(all) != 1 {
		return nil, fmt.Errorf("%s: has %d of tty, rfc2217, telnet, tcp, unix, command, ipmi, and needs exactly one", c.Name, len(all))
	}
	errs = append(errs, c.checkUnused())
	return all[0], errors.Join(errs...)
}

// checkUnused refuses settings that the port does not have.
func (c *consoleConfig) checkUnused() error {
	line := c.Baud != 0 || c.DataBits != 0 || c.Parity != "" || c.StopBits != 0 || c.RTSCTS || c.XONXOFF || c.Lenient
	bmc := c.User != "" || !c.Password.Empty() || c.CipherSuite != 0 || c.Steal
	switch {
	case line && c.TTY == "" && c.RFC2217 == "":
		return fmt.Errorf("%s: baud, data_bits, parity, stop_bits, rtscts, xonxoff and lenient are for tty and rfc2217", c.Name)
	case bmc && c.IPMI == "":
		return fmt.Errorf("%s: user, password, cipher_suite and steal are for ipmi", c.Name)
	}
	return nil
}

func (c *consoleConfig) tty() (tty.Config, error) {
	t := tty.Config{
		Device: c.TTY, Baud: c.Baud, DataBits: c.DataBits, StopBits: c.StopBits,
		RTSCTS: c.RTSCTS, XONXOFF: c.XONXOFF, Lenient: c.Lenient,
	}
	if err := t.Parity.UnmarshalText([]byte(cmp.Or(c.Parity, "none"))); err != nil {
		return t, err
	}
	return t, t.Check()
}

func (c *consoleConfig) rfc2217() (telnet.Config, error) {
	var parity tty.Parity
	if err := parity.UnmarshalText([]byte(cmp.Or(c.Parity, "none"))); err != nil {
		return telnet.Config{}, err
	}
	if err := (tty.Config{Device: "far", Baud: c.Baud, DataBits: c.DataBits, StopBits: c.StopBits}).Check(); err != nil {
		return telnet.Config{}, err
	}
	flow := telnet.FlowNone
	switch {
	case c.RTSCTS:
		flow = telnet.FlowHardware
	case c.XONXOFF:
		flow = telnet.FlowXonXoff
	}
	parities := map[tty.Parity]telnet.Parity{
		tty.ParityNone: telnet.ParityNone, tty.ParityEven: telnet.ParityEven, tty.ParityOdd: telnet.ParityOdd,
		tty.ParityMark: telnet.ParityMark, tty.ParitySpace: telnet.ParitySpace,
	}
	stop := telnet.StopOne
	if c.StopBits == 2 {
		stop = telnet.StopTwo
	}
	return telnet.Config{Address: c.RFC2217, Serial: &telnet.Serial{
		Baud: uint32(cmp.Or(c.Baud, 115200)), DataBits: uint8(cmp.Or(c.DataBits, 8)),
		Parity: parities[parity], StopBits: stop, Flow: flow,
	}}, nil
}

func durationOf(d daemon.Duration) time.Duration { return time.Duration(d) }

// stateFile is a file in systemd's StateDirectory=.
func stateFile(name string) string {
	return filepath.Join(cmp.Or(os.Getenv("STATE_DIRECTORY"), "/var/lib/serialcond"), name)
}
