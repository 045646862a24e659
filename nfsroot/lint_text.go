package nfsroot

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
	"syscall"

	"github.com/mythic-beasts/hostkit/nfsroot/internal/tree"
)

// maxNames is how many names of one directory a rule looks at.
const maxNames = 1 << 16

// read returns the text of a file; of one that is missing, or is no file, "".
func (l *linter) read(name string) (string, error) {
	data, err := tree.ReadFile(l.root, name, 0)
	if absent(err) || errors.Is(err, tree.ErrNotRegular) {
		return "", nil
	}
	return string(data), err
}

// rewrite returns what gives a file, whose owner and mode stay, another text.
func (l *linter) rewrite(name, text string) func() error {
	return func() error {
		return tree.WriteFile(l.root, name, tree.File{Data: []byte(text), KeepOwner: true})
	}
}

// list returns the names in a directory, sorted; none if it is not there.
func (l *linter) list(dir string) ([]string, error) {
	fi, err := l.root.Stat(dir)
	if absent(err) || err == nil && !fi.IsDir() {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	sub, err := l.root.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer sub.Close()
	f, err := sub.Open(".")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	names, err := f.Readdirnames(maxNames)
	slices.Sort(names)
	if len(names) == 0 {
		err = nil // io.EOF
	}
	return names, err
}

// files returns the paths in dir that end in suffix, sorted.
func (l *linter) files(dir, suffix string) ([]string, error) {
	names, err := l.list(dir)
	var paths []string
	for _, name := range names {
		if strings.HasSuffix(name, suffix) && name[0] != '.' {
			paths = append(paths, path.Join(dir, name))
		}
	}
	return paths, err
}

// exists reports whether there is something at a path, be it a dangling link.
func (l *linter) exists(name string) bool {
	_, err := l.root.Lstat(name)
	return err == nil
}

// absent reports whether an error says that a file is not there, as one below
// something that is no directory.
func absent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// editLines passes each line, without its end, through edit, which returns
// another and whether there is to be one.
func editLines(text string, edit func(line string) (string, bool)) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		body, ended := strings.CutSuffix(line, "\n")
		if body, keep := edit(body); keep {
			b.WriteString(body)
			if ended {
				b.WriteByte('\n')
			}
		}
	}
	return b.String()
}

// A section is one of an ini-like file of systemd, NetworkManager and others.
type section struct {
	name string // as in [name]; "" before the first
	keys []setting
}

type setting struct{ key, value string }

// get returns the last value of a key.
func (s section) get(key string) string {
	for _, kv := range slices.Backward(s.keys) {
		if kv.key == key {
			return kv.value
		}
	}
	return ""
}

// parseSections reads an ini-like file: comments begin with # or ;, a line that
// ends in a backslash goes on in the next, and what is not "key=value" is
// passed over.
func parseSections(text string) []section {
	text = strings.ReplaceAll(text, "\\\n", " ")
	sections := []section{{}}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' || line[0] == ';' {
			continue
		}
		if name, ok := strings.CutPrefix(line, "["); ok {
			sections = append(sections, section{name: strings.TrimSuffix(name, "]")})
			continue
		}
		if key, value, ok := strings.Cut(line, "="); ok {
			last := &sections[len(sections)-1]
			last.keys = append(last.keys, setting{strings.TrimSpace(key), strings.TrimSpace(value)})
		}
	}
	return sections
}

// values returns the values of a key in all sections of a name, in order.
func values(sections []section, name, key string) []string {
	var found []string
	for _, s := range sections {
		if s.name != name {
			continue
		}
		for _, kv := range s.keys {
			if kv.key == key {
				found = append(found, kv.value)
			}
		}
	}
	return found
}

// lastOf returns the last of a list, or "".
func lastOf(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[len(list)-1]
}
