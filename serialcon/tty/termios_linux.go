package tty

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// The bits that a Config decides; the driver's answer is compared on these.
const (
	iflags = unix.IGNBRK | unix.BRKINT | unix.IGNPAR | unix.PARMRK | unix.INPCK | unix.ISTRIP |
		unix.INLCR | unix.IGNCR | unix.ICRNL | unix.IXON | unix.IXOFF | unix.IXANY
	lflags = unix.ECHO | unix.ECHONL | unix.ICANON | unix.ISIG | unix.IEXTEN
	cflags = unix.CSIZE | unix.CSTOPB | unix.CREAD | unix.PARENB | unix.PARODD | unix.CMSPAR |
		unix.HUPCL | unix.CLOCAL | unix.CRTSCTS
)

// apply puts the settings into t. PARMRK with INPCK makes BREAKs and broken
// characters come as marks; see unmarker.
func (c Config) apply(t *unix.Termios) {
	t.Iflag = t.Iflag&^iflags | unix.PARMRK | unix.INPCK
	if c.XONXOFF {
		t.Iflag |= unix.IXON | unix.IXOFF
	}
	t.Oflag &^= unix.OPOST
	t.Lflag &^= lflags
	t.Cflag = t.Cflag&^(cflags|unix.CBAUD|unix.CBAUD<<unix.IBSHIFT) | c.cflag()
	t.Cflag |= unix.BOTHER | unix.BOTHER<<unix.IBSHIFT
	t.Ispeed, t.Ospeed = uint32(c.Baud), uint32(c.Baud)
	t.Cc[unix.VMIN], t.Cc[unix.VTIME] = 1, 0
}

func (c Config) cflag() uint32 {
	f := uint32(unix.CREAD | unix.CLOCAL)
	f |= [...]uint32{unix.CS5, unix.CS6, unix.CS7, unix.CS8}[c.DataBits-5]
	if c.StopBits == 2 {
		f |= unix.CSTOPB
	}
	f |= [...]uint32{
		0, unix.PARENB, unix.PARENB | unix.PARODD,
		unix.PARENB | unix.PARODD | unix.CMSPAR, unix.PARENB | unix.CMSPAR,
	}[c.Parity]
	if c.RTSCTS {
		f |= unix.CRTSCTS
	}
	return f
}

// set sets the line up. Setting succeeds if the driver took any of it, so the
// settings are read back, and missing names those that it did not take.
func (c Config) set(fd int) (missing string, err error) {
	t, err := unix.IoctlGetTermios(fd, unix.TCGETS2)
	if err != nil {
		return "", fmt.Errorf("read the settings: %w", err)
	}
	c.apply(t)
	if err := unix.IoctlSetTermios(fd, unix.TCSETS2, t); err != nil {
		return "", fmt.Errorf("set %s: %w", c, err)
	}
	got, err := unix.IoctlGetTermios(fd, unix.TCGETS2)
	if err != nil {
		return "", fmt.Errorf("read the settings back: %w", err)
	}
	return c.missing(t, got), nil
}

// missing compares what was asked for with what the driver has.
func (c Config) missing(want, got *unix.Termios) string {
	var out []string
	differs := func(want, got uint32, what string) {
		if want != got {
			out = append(out, what)
		}
	}
	part := func(bits uint32, what string) { differs(want.Cflag&bits, got.Cflag&bits, what) }
	// A UART divides its clock: it comes near. Beyond 3 % characters break.
	if off := int64(got.Ospeed) - int64(c.Baud); max(off, -off)*100 > 3*int64(c.Baud) {
		out = append(out, fmt.Sprintf("%d baud (it has %d)", c.Baud, got.Ospeed))
	}
	part(unix.CSIZE, fmt.Sprintf("%d data bits", c.DataBits))
	part(unix.PARENB|unix.PARODD|unix.CMSPAR, "parity "+c.Parity.String())
	part(unix.CSTOPB, fmt.Sprintf("%d stop bits", c.StopBits))
	if c.RTSCTS {
		part(unix.CRTSCTS, "RTS/CTS")
	} else {
		part(unix.CRTSCTS, "RTS/CTS off")
	}
	part(unix.HUPCL, "DTR kept on close")
	part(unix.CREAD|unix.CLOCAL, "reading without a carrier")
	differs(want.Iflag&iflags, got.Iflag&iflags, "raw input with marks")
	differs(want.Oflag&unix.OPOST, got.Oflag&unix.OPOST, "raw output")
	differs(want.Lflag&lflags, got.Lflag&lflags, "no echo")
	return strings.Join(out, ", ")
}
