package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// staged is a package in the making: a folder with what goes into it.
type staged struct {
	*job
	program program
	arch    string
	dir     string
	files   []entry
}

// entry is a file of the package.
type entry struct {
	Source      string   `json:"src"`
	Destination string   `json:"dst"`
	Info        fileInfo `json:"file_info"`
}

type fileInfo struct {
	Mode  os.FileMode `json:"mode"`
	MTime time.Time   `json:"mtime"`
}

// fill stages every file.
func (s *staged) fill(ctx context.Context) error {
	if err := s.build(ctx); err != nil {
		return err
	}
	for _, step := range []func() error{s.unit, s.manual, s.reference, s.papers} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// debian is Go's name of an architecture of Debian.
func debian(arch string) ([]string, error) {
	switch arch {
	case "amd64", "arm64":
		return []string{"GOARCH=" + arch}, nil
	case "armhf":
		return []string{"GOARCH=arm", "GOARM=7"}, nil
	}
	return nil, fmt.Errorf("architecture %q: amd64, arm64 and armhf are known", arch)
}

func (s *staged) build(ctx context.Context) error {
	env, err := debian(s.arch)
	if err != nil {
		return err
	}
	out, err := filepath.Abs(filepath.Join(s.dir, s.program.Name))
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", out, "./examples/"+s.program.Name)
	cmd.Dir = s.root
	cmd.Env = append(append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux"), env...)
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, text)
	}
	s.add(out, s.program.path(), 0o755)
	return nil
}

// unit stages the unit, which in the repository is for a program that was installed by
// hand.
func (s *staged) unit() error {
	if !s.program.Unit {
		return nil
	}
	name := s.program.Name + ".service"
	text, err := os.ReadFile(filepath.Join(s.root, "examples", s.program.Name, name))
	if err != nil {
		return err
	}
	text = bytes.ReplaceAll(text, []byte("/usr/local/sbin/"), []byte("/usr/sbin/"))
	text = bytes.ReplaceAll(text, []byte("/usr/local/bin/"), []byte("/usr/bin/"))
	// A daemon without its configuration would only fail.
	text = bytes.Replace(text, []byte("\n[Service]\n"), []byte("ConditionPathExists=/etc/"+s.program.Name+".toml\n\n[Service]\n"), 1)
	return s.write(name, "/lib/systemd/system/"+name, text)
}

// manual stages the pages of the program and of its configuration.
func (s *staged) manual() error {
	name := s.program.as() + "." + s.program.section()
	page, err := os.ReadFile(filepath.Join(s.root, "examples", s.program.Name, name))
	if err != nil {
		return err
	}
	if err := s.zip(name, "/usr/share/man/man"+s.program.section()+"/"+name+".gz", page); err != nil {
		return err
	}
	if s.program.NoConfig {
		return nil
	}
	toml, err := os.ReadFile(s.referencePath())
	if err != nil {
		return err
	}
	name = s.program.Name + ".toml.5"
	return s.zip(name, "/usr/share/man/man5/"+name+".gz", []byte(configPage(s.program, string(toml))))
}

func (s *staged) referencePath() string {
	return filepath.Join(s.root, "examples", s.program.Name, "reference.toml")
}

// reference stages the documented configuration.
func (s *staged) reference() error {
	if s.program.NoConfig {
		return nil
	}
	text, err := os.ReadFile(s.referencePath())
	if err != nil {
		return err
	}
	return s.write("reference.toml", s.doc("examples/"+s.program.Name+".toml"), text)
}

// papers stages what Debian wants of each package.
func (s *staged) papers() error {
	licence, err := os.ReadFile(filepath.Join(s.root, "LICENSE"))
	if err != nil {
		return err
	}
	head := "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n" +
		"Source: https://github.com/mythic-beasts/hostkit\n\nFiles: *\n"
	if err := s.write("copyright", s.doc("copyright"), []byte(head+dep5(string(licence)))); err != nil {
		return err
	}
	// One program file for every release of Debian is what is wanted.
	override := fmt.Sprintf("# A program of Go that needs no library.\n%s: statically-linked-binary [%s]\n", s.program.pkg(), s.program.path()[1:])
	if err := s.write("overrides", "/usr/share/lintian/overrides/"+s.program.pkg(), []byte(override)); err != nil {
		return err
	}
	log := fmt.Sprintf("%s (%s) unstable; urgency=medium\n\n  * See https://github.com/mythic-beasts/hostkit/blob/main/CHANGELOG.md\n\n -- %s  %s\n",
		s.program.pkg(), s.version, maintainer, moment().Format(time.RFC1123Z))
	return s.zip("changelog", s.doc("changelog.gz"), []byte(log))
}

// dep5 is a licence's text as Debian's copyright files have it.
func dep5(licence string) string {
	var b strings.Builder
	for line := range strings.Lines(licence) {
		if after, ok := strings.CutPrefix(line, "Copyright"); ok {
			b.WriteString("Copyright: " + strings.TrimSpace(after) + "\nLicense: BSD-3-Clause\n")
			continue
		}
		if b.Len() == 0 {
			continue // the licence's name
		}
		if line = strings.TrimSpace(line); line == "" {
			line = "."
		}
		b.WriteString(" " + line + "\n")
	}
	return strings.TrimRight(b.String(), " .\n") + ".\n"
}

func (s *staged) doc(name string) string { return "/usr/share/doc/" + s.program.pkg() + "/" + name }

func (s *staged) zip(name, to string, text []byte) error {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := w.Write(text); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return s.write(name+".gz", to, b.Bytes())
}

func (s *staged) write(name, to string, text []byte) error {
	from := filepath.Join(s.dir, name)
	if err := os.WriteFile(from, text, 0o600); err != nil {
		return err
	}
	s.add(from, to, 0o644)
	return nil
}

func (s *staged) add(from, to string, mode os.FileMode) {
	s.files = append(s.files, entry{from, to, fileInfo{mode, moment()}})
}
