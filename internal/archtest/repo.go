package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Repo is the text of a repository.
type Repo struct {
	Module string // the module's path
	Files  []*File
	fset   *token.FileSet
}

// File is one file of it.
type File struct {
	Path string // from the root, with slashes
	Text string
	Go   *ast.File // nil unless it is Go
}

// Finding is a breach of a rule.
type Finding struct {
	Where string // a file, often with a line
	What  string
}

func (f Finding) String() string { return f.Where + ": " + f.What }

// Load reads a repository. It leaves out what git would ignore here: hidden
// folders other than .ci, test binaries and profiles. Folders named testdata
// hold no packages, but files like any other.
func Load(fsys fs.FS) (*Repo, error) {
	r := &Repo{fset: token.NewFileSet()}
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && ignoredDir(name):
			return fs.SkipDir
		case !d.Type().IsRegular() || ignoredFile(name):
			return nil
		}
		return r.add(fsys, name)
	})
	if err == nil && r.Module == "" {
		err = fmt.Errorf("archtest: no go.mod with a module line: %w", fs.ErrNotExist)
	}
	return r, err
}

func ignoredDir(name string) bool {
	base := path.Base(name)
	return name == "bin" || base != "." && base != ".ci" && strings.HasPrefix(base, ".")
}

func ignoredFile(name string) bool {
	return slices.Contains([]string{".test", ".out", ".prof"}, path.Ext(name))
}

func (r *Repo) add(fsys fs.FS, name string) error {
	text, err := fs.ReadFile(fsys, name)
	if err != nil {
		return err
	}
	f := &File{Path: name, Text: string(text)}
	if name == "go.mod" {
		first, _, _ := strings.Cut(f.Text, "\n")
		r.Module = strings.TrimSpace(strings.TrimPrefix(first, "module "))
	}
	if path.Ext(name) == ".go" && !strings.Contains("/"+name, "/testdata/") {
		f.Go, err = parser.ParseFile(r.fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
	}
	r.Files = append(r.Files, f)
	return nil
}

// Dir is the folder of the file, "." for the root.
func (f *File) Dir() string { return path.Dir(f.Path) }

// Test reports whether it is a test file.
func (f *File) Test() bool { return strings.HasSuffix(f.Path, "_test.go") }

// goFiles calls fn for every Go file.
func (r *Repo) goFiles(fn func(*File)) {
	for _, f := range r.Files {
		if f.Go != nil {
			fn(f)
		}
	}
}

// packages groups the Go files, with the test files, by folder.
func (r *Repo) packages() map[string][]*File {
	pkgs := make(map[string][]*File)
	r.goFiles(func(f *File) { pkgs[f.Dir()] = append(pkgs[f.Dir()], f) })
	return pkgs
}

// public reports whether users of the module can import the package in a folder.
func public(dir string, files []*File) bool {
	if strings.Contains("/"+dir+"/", "/internal/") {
		return false
	}
	for _, f := range files {
		if !f.Test() {
			return f.Go.Name.Name != "main"
		}
	}
	return false
}

// at is a place in a file as file:line.
func (r *Repo) at(pos token.Pos) string {
	p := r.fset.Position(pos)
	return fmt.Sprintf("%s:%d", p.Filename, p.Line)
}

// file returns the file of that path, or nil.
func (r *Repo) file(name string) *File {
	for _, f := range r.Files {
		if f.Path == name {
			return f
		}
	}
	return nil
}
