package archtest

import (
	"fmt"
	"go/ast"
	"go/doc"
	"go/token"
	"maps"
	"slices"
	"strings"
)

// Documented finds exported names without a comment, in the packages that users
// can import. A comment above a group of constants, variables or interface
// methods serves the whole group, up to the next empty line. A struct's comment
// serves its fields, and an interface's its only method. Methods that only
// satisfy an interface everybody knows need none.
func Documented(r *Repo) []Finding {
	var found []Finding
	for dir, files := range r.packages() {
		if !public(dir, files) {
			continue
		}
		for _, f := range files {
			if f.Test() {
				continue
			}
			d := documented{repo: r, found: &found}
			for _, decl := range f.Go.Decls {
				d.decl(decl)
			}
		}
	}
	return sorted(found)
}

// Packages finds packages that users can import and that lack a comment or an
// Example. A folder of tests alone has nothing to show an example of.
func Packages(r *Repo) []Finding {
	var found []Finding
	pkgs := r.packages()
	for _, dir := range slices.Sorted(maps.Keys(pkgs)) {
		if !public(dir, pkgs[dir]) {
			continue
		}
		var comment, example, code bool
		for _, f := range pkgs[dir] {
			comment = comment || !f.Test() && f.Go.Doc != nil
			code = code || !f.Test() && len(f.Go.Decls) > 0
			example = example || f.Test() && len(doc.Examples(f.Go)) > 0
		}
		if !comment {
			found = append(found, Finding{dir, "the package has no comment"})
		}
		if code && !example {
			found = append(found, Finding{dir, "the package has no Example in its tests"})
		}
	}
	return found
}

// documented collects the findings of one file.
type documented struct {
	repo  *Repo
	found *[]Finding
}

func (d documented) missing(pos token.Pos, what string) {
	*d.found = append(*d.found, Finding{d.repo.at(pos), fmt.Sprintf("%s is exported and has no comment", what)})
}

// wellKnown are methods whose meaning is their interface's.
var wellKnown = []string{"Error", "String", "Unwrap", "Is", "Len", "Less", "Swap"}

func (d documented) decl(decl ast.Decl) {
	switch decl := decl.(type) {
	case *ast.FuncDecl:
		name := decl.Name.Name
		if decl.Recv != nil {
			recv := receiver(decl.Recv.List[0].Type)
			if !ast.IsExported(recv) || slices.Contains(wellKnown, name) {
				return
			}
			name = recv + "." + name
		}
		if decl.Doc == nil && decl.Name.IsExported() {
			d.missing(decl.Pos(), name)
		}
	case *ast.GenDecl:
		d.specs(decl)
	}
}

func receiver(t ast.Expr) string {
	switch t := t.(type) {
	case *ast.StarExpr:
		return receiver(t.X)
	case *ast.IndexExpr:
		return receiver(t.X)
	case *ast.IndexListExpr:
		return receiver(t.X)
	case *ast.Ident:
		return t.Name
	}
	return ""
}

func (d documented) specs(decl *ast.GenDecl) {
	var run runs
	for _, spec := range decl.Specs {
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			if !spec.Name.IsExported() {
				continue
			}
			if decl.Doc == nil && spec.Doc == nil {
				d.missing(spec.Pos(), spec.Name.Name)
			}
			d.methods(spec)
		case *ast.ValueSpec:
			covered := run.covers(d.repo, spec, spec.Doc, spec.Comment)
			for _, name := range spec.Names {
				if name.IsExported() && decl.Doc == nil && !covered {
					d.missing(name.Pos(), name.Name)
				}
			}
		}
	}
}

// methods looks at those of an interface.
func (d documented) methods(spec *ast.TypeSpec) {
	t, ok := spec.Type.(*ast.InterfaceType)
	if !ok {
		return
	}
	named := slices.DeleteFunc(slices.Clone(t.Methods.List), func(f *ast.Field) bool { return len(f.Names) == 0 })
	if len(named) == 1 {
		return
	}
	var run runs
	for _, field := range named {
		name := field.Names[0]
		if !run.covers(d.repo, field, field.Doc, field.Comment) && name.IsExported() && !slices.Contains(wellKnown, name.Name) {
			d.missing(name.Pos(), spec.Name.Name+"."+name.Name)
		}
	}
}

// runs follows a list of declarations and knows whether a comment above the
// first of adjoining ones covers the next.
type runs struct {
	lastLine int
	covered  bool
}

func (r *runs) covers(repo *Repo, n ast.Node, above, beside *ast.CommentGroup) bool {
	first := repo.fset.Position(n.Pos()).Line
	adjoins := first == r.lastLine+1
	r.lastLine = repo.fset.Position(n.End()).Line
	r.covered = above != nil || adjoins && r.covered
	return r.covered || beside != nil
}

func sorted(found []Finding) []Finding {
	slices.SortFunc(found, func(a, b Finding) int { return strings.Compare(a.Where, b.Where) })
	return found
}
