package archtest

import (
	"cmp"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"go/types"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Snippet is a block of Go in a Markdown file.
type Snippet struct {
	File  string
	Line  int // of the file, on which Code begins
	Code  string
	Given string // declarations that the reader need not see
}

// block matches a Go block, after an invisible comment with what is given:
//
//	<!-- given: var files fs.FS -->
var block = regexp.MustCompile("(?s)(?:<!-- given: (.*?) -->\n+)?```go\n(.*?)```")

// Snippets returns the Go blocks of all Markdown files.
func (r *Repo) Snippets() []Snippet {
	var all []Snippet
	for _, f := range r.Files {
		if path.Ext(f.Path) != ".md" {
			continue
		}
		for _, m := range block.FindAllStringSubmatchIndex(f.Text, -1) {
			s := Snippet{File: f.Path, Line: 1 + strings.Count(f.Text[:m[4]], "\n"), Code: f.Text[m[4]:m[5]]}
			if m[2] >= 0 {
				s.Given = f.Text[m[2]:m[3]]
			}
			all = append(all, s)
		}
	}
	return all
}

// Readmes finds Go blocks in Markdown files that do not compile. A block is a
// whole file, declarations, or statements; the latter two import by themselves
// what they name, and may leave variables unused. The importer returns compiled
// packages by path.
func Readmes(r *Repo, importer types.Importer) []Finding {
	var found []Finding
	names := r.packageNames()
	for _, s := range r.Snippets() {
		found = append(found, compile(s, names, importer)...)
	}
	return found
}

// SnippetImports returns the packages that the blocks import.
func SnippetImports(r *Repo) []string {
	names := r.packageNames()
	all := make(map[string]bool)
	for _, s := range r.Snippets() {
		file, _, err := s.parse(names)
		if err != nil {
			continue // Readmes reports it
		}
		for _, spec := range file.Imports {
			if p, err := strconv.Unquote(spec.Path.Value); err == nil {
				all[p] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(all))
}

func compile(s Snippet, names map[string][]string, importer types.Importer) []Finding {
	file, fset, err := s.parse(names)
	if err != nil {
		return []Finding{s.finding(err)}
	}
	var found []Finding
	config := types.Config{Importer: importer, Error: func(err error) {
		if e, ok := errors.AsType[types.Error](err); !ok || !e.Soft { // soft: something is unused
			found = append(found, s.finding(err))
		}
	}}
	config.Check("snippet", fset, []*ast.File{file}, nil) //nolint:errcheck // Error has seen each
	return found
}

// finding takes the place out of an error of the parser or the type checker.
func (s Snippet) finding(err error) Finding {
	pos, what := token.Position{Filename: s.File, Line: s.Line}, err.Error()
	if list, ok := errors.AsType[scanner.ErrorList](err); ok {
		pos, what = list[0].Pos, list[0].Msg
	} else if e, ok := errors.AsType[types.Error](err); ok {
		pos, what = e.Fset.Position(e.Pos), e.Msg
	}
	return Finding{fmt.Sprintf("%s:%d", pos.Filename, pos.Line), what}
}

// parse makes a file of the block.
func (s Snippet) parse(names map[string][]string) (*ast.File, *token.FileSet, error) {
	if strings.HasPrefix(s.Code, "package ") {
		return parseSource(s.here(s.Code, 0))
	}
	imports, body := cutImports(s.Code)
	head, body := s.here(imports, 0), s.here(body, strings.Count(imports, "\n"))
	given := "\n//line given:1\n" + s.Given + "\n"
	source := given + body
	if _, _, err := parseSource("package p\n" + head + source); err != nil {
		source = given + "func _() {\n" + body + "\n}"
	}
	file, _, err := parseSource("package p\n" + head + source)
	if err != nil {
		return nil, nil, err
	}
	return parseSource("package p\n" + head + "\n" + s.missingImports(file, names) + source)
}

// here makes errors in a part of the block name the line in the Markdown file.
func (s Snippet) here(part string, lines int) string {
	return fmt.Sprintf("//line %s:%d\n%s", s.File, s.Line+lines, part)
}

func parseSource(source string) (*ast.File, *token.FileSet, error) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "", source, 0)
	return file, fset, err
}

var importDecl = regexp.MustCompile(`(?s)^\s*import (\([^)]*\)|[^\n]*)\n`)

func cutImports(code string) (imports, rest string) {
	for m := importDecl.FindString(code); m != ""; m = importDecl.FindString(code) {
		imports, code = imports+m, code[len(m):]
	}
	return imports, code
}

// missingImports imports packages that the file names and nothing declares.
func (s Snippet) missingImports(file *ast.File, names map[string][]string) string {
	imported := make(map[string]bool)
	for _, spec := range file.Imports {
		p, _ := strconv.Unquote(spec.Path.Value)
		imported[path.Base(p)] = true
	}
	wanted := make(map[string]bool)
	for _, ident := range file.Unresolved {
		if all := names[ident.Name]; len(all) > 0 && !imported[ident.Name] {
			wanted[s.nearest(all)] = true
		}
	}
	var out strings.Builder
	for _, p := range slices.Sorted(maps.Keys(wanted)) {
		fmt.Fprintf(&out, "import %q\n", p)
	}
	return out.String()
}

// nearest is the import path that shares most with the folder of the file. Of several the
// shortest is meant, which is the least hidden.
func (s Snippet) nearest(paths []string) string {
	dir := path.Dir(s.File) + "/"
	shared := func(p string) (n int) {
		for prefix := range strings.SplitAfterSeq(p+"/", "/") {
			if strings.HasPrefix(dir[n:], prefix) {
				n += len(prefix)
			}
		}
		return n
	}
	return slices.MaxFunc(paths, func(a, b string) int {
		return cmp.Or(cmp.Compare(shared(a), shared(b)), cmp.Compare(len(b), len(a)), strings.Compare(b, a))
	})
}

// packageNames maps names to import paths: those of this module, and what of
// the standard library a README is likely to use.
func (r *Repo) packageNames() map[string][]string {
	names := make(map[string][]string)
	for _, p := range []string{
		"bytes", "context", "crypto", "crypto/tls", "crypto/x509", "errors", "fmt", "io", "io/fs", "log", "log/slog", "maps",
		"net", "net/http", "net/netip", "os", "os/exec", "os/signal", "path/filepath", "slices", "strings", "sync",
		"syscall", "testing", "testing/synctest", "time",
	} {
		names[path.Base(p)] = []string{p}
	}
	for dir, files := range r.packages() {
		for _, f := range files {
			name, p := f.Go.Name.Name, path.Join(r.Module, dir)
			if !f.Test() && name != "main" && !slices.Contains(names[name], p) {
				names[name] = append(names[name], p)
			}
		}
	}
	return names
}
