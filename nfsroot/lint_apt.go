package nfsroot

import (
	"net/netip"
	"net/url"
	"path"
	"regexp"
	"strings"
)

func aptRules() []Rule {
	return []Rule{
		{
			Name:  "apt-sources",
			Finds: "Sources of apt on the build host: file:, copy: and cdrom: URIs, and loopback addresses.",
			Why:   "The machine does not reach them, so it gets no security updates.",
			Mend:  "Removes the sources.",
			check: checkSources,
		},
		{
			Name:  "apt-proxy",
			Finds: "A proxy in the configuration of apt.",
			Why:   "It is the build host's, and the machine does not reach it.",
			Mend:  "Sets it to DIRECT, which is none (apt.conf(5)).",
			Base:  true,
			check: checkProxy,
		},
	}
}

func checkSources(l *linter) error {
	files, err := l.list("etc/apt/sources.list.d")
	if err != nil {
		return err
	}
	for _, name := range append([]string{"../sources.list"}, files...) {
		at := path.Join("etc/apt/sources.list.d", name)
		text, err := l.read(at)
		if err != nil {
			return err
		}
		mended := text
		switch path.Ext(name) {
		case ".list":
			mended = editLines(text, func(line string) (string, bool) { return line, !isLocalSource(line) })
		case ".sources":
			mended = withoutLocalStanzas(text)
		}
		if mended != text {
			l.find(Error, at, l.rewrite(at, mended), "has a source on the build host")
		}
	}
	return nil
}

// isLocalSource looks at one line of a sources.list(5).
func isLocalSource(line string) bool {
	line = strings.TrimSpace(line)
	rest, ok := strings.CutPrefix(line, "deb ")
	if !ok {
		rest, ok = strings.CutPrefix(line, "deb-src ")
	}
	rest = strings.TrimSpace(rest)
	if strings.HasPrefix(rest, "[") {
		_, rest, _ = strings.Cut(rest, "]")
	}
	uri := strings.Fields(rest)
	return ok && len(uri) > 0 && isLocalURI(uri[0])
}

// withoutLocalStanzas takes the stanzas with a local URI out of a file of
// deb822-style sources.
func withoutLocalStanzas(text string) string {
	stanzas := strings.Split(text, "\n\n")
	kept := stanzas[:0]
	for _, stanza := range stanzas {
		if !isLocalStanza(stanza) {
			kept = append(kept, stanza)
		}
	}
	return strings.Join(kept, "\n\n")
}

func isLocalStanza(stanza string) bool {
	field := ""
	for line := range strings.Lines(stanza) {
		value := line
		switch {
		case strings.HasPrefix(line, "#"):
			continue
		case line[0] != ' ' && line[0] != '\t':
			field, value, _ = strings.Cut(line, ":")
		}
		if !strings.EqualFold(field, "URIs") {
			continue
		}
		for uri := range strings.FieldsSeq(value) {
			if isLocalURI(uri) {
				return true
			}
		}
	}
	return false
}

func isLocalURI(uri string) bool {
	scheme, _, _ := strings.Cut(uri, ":")
	switch strings.ToLower(scheme) {
	case "file", "copy", "cdrom":
		return true
	}
	u, err := url.Parse(uri)
	if err != nil {
		return false
	}
	addr, err := netip.ParseAddr(u.Hostname())
	return u.Hostname() == "localhost" || err == nil && addr.IsLoopback()
}

// proxySetting finds the value of a proxy, in the flat form
// Acquire::http::Proxy "…" and inside braces.
var proxySetting = regexp.MustCompile(`(?mi)^([^\n"]*\bproxy(?:::[^\s"]+)?\s+)"([^"\n]*)"`)

func checkProxy(l *linter) error {
	files, err := l.list("etc/apt/apt.conf.d")
	if err != nil {
		return err
	}
	for _, name := range append([]string{"../apt.conf"}, files...) {
		at := path.Join("etc/apt/apt.conf.d", name)
		text, err := l.read(at)
		if err != nil {
			return err
		}
		mended := proxySetting.ReplaceAllStringFunc(text, func(match string) string {
			m := proxySetting.FindStringSubmatch(match)
			if strings.Contains(m[1], "//") || strings.Contains(m[1], "#") || m[2] == "" || strings.EqualFold(m[2], "DIRECT") || m[2] == "false" {
				return match
			}
			return m[1] + `"DIRECT"`
		})
		if mended != text {
			l.find(Error, at, l.rewrite(at, mended), "has a proxy")
		}
	}
	return nil
}
