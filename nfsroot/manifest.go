package nfsroot

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Manifest says what was built. It is JSON for whoever keeps it.
type Manifest struct {
	SpecHash   string    `json:"specHash"` // as of [Spec.Hash]
	Suite      string    `json:"suite"`
	Arch       Arch      `json:"arch"`
	Backend    string    `json:"backend"` // "mmdebstrap" or "debootstrap"
	SourceDate time.Time `json:"sourceDate"`
	Built      time.Time `json:"built"`
	// Digest is the SHA-256 of the root as a tar archive, with entries in order
	// and times no newer than SourceDate: equal for equal roots.
	Digest   string    `json:"digest"`
	Size     int64     `json:"size"`             // bytes of the files' contents
	Inodes   int       `json:"inodes"`           // files, folders and links
	Kernel   string    `json:"kernel,omitempty"` // release of the modules: "6.1.0-40-arm64"
	Packages []Package `json:"packages"`         // by name
}

// Package is an installed Debian package.
type Package struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Arch    string `json:"arch"`
	SHA256  string `json:"sha256,omitempty"` // of the .deb, when it is known
	Size    int64  `json:"size,omitempty"`   // bytes installed, as its control file claims
}

// WriteTo writes the manifest as JSON.
func (m *Manifest) WriteTo(w io.Writer) (int64, error) {
	text, err := json.MarshalIndent(m, "", "\t")
	if err != nil {
		return 0, fmt.Errorf("nfsroot: manifest: %w", err)
	}
	n, err := w.Write(append(text, '\n'))
	return int64(n), err
}

// ReadManifest reads what [Manifest.WriteTo] wrote.
func ReadManifest(r io.Reader) (*Manifest, error) {
	m := new(Manifest)
	if err := json.NewDecoder(r).Decode(m); err != nil {
		return nil, fmt.Errorf("nfsroot: manifest: %w", err)
	}
	return m, nil
}

// Installed lists the packages that are installed in a root, by name and
// architecture, as dpkg's status file has them.
func Installed(root fs.FS) ([]Package, error) {
	f, err := root.Open("var/lib/dpkg/status")
	if err != nil {
		return nil, fmt.Errorf("nfsroot: installed packages: %w", err)
	}
	defer f.Close()
	packages, err := parseStatus(f)
	if err != nil {
		return nil, fmt.Errorf("nfsroot: installed packages: %w", err)
	}
	return packages, nil
}

// maxStatusLine is above the longest line of a control file: a Depends field.
const maxStatusLine = 1 << 20

func parseStatus(r io.Reader) ([]Package, error) {
	var list []Package
	var p Package
	installed := false
	end := func() {
		if installed && p.Name != "" {
			list = append(list, p)
		}
		p, installed = Package{}, false
	}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxStatusLine)
	for lines.Scan() {
		key, value, found := strings.Cut(lines.Text(), ":")
		value = strings.TrimSpace(value)
		switch {
		case lines.Text() == "":
			end()
		case !found || strings.HasPrefix(key, " "):
		case key == "Package":
			p.Name = value
		case key == "Status":
			installed = strings.HasSuffix(value, " installed")
		case key == "Version":
			p.Version = value
		case key == "Architecture":
			p.Arch = value
		case key == "Installed-Size":
			if kib, err := strconv.ParseInt(value, 10, 40); err == nil {
				p.Size = kib << 10
			}
		}
	}
	end()
	if len(list) == 0 && lines.Err() == nil {
		return nil, errors.New("no package in dpkg's status")
	}
	slices.SortFunc(list, func(a, b Package) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Arch, b.Arch))
	})
	return list, lines.Err()
}
