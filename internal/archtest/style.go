package archtest

import (
	"fmt"
	"go/ast"
	"path"
	"regexp"
	"slices"
	"strings"
)

// MaxLines is how long a Go file may be.
const MaxLines = 700

// Lengths finds Go files of more than [MaxLines] lines.
func Lengths(r *Repo) []Finding {
	var found []Finding
	r.goFiles(func(f *File) {
		if n := strings.Count(f.Text, "\n"); n > MaxLines {
			found = append(found, Finding{f.Path, fmt.Sprintf("has %d lines; the most is %d", n, MaxLines)})
		}
	})
	return found
}

// The word is put together here so that this file does not find itself.
var unfinished = regexp.MustCompile(`\b(` + "TO" + `DO|` + "FIX" + `ME)\b`)

// Unfinished finds notes of work that was left undone.
func Unfinished(r *Repo) []Finding {
	return r.matching(unfinished, "is a note of unfinished work: do it, or open an issue")
}

// Sleeps finds time.Sleep in tests. A sleep is either too short or too long;
// wait for the condition itself, or use testing/synctest.
func Sleeps(r *Repo) []Finding {
	var found []Finding
	r.goFiles(func(f *File) {
		if !f.Test() {
			return
		}
		ast.Inspect(f.Go, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok || sel.Sel.Name != "Sleep" {
				return true
			}
			if pkg, ok := sel.X.(*ast.Ident); ok && pkg.Name == "time" {
				found = append(found, Finding{r.at(n.Pos()), "a test sleeps: wait for the condition, or use testing/synctest"})
			}
			return true
		})
	})
	return found
}

// Inits finds init functions outside of programs: importing a package must not
// do anything.
func Inits(r *Repo) []Finding {
	var found []Finding
	r.goFiles(func(f *File) {
		if f.Go.Name.Name == "main" {
			return
		}
		for _, decl := range f.Go.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				found = append(found, Finding{r.at(fn.Pos()), "an init function in a package that is no program"})
			}
		}
	})
	return found
}

// LocalPaths finds paths of the machine on which somebody works: the folders
// given, a home folder, or the temporary folder, whose name only os.TempDir
// and t.TempDir know.
func LocalPaths(r *Repo, folders ...string) []Finding {
	patterns := []string{"/" + `tmp/`, "/" + `home/[a-z]`}
	for _, folder := range folders {
		patterns = append(patterns, regexp.QuoteMeta(folder)+`\b`)
	}
	// Not in the middle of another path, as in var/tmp.
	local := regexp.MustCompile(`(?m)(?:^|[^\w./])(` + strings.Join(patterns, "|") + `)`)
	return r.matching(local, "is a path of one machine")
}

// junk is what editors, tools and systems leave behind.
var junk = []string{".orig", ".rej", ".bak", ".swp", ".log", ".pyc", ".exe", ".o", ".a", ".deb"}

const maxSize = 1 << 20

// Junk finds files that nobody meant to commit.
func Junk(r *Repo) []Finding {
	var found []Finding
	for _, f := range r.Files {
		base := path.Base(f.Path)
		switch {
		case slices.Contains(junk, path.Ext(base)), strings.HasSuffix(base, "~"), base == "nohup.out", base == "core":
			found = append(found, Finding{f.Path, "looks like something left behind"})
		case strings.HasPrefix(f.Text, "\x7fELF"):
			found = append(found, Finding{f.Path, "is a compiled program"})
		case len(f.Text) > maxSize:
			found = append(found, Finding{f.Path, fmt.Sprintf("has %d bytes; the most is %d", len(f.Text), maxSize)})
		}
	}
	return found
}

// matching finds lines of text files that match.
func (r *Repo) matching(re *regexp.Regexp, what string) []Finding {
	var found []Finding
	for _, f := range r.Files {
		if strings.ContainsRune(f.Text, 0) {
			continue
		}
		for _, m := range re.FindAllStringIndex(f.Text, -1) {
			line := 1 + strings.Count(f.Text[:m[1]], "\n")
			found = append(found, Finding{fmt.Sprintf("%s:%d", f.Path, line), fmt.Sprintf("%q %s", strings.TrimSpace(f.Text[m[0]:m[1]]), what)})
		}
	}
	return found
}
