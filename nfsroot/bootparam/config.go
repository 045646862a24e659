package bootparam

import (
	"fmt"
	"slices"
	"strings"
)

// maxConfigLine is how many bytes of a line of config.txt the firmware reads.
const maxConfigLine = 98

// FollowKernel is the address in [Initramfs] that puts the archive behind the
// kernel, wherever that is.
const FollowKernel = "followkernel"

// ConfigTXT is a config.txt: sections in the order of the file.
type ConfigTXT []Section

// Section is settings for the boards that all its filters match.
type Section struct {
	// Filters are conditional filters without their brackets, such as "pi4",
	// "cm4", "0x5564247d", "gpio4=1" or "tryboot". None means every board.
	Filters  []string
	Settings []Setting
}

// Setting is a line of config.txt: key=value for most keys. Keys "initramfs"
// (NAME, or NAME ADDRESS) and "include" (NAME) are lines without an equals sign,
// for which there are [Initramfs] and [Include].
type Setting struct{ Key, Value string }

// Initramfs loads an archive to an address, or to [FollowKernel]: the one form
// in which the firmware takes that word.
func Initramfs(name, address string) Setting { return Setting{"initramfs", name + " " + address} }

// Include reads another file in this one's place.
func Include(name string) Setting { return Setting{"include", name} }

// Text returns the file. It refuses, naming the setting, what would become
// another line, and what the firmware would cut short. Each section but a first
// one without filters begins with [all], because the firmware adds a filter to
// those before it unless it is of the same kind; so does the end, for lines
// that somebody appends.
func (c ConfigTXT) Text() (string, error) {
	var b strings.Builder
	for i, s := range c {
		if err := s.write(&b, i == 0); err != nil {
			return "", fmt.Errorf("bootparam: config.txt: section %v: %w", s.Filters, err)
		}
	}
	if len(c) > 0 && len(c[len(c)-1].Filters) > 0 {
		b.WriteString("[all]\n")
	}
	return b.String(), nil
}

func (s Section) write(b *strings.Builder, first bool) error {
	if !first {
		b.WriteString("[all]\n")
	}
	seen := make(map[string]string)
	for _, f := range s.Filters {
		if !isFilter(f) || f == "all" {
			return fmt.Errorf("Filter %q is not a conditional filter such as pi4 or 0x5564247d", f)
		}
		if other, ok := seen[filterKind(f)]; ok {
			return fmt.Errorf("Filter %q would take the place of %q", f, other)
		}
		seen[filterKind(f)] = f
		fmt.Fprintf(b, "[%s]\n", f)
	}
	for _, set := range s.Settings {
		if err := set.check(); err != nil {
			return err
		}
		b.WriteString(set.String() + "\n")
	}
	return nil
}

// bare are the keys of lines without an equals sign, and the most words that
// follow.
var bare = map[string]int{"initramfs": 2, "include": 1}

// String is the line, without its end.
func (s Setting) String() string {
	if bare[s.Key] > 0 {
		return s.Key + " " + s.Value
	}
	return s.Key + "=" + s.Value
}

func (s Setting) check() error {
	if strings.Trim(s.Key, keyChars) != "" || s.Key == "" {
		return fmt.Errorf("Key %q is not the name of a setting", s.Key)
	}
	if i := strings.IndexFunc(s.Value, isControl); i >= 0 {
		return fmt.Errorf("%s %q has a control character at byte %d", s.Key, s.Value, i)
	}
	if strings.TrimSpace(s.Value) != s.Value {
		return fmt.Errorf("%s %q has a space at an end", s.Key, s.Value)
	}
	if most := bare[s.Key]; most > 0 {
		words := strings.Split(s.Value, " ")
		if len(words) > most || slices.Contains(words, "") {
			return fmt.Errorf("%s %q is not 1 to %d words", s.Key, s.Value, most)
		}
	}
	if slices.Contains(fileKeys, s.Key) && strings.ContainsRune(s.Value, ' ') {
		return fmt.Errorf("%s %q: a file name must not have a space in it", s.Key, s.Value)
	}
	if n := len(s.String()); n > maxConfigLine {
		return fmt.Errorf("%s %q makes a line of %d bytes, and the firmware reads %d", s.Key, s.Value, n, maxConfigLine)
	}
	return nil
}

