package rpi

import (
	"fmt"
	"strings"
)

// maxConfigLine is how much of a line of config.txt the firmware reads.
const maxConfigLine = 98

// ConfigTXT is a config.txt: settings for every model, then some for boards
// that a filter matches.
type ConfigTXT struct {
	Settings
	Sections []Section
}

// Section is the settings of the boards that its filter matches.
type Section struct {
	Filter string // without its brackets, such as "pi4", "cm4" or "0x5564247d"
	Settings
}

// Settings are the lines of config.txt that a netboot needs. The zero value of
// each means that its line is not written and the firmware's default holds.
type Settings struct {
	Arm64      bool     // arm_64bit=1
	EnableUART bool     // enable_uart=1: a serial console
	Kernel     string   // kernel=, a file name
	Initramfs  string   // initramfs NAME followkernel
	Cmdline    string   // cmdline=, a file name instead of cmdline.txt
	OSPrefix   string   // os_prefix=, put before the names of kernel, initramfs, cmdline.txt and trees
	DeviceTree string   // device_tree=, a file name
	Overlays   []string // one dtoverlay= each, such as "disable-bt"
	Params     []string // one dtparam= each, such as "act_led_trigger=heartbeat"
	Extra      []string // any other "key=value", in order
}

// Text returns the file. It refuses, naming the field, a value that would
// become another line or that the firmware would cut short: it reads only the
// first 98 bytes of a line.
func (c ConfigTXT) Text() (string, error) {
	var b strings.Builder
	if err := c.write(&b); err != nil {
		return "", fmt.Errorf("rpi: config.txt: %w", err)
	}
	for _, s := range c.Sections {
		if !isFilter(s.Filter) {
			return "", fmt.Errorf("rpi: config.txt: Filter %q is not a conditional filter such as pi4 or 0x5564247d", s.Filter)
		}
		fmt.Fprintf(&b, "[%s]\n", s.Filter)
		if err := s.write(&b); err != nil {
			return "", fmt.Errorf("rpi: config.txt: section [%s]: %w", s.Filter, err)
		}
	}
	if len(c.Sections) > 0 {
		b.WriteString("[all]\n") // a line that somebody appends is meant for every board
	}
	return b.String(), nil
}

func (s Settings) write(b *strings.Builder) error {
	type line struct{ field, value, prefix, suffix string }
	lines := []line{
		{"Kernel", s.Kernel, "kernel=", ""},
		{"Initramfs", s.Initramfs, "initramfs ", " followkernel"},
		{"Cmdline", s.Cmdline, "cmdline=", ""},
		{"OSPrefix", s.OSPrefix, "os_prefix=", ""},
		{"DeviceTree", s.DeviceTree, "device_tree=", ""},
	}
	for _, l := range lines {
		if strings.ContainsAny(l.value, " \t") {
			return fmt.Errorf("%s %q: a file name must not have a space in it", l.field, l.value)
		}
	}
	for _, v := range s.Overlays {
		lines = append(lines, line{"Overlays", v, "dtoverlay=", ""})
	}
	for _, v := range s.Params {
		lines = append(lines, line{"Params", v, "dtparam=", ""})
	}
	for _, v := range s.Extra {
		lines = append(lines, line{"Extra", v, "", ""})
	}
	if s.Arm64 {
		b.WriteString("arm_64bit=1\n")
	}
	if s.EnableUART {
		b.WriteString("enable_uart=1\n")
	}
	for _, l := range lines {
		if l.value == "" {
			continue
		}
		if i := strings.IndexFunc(l.value, isControl); i >= 0 {
			return fmt.Errorf("%s %q has a control character at byte %d", l.field, l.value, i)
		}
		text := l.prefix + l.value + l.suffix
		if len(text) > maxConfigLine {
			return fmt.Errorf("%s %q makes a line of %d bytes, and the firmware reads %d", l.field, l.value, len(text), maxConfigLine)
		}
		b.WriteString(text)
		b.WriteByte('\n')
	}
	return nil
}

func isControl(r rune) bool {
	return r < ' ' || r == 0x7f || r == '\u0085' || r == '\u2028' || r == '\u2029'
}

func isFilter(s string) bool {
	for _, r := range s {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune("+=-_:.", r):
		default:
			return false
		}
	}
	return s != "" && len(s) <= maxConfigLine-2
}
