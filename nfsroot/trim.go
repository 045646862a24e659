package nfsroot

import (
	"path"
	"strings"
)

// Trim says which files of packages are left out of the root. They are written
// into /etc/dpkg/dpkg.cfg.d, so that packages which are installed or upgraded
// later are trimmed as well. The zero value leaves nothing out.
type Trim struct {
	Docs    bool // /usr/share/doc, but for the copyright files, and the like
	Man     bool // manual pages, info
	Locales bool // translations; the C.UTF-8 locale stays
	HWDB    bool // udev's database of hardware quirks: 22 MB, of use with odd keyboards, mice and adapters
	// Paths are more patterns as of dpkg's path-exclude: absolute, and "*"
	// matches slashes too.
	Paths []string
}

// trimRule is a pattern of dpkg's: files that match are left out, or kept in
// despite an earlier rule.
type trimRule struct {
	include bool
	pattern string
}

func (t Trim) rules() []trimRule {
	var r []trimRule
	out := func(patterns ...string) {
		for _, p := range patterns {
			r = append(r, trimRule{pattern: p})
		}
	}
	in := func(pattern string) { r = append(r, trimRule{include: true, pattern: pattern}) }
	if t.Docs {
		out("/usr/share/doc/*", "/usr/share/lintian/*", "/usr/share/bash-completion/*", "/usr/share/doc-base/*")
		in("/usr/share/doc/*/copyright")
	}
	if t.Man {
		out("/usr/share/man/*", "/usr/share/info/*", "/usr/share/groff/*")
	}
	if t.Locales {
		out("/usr/share/locale/*")
		in("/usr/share/locale/locale.alias")
	}
	if t.HWDB {
		out("/usr/lib/udev/hwdb.d/*", "/lib/udev/hwdb.d/*")
	}
	out(t.Paths...)
	return r
}

// DpkgConfig is the trimming as a file for /etc/dpkg/dpkg.cfg.d; "" when there
// is none.
func (t Trim) DpkgConfig() string {
	var b strings.Builder
	for _, r := range t.rules() {
		word := "path-exclude="
		if r.include {
			word = "path-include="
		}
		b.WriteString(word + r.pattern + "\n")
	}
	return b.String()
}

// Excludes reports whether dpkg leaves a file out of the root. The name is
// absolute.
func (t Trim) Excludes(name string) bool {
	name = path.Clean(name)
	out := false
	for _, r := range t.rules() {
		if r.include == out && matchAny(r.pattern, name) {
			out = !r.include
		}
	}
	return out
}

// matchAny is fnmatch(3) without FNM_PATHNAME, for the wildcards * and ?.
func matchAny(pattern, name string) bool {
	parts := strings.Split(pattern, "*")
	if !hasPrefix(name, parts[0]) {
		return false
	}
	if len(parts) == 1 {
		return len(name) == len(pattern)
	}
	name = name[len(parts[0]):]
	last := parts[len(parts)-1]
	for _, part := range parts[1 : len(parts)-1] {
		i := index(name, part)
		if i < 0 {
			return false
		}
		name = name[i+len(part):]
	}
	return len(name) >= len(last) && hasPrefix(name[len(name)-len(last):], last)
}

// hasPrefix is strings.HasPrefix where "?" in the prefix matches any byte.
func hasPrefix(s, prefix string) bool {
	if len(s) < len(prefix) {
		return false
	}
	for i := range len(prefix) {
		if prefix[i] != '?' && prefix[i] != s[i] {
			return false
		}
	}
	return true
}

func index(s, part string) int {
	for i := range len(s) - len(part) + 1 {
		if hasPrefix(s[i:], part) {
			return i
		}
	}
	return -1
}
