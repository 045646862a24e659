package main

import (
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/mythic-beasts/hostkit/netboot"
)

// files is the machine's own view: what is generated, over its directories.
func (m *machineConfig) files(p *problems) fs.FS {
	text := make(map[string]string)
	if m.ConfigTXT != "" {
		text["config.txt"] = m.ConfigTXT
	}
	if m.CmdlineTXT != "" {
		if strings.Contains(strings.TrimRight(m.CmdlineTXT, "\n"), "\n") {
			p.add("cmdline_txt", "must be one line: a Pi reads no further")
		}
		text["cmdline.txt"] = m.CmdlineTXT
	}
	layers := []fs.FS{netboot.TextFS(text)}
	for i, dir := range m.Files {
		t, err := parseTree(dir)
		if err != nil {
			p.add(fmt.Sprintf("files[%d]", i), "%w", err)
		}
		layers = append(layers, t)
	}
	return netboot.Overlay(layers...)
}

// tree is a directory in a tree, which is looked for at each Open: one that is
// missing when the daemon starts, because a customer's root is being built
// anew, must not keep the rack from booting.
type tree struct{ root, dir string }

// parseTree reads "/srv/firmware", or "/srv/nfs/pi17/./boot/firmware" where the
// links of the whole of /srv/nfs/pi17 are followed as that machine would.
func parseTree(text string) (tree, error) {
	root, dir, inside := strings.Cut(text, "/./")
	t := tree{filepath.Clean(root), "."}
	if inside {
		t.dir = strings.Trim(dir, "/")
	}
	switch {
	case !filepath.IsAbs(text) || inside && root == "":
		return t, fmt.Errorf("is not the absolute path of a directory")
	case !fs.ValidPath(t.dir):
		return t, fmt.Errorf(`has a path after "/./" with . or .. or nothing in it`)
	}
	return t, nil
}

// Open is part of [fs.FS]. A tree that is missing is an error of its own, not a
// missing file: the machine must not get a lower layer's file instead.
func (t tree) Open(name string) (fs.File, error) {
	root, err := netboot.DirFS(t.root)
	if err != nil {
		return nil, fmt.Errorf("tree of files is not there: %v", err) //nolint:errorlint // see above
	}
	dir, err := root.Sub(t.dir)
	if err != nil {
		return nil, err
	}
	return dir.Open(name)
}

// warnMissing logs the trees that are not there.
func (c *config) warnMissing(log *slog.Logger) {
	for _, m := range c.Machines {
		for _, text := range m.Files {
			t, err := parseTree(text)
			if err == nil {
				_, err = os.Stat(t.root)
			}
			if err != nil {
				log.Warn("a machine's files are not there: it cannot boot until they are", "machine", m.Name, "files", text, "err", err)
			}
		}
	}
}
