package archtest

import (
	"fmt"
	"go/ast"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Policy says which modules, or packages of them, may be imported where. The
// longest key that contains a package's folder decides for it; the standard
// library and this module are not its business.
type Policy struct {
	Allow map[string][]string // by folder
	Tests []string            // in addition, in every _test.go file
	Deny  []string            // packages that are never imported, whatever is allowed
}

// TopLevel finds imports from one top-level package to another. Programs under
// examples wire packages together, so they may import all; packages under
// internal serve all, so they may import none. Every other top-level package
// must do without its siblings.
func TopLevel(r *Repo) []Finding {
	var found []Finding
	r.imports(func(f *File, spec *ast.ImportSpec, imported string) {
		target, ours := strings.CutPrefix(imported, r.Module+"/")
		if !ours {
			return
		}
		from, to := top(f.Path), top(target)
		if from == to || from == "examples" || to == "internal" {
			return
		}
		found = append(found, Finding{r.at(spec.Pos()), fmt.Sprintf("%s must not import %s", f.Dir(), target)})
	})
	return found
}

// Modules finds imports that the policy does not allow.
func Modules(r *Repo, p Policy) []Finding {
	var found []Finding
	r.imports(func(f *File, spec *ast.ImportSpec, imported string) {
		if within(imported, r.Module) || !strings.Contains(top(imported), ".") {
			return
		}
		allowed := p.at(f.Dir())
		if f.Test() {
			allowed = append(allowed[:len(allowed):len(allowed)], p.Tests...)
		}
		if !containsAny(allowed, imported) || slices.Contains(p.Deny, imported) {
			found = append(found, Finding{r.at(spec.Pos()), fmt.Sprintf("%s must not import %s", f.Dir(), imported)})
		}
	})
	return found
}

// at is what the policy allows in a folder.
func (p Policy) at(dir string) []string {
	for ; dir != "."; dir = path.Dir(dir) {
		if allowed, ok := p.Allow[dir]; ok {
			return allowed
		}
	}
	return nil
}

func (r *Repo) imports(fn func(f *File, spec *ast.ImportSpec, imported string)) {
	r.goFiles(func(f *File) {
		for _, spec := range f.Go.Imports {
			if imported, err := strconv.Unquote(spec.Path.Value); err == nil {
				fn(f, spec, imported)
			}
		}
	})
}

func top(name string) string {
	first, _, _ := strings.Cut(name, "/")
	return first
}

// within reports whether a package is the root or below it.
func within(name, root string) bool { return name == root || strings.HasPrefix(name, root+"/") }

func containsAny(roots []string, name string) bool {
	return slices.ContainsFunc(roots, func(root string) bool { return within(name, root) })
}
