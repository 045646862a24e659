package archtest

import (
	"fmt"
	"path"
	"regexp"
	"strings"

	"github.com/BurntSushi/toml"
)

// References finds daemons whose configuration is not documented: each program
// that uses the daemon helper has a reference.toml beside it, with a comment on
// every key and table, and a test that reads it.
func References(r *Repo) []Finding {
	var found []Finding
	for dir, files := range r.packages() {
		if !r.isDaemon(files) {
			continue
		}
		reference := r.file(path.Join(dir, "reference.toml"))
		if reference == nil {
			found = append(found, Finding{dir, "a daemon without a reference.toml"})
			continue
		}
		found = append(found, commentless(reference)...)
		tested := false
		for _, f := range files {
			tested = tested || f.Test() && strings.Contains(f.Text, "reference.toml")
		}
		if !tested {
			found = append(found, Finding{dir, "no test reads reference.toml"})
		}
	}
	return sorted(found)
}

func (r *Repo) isDaemon(files []*File) bool {
	for _, f := range files {
		if f.Test() || f.Go.Name.Name != "main" {
			continue
		}
		for _, spec := range f.Go.Imports {
			if strings.Trim(spec.Path.Value, `"`) == r.Module+"/examples/internal/daemon" {
				return true
			}
		}
	}
	return false
}

// tomlKey matches a table's header or the beginning of a key's line.
var tomlKey = regexp.MustCompile(`^\s*(\[+[^\]]+\]+|[\w."-]+\s*=)`)

// commentless finds keys and tables with a comment neither above nor beside.
func commentless(f *File) []Finding {
	var found []Finding
	commented, prefix := false, ""
	for i, line := range strings.Split(f.Text, "\n") {
		inValue := !validTOML(prefix)
		prefix += line + "\n"
		switch {
		case inValue: // a line inside a multi-line value
		case strings.HasPrefix(strings.TrimSpace(line), "#"):
			commented = true
		default:
			if key := tomlKey.FindString(line); key != "" && !commented && !strings.Contains(line, " # ") {
				where := fmt.Sprintf("%s:%d", f.Path, i+1)
				found = append(found, Finding{where, strings.TrimSpace(strings.TrimSuffix(key, "=")) + " has no comment"})
			}
			commented = false
		}
	}
	if _, err := toml.Decode(f.Text, &map[string]any{}); err != nil {
		found = append(found, Finding{f.Path, err.Error()})
	}
	return found
}

func validTOML(text string) bool {
	_, err := toml.Decode(text, &map[string]any{})
	return err == nil
}