const keyChars = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.:-"

var fileKeys = []string{"kernel", "cmdline", "os_prefix", "overlay_prefix", "device_tree", "ramfsfile", "start_file", "fixup_file"}

func isFilter(s string) bool {
	return s != "" && len(s) <= maxConfigLine-2 && strings.Trim(s, keyChars+"+=") == ""
}

// filterKind tells which filters take each other's place: models do, and so do
// serial numbers; of the rest only those for the same thing.
func filterKind(f string) string {
	name, _, _ := strings.Cut(strings.ToLower(f), "=")
	switch {
	case strings.HasPrefix(name, "pi"), strings.HasPrefix(name, "cm"), name == "none":
		return "model"
	case strings.HasPrefix(name, "0x"):
		return "serial"
	case strings.HasPrefix(name, "hdmi:"):
		return "hdmi"
	}
	return name
}

// Lookup returns the value that counts of a key: the last one in a section all
// of whose filters match reports as matching.
func (c ConfigTXT) Lookup(key string, match func(filter string) bool) (value string, found bool) {
	for _, s := range c {
		if slices.ContainsFunc(s.Filters, func(f string) bool { return !match(f) }) {
			continue
		}
		for _, set := range s.Settings {
			if set.Key == key {
				value, found = set.Value, true
			}
		}
	}
	return value, found
}

// ParseConfigTXT reads a config.txt; comments are left out. An error names the
// line that the firmware would not take as it stands.
func ParseConfigTXT(text string) (ConfigTXT, error) {
	var p configParser
	n := 0
	for line := range strings.Lines(text) {
		n++
		if err := p.line(strings.TrimRight(line, "\r\n")); err != nil {
			return nil, fmt.Errorf("bootparam: config.txt: line %d: %w", n, err)
		}
	}
	p.end()
	return p.config, nil
}

type configParser struct {
	config  ConfigTXT
	section Section
}

func (p *configParser) line(line string) error {
	text := strings.TrimSpace(line)
	if text == "" || strings.HasPrefix(text, "#") {
		return nil
	}
	if len(line) > maxConfigLine {
		return fmt.Errorf("%q has %d bytes, and the firmware reads %d", line, len(line), maxConfigLine)
	}
	if f, ok := strings.CutPrefix(text, "["); ok {
		f, closed := strings.CutSuffix(f, "]")
		if !closed || !isFilter(f) {
			return fmt.Errorf("%q is not a conditional filter", text)
		}
		p.filter(f)
		return nil
	}
	s, err := parseSetting(text)
	if err == nil {
		p.section.Settings = append(p.section.Settings, s)
	}
	return err
}

// filter begins a section. Filters add up until one of the same kind, or [all].
func (p *configParser) filter(f string) {
	p.end()
	if f == "all" {
		p.section.Filters = nil
		return
	}
	kept := slices.DeleteFunc(slices.Clone(p.section.Filters), func(old string) bool { return filterKind(old) == filterKind(f) })
	p.section.Filters = append(kept, f)
}

// end keeps the section, unless nothing is in it.
func (p *configParser) end() {
	if len(p.section.Settings) == 0 {
		return
	}
	last := len(p.config) - 1
	if last >= 0 && slices.Equal(p.config[last].Filters, p.section.Filters) {
		p.config[last].Settings = append(p.config[last].Settings, p.section.Settings...)
	} else {
		p.config = append(p.config, p.section)
	}
	p.section.Settings = nil
}

func parseSetting(text string) (Setting, error) {
	if f := strings.Fields(text); bare[f[0]] > 0 {
		s := Setting{f[0], strings.Join(f[1:], " ")}
		return s, s.check()
	}
	key, value, found := strings.Cut(text, "=")
	if !found {
		return Setting{}, fmt.Errorf("%q has no equals sign", text)
	}
	s := Setting{strings.TrimSpace(key), strings.TrimSpace(value)}
	if bare[s.Key] > 0 {
		return Setting{}, fmt.Errorf("%s has a value after an equals sign, and the firmware takes it after a space", s.Key)
	}
	return s, s.check()
}
