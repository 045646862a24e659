package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

const maintainer = "The hostkit authors <hostkit@users.noreply.github.com>"

// moment is the time of every file: SOURCE_DATE_EPOCH, so that the same source makes
// the same package, or a fixed one.
func moment() time.Time {
	if n, err := strconv.ParseInt(os.Getenv("SOURCE_DATE_EPOCH"), 10, 64); err == nil {
		return time.Unix(n, 0).UTC()
	}
	return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
}

// spec is nfpm's configuration, which it reads as YAML.
type spec struct {
	Name          string            `json:"name"`
	Arch          string            `json:"arch"`
	Platform      string            `json:"platform"`
	Version       string            `json:"version"`
	VersionSchema string            `json:"version_schema"`
	MTime         time.Time         `json:"mtime"`
	Section       string            `json:"section"`
	Priority      string            `json:"priority"`
	Maintainer    string            `json:"maintainer"`
	Description   string            `json:"description"`
	Homepage      string            `json:"homepage"`
	Depends       []string          `json:"depends,omitempty"`
	Recommends    []string          `json:"recommends,omitempty"`
	Contents      []entry           `json:"contents"`
	Scripts       map[string]string `json:"scripts,omitempty"`
}

// pack makes the package of what is staged.
func (s *staged) pack(ctx context.Context, file string) error {
	scripts, err := s.scripts()
	if err != nil {
		return err
	}
	var depends []string
	if s.program.User != "" {
		depends = []string{"adduser"}
	}
	text, err := json.Marshal(spec{
		Name: s.program.pkg(), Arch: s.arch, Platform: "linux", Version: s.version, VersionSchema: "none", MTime: moment(),
		Section: "net", Priority: "optional", Maintainer: maintainer,
		Description: s.program.Summary + "\n" + wrap(s.program.Text, 76),
		Homepage:    "https://github.com/mythic-beasts/hostkit", Depends: depends, Recommends: s.program.Recommends,
		Contents: s.files, Scripts: scripts,
	})
	if err != nil {
		return err
	}
	config := filepath.Join(s.dir, "nfpm.yaml")
	if err := os.WriteFile(config, text, 0o600); err != nil {
		return err
	}
	file, err = filepath.Abs(file)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "go", "tool", "-modfile=.ci/nfpm.mod", "nfpm", "package", "-p", "deb", "-f", config, "-t", file)
	cmd.Dir = s.root
	cmd.Env = append(os.Environ(), "GOARCH=", "GOOS=") // nfpm itself runs here
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("nfpm: %w\n%s", err, text)
	}
	return nil
}

// wrap breaks a text into lines.
func wrap(text string, width int) string {
	var b strings.Builder
	column := 0
	for word := range strings.FieldsSeq(text) {
		switch {
		case column == 0:
		case column+1+len(word) > width:
			b.WriteByte('\n')
			column = 0
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += len(word)
	}
	return b.String()
}

// scripts are those of dpkg. A daemon that runs is restarted by an upgrade and stopped
// by a removal; nothing is enabled or started that was not.
func (s *staged) scripts() (map[string]string, error) {
	if !s.program.Unit {
		return nil, nil
	}
	unit := s.program.Name + ".service"
	user := ""
	if s.program.User != "" {
		user = `if [ "$1" = configure ]; then
	adduser --system --quiet --group --no-create-home --home /var/lib/` + s.program.Name + ` ` + s.program.User + `
fi
`
	}
	scripts := make(map[string]string)
	for name, lines := range map[string]string{
		"postinstall": user + `if [ "$1" = configure ] && [ -d /run/systemd/system ]; then
	systemctl --system daemon-reload >/dev/null || true
	if [ -n "$2" ]; then
		deb-systemd-invoke try-restart ` + unit + ` >/dev/null || true
	fi
fi
`,
		"preremove": `if [ "$1" = remove ] && [ -d /run/systemd/system ]; then
	deb-systemd-invoke stop ` + unit + ` >/dev/null || true
fi
`,
		"postremove": `if [ -d /run/systemd/system ]; then
	systemctl --system daemon-reload >/dev/null || true
fi
if [ "$1" = purge ] && command -v deb-systemd-helper >/dev/null; then
	deb-systemd-helper purge ` + unit + ` >/dev/null || true
fi
`,
	} {
		file := filepath.Join(s.dir, name)
		if err := os.WriteFile(file, []byte("#!/bin/sh\nset -e\n"+lines), 0o600); err != nil {
			return nil, err
		}
		scripts[name] = file
	}
	return scripts, nil
}
