package tty

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"github.com/mythic-beasts/hostkit/serialcon"
)

// What can go wrong, for errors.Is. A device that is not there is
// fs.ErrNotExist.
var (
	ErrConfig   = errors.New("tty: bad settings")
	ErrBusy     = errors.New("tty: the device is in use")
	ErrConsole  = errors.New("tty: the device is this machine's own console")
	ErrNotTaken = errors.New("tty: the driver did not take the settings")
	ErrNotTTY   = errors.New("tty: not a terminal device")
)

// Config is a serial port and its settings. Only Device is required.
type Config struct {
	// Device is a path, or the name of a file in /dev, /dev/serial/by-id or
	// /dev/serial/by-path. A name by id stays an adapter's wherever it is
	// plugged in; a name by path is the socket's. List gives both.
	Device string
	// Baud is the speed in bits a second, any that the UART can do. Zero means
	// 115200.
	Baud int
	// DataBits are 5 to 8. Zero means 8.
	DataBits int
	// Parity is none by default.
	Parity Parity
	// StopBits are 1 or 2 (1.5 where a UART sends 5 data bits). Zero means 1.
	StopBits int
	// RTSCTS turns on flow control by these two lines.
	RTSCTS bool
	// XONXOFF turns on flow control by Ctrl-S and Ctrl-Q. These bytes are then
	// neither read nor logged.
	XONXOFF bool
	// Lenient opens the port even if the driver did not take all settings, and
	// tells what as an EventNote.
	Lenient bool
	// Inherited is the open device of an earlier process, as serialcon/handover
	// gives it. The first Open uses it, if it still is the device, and closes
	// the file; what the kernel has read meanwhile is not lost. Nil is none.
	Inherited *os.File
	// System says where the kernel's trees are. The zero value is right outside
	// of tests.
	System System
}

var (
	_ serialcon.Opener  = Config{}
	_ serialcon.Awaiter = Config{}
)

// maxBaud is far above what any UART does; it keeps sums in 32 bits.
const maxBaud = 100_000_000

// Check says what is wrong with the settings, without a look at the device.
// The error wraps ErrConfig.
func (c Config) Check() error {
	c = c.withDefaults()
	switch {
	case c.Device == "":
		return fmt.Errorf("%w: no device is named", ErrConfig)
	case c.Baud < 1 || c.Baud > maxBaud:
		return fmt.Errorf("%w: %s: %d baud; 1 to %d can be asked for", ErrConfig, c.Device, c.Baud, maxBaud)
	case c.DataBits < 5 || c.DataBits > 8:
		return fmt.Errorf("%w: %s: %d data bits; there are 5 to 8", ErrConfig, c.Device, c.DataBits)
	case c.StopBits < 1 || c.StopBits > 2:
		return fmt.Errorf("%w: %s: %d stop bits; there are 1 or 2", ErrConfig, c.Device, c.StopBits)
	case c.Parity > ParitySpace:
		return fmt.Errorf("%w: %s: parity %d is none of those known", ErrConfig, c.Device, uint8(c.Parity))
	}
	return nil
}

func (c Config) withDefaults() Config {
	if c.Baud == 0 {
		c.Baud = 115200
	}
	if c.DataBits == 0 {
		c.DataBits = 8
	}
	if c.StopBits == 0 {
		c.StopBits = 1
	}
	return c
}

// String describes the port: "tty /dev/ttyUSB0 115200n8".
func (c Config) String() string {
	c = c.withDefaults()
	s := "tty " + c.Device + " " + strconv.Itoa(c.Baud) + c.Parity.letter() + strconv.Itoa(c.DataBits)
	if c.StopBits != 1 {
		s += "/" + strconv.Itoa(c.StopBits)
	}
	if c.RTSCTS {
		s += " rtscts"
	}
	if c.XONXOFF {
		s += " xonxoff"
	}
	return s
}
