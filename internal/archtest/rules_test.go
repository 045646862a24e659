package archtest_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/mythic-beasts/hostkit/internal/archtest"
	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/stretchr/testify/require"
)

// repo makes a repository of the module example.com/m with the files.
func repo(t *testing.T, files map[string]string) *archtest.Repo {
	t.Helper()
	fsys := fstest.MapFS{"go.mod": {Data: []byte("module example.com/m\n\ngo 1.26\n")}}
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	r, err := archtest.Load(fsys)
	require.NoError(t, err)
	return r
}

// require that a rule finds the faults and nothing else.
func requireFindings(t *testing.T, found []archtest.Finding, want ...string) {
	t.Helper()
	var got []string
	for _, f := range found {
		got = append(got, f.String())
	}
	require.ElementsMatch(t, want, got)
}

func TestTopLevelRule(t *testing.T) {
	r := repo(t, map[string]string{
		"a/a.go":               `package a; import _ "example.com/m/b"`,
		"a/a_test.go":          `package a_test; import _ "example.com/m/b/c"`,
		"b/b.go":               `package b; import _ "example.com/m/internal/x"`,
		"b/c/c.go":             `package c; import _ "example.com/m/b"`,
		"internal/x/x.go":      `package x; import (_ "example.com/m/a"; _ "example.com/m/internal/y")`,
		"examples/cmd/main.go": `package main; import (_ "example.com/m/a"; _ "example.com/m/b")`,
		"b/d/d.go":             `package d; import _ "example.com/m/examples/lib"`,
	})
	requireFindings(t, archtest.TopLevel(r),
		"a/a.go:1: a must not import b",
		"a/a_test.go:1: a must not import b/c",
		"internal/x/x.go:1: internal/x must not import a",
		"b/d/d.go:1: b/d must not import examples/lib",
	)
}

func TestModulesRule(t *testing.T) {
	policy := archtest.Policy{
		Allow: map[string][]string{
			"a":   {"other.example/lib"},
			"a/b": {},
		},
		Tests: []string{"test.example/check"},
		Deny:  []string{"other.example/lib/all"},
	}
	r := repo(t, map[string]string{
		"a/a.go":      `package a; import (_ "fmt"; _ "net/http"; _ "other.example/lib/sub"; _ "example.com/m/c")`,
		"a/all.go":    `package a; import _ "other.example/lib/all"`,
		"a/near.go":   `package a; import _ "other.example/library"`,
		"a/a_test.go": `package a; import (_ "test.example/check"; _ "other.example/lib")`,
		"a/leak.go":   `package a; import _ "test.example/check"`,
		"a/b/b.go":    `package b; import _ "other.example/lib"`,
		"c/c.go":      `package c; import _ "other.example/lib"`,
	})
	requireFindings(t, archtest.Modules(r, policy),
		"a/all.go:1: a must not import other.example/lib/all",
		"a/near.go:1: a must not import other.example/library",
		"a/leak.go:1: a must not import test.example/check",
		"a/b/b.go:1: a/b must not import other.example/lib",
		"c/c.go:1: c must not import other.example/lib",
	)
}

func TestDocumentedRule(t *testing.T) {
	r := repo(t, map[string]string{
		"internal/x/x.go": "package x\n\nfunc Free() {}\n",
		"cmd/main.go":     "package main\n\nfunc Free() {}\n",
		"a/a_test.go":     "package a\n\nfunc Free() {}\n",
		"a/a.go": `package a

func Bare() {}

// Fine is fine.
func Fine() {}

type Open struct{}

func (*Open) Walk()          {}
func (Open) String() string  { return "" }
func (o Open) hidden()       {}

type hidden struct{}

func (hidden) Exported() {}

const Lone = 1

// The colours.
const (
	Red = iota
	Green
)

const (
	// Above covers both.
	Above = 1
	Below = 2

	Apart = 3
	Beside = 4 // is explained here
)

// Box has fields.
type Box[T any] struct {
	Width, Height int

	inner int
	Open
}

func (b *Box[T]) Shut() {}

// Doer does.
type Doer interface {
	Do()
	// Undo undoes.
	Undo()
}

// Single has one method, which its own comment explains.
type Single interface {
	Open
	Only()
}
`,
	})
	requireFindings(t, archtest.Documented(r),
		"a/a.go:3: Bare is exported and has no comment",
		"a/a.go:8: Open is exported and has no comment",
		"a/a.go:10: Open.Walk is exported and has no comment",
		"a/a.go:18: Lone is exported and has no comment",
		"a/a.go:31: Apart is exported and has no comment",
		"a/a.go:43: Box.Shut is exported and has no comment",
		"a/a.go:47: Doer.Do is exported and has no comment",
	)
}

func TestPackagesRule(t *testing.T) {
	r := repo(t, map[string]string{
		"a/a.go":               "// Package a is good.\npackage a\n",
		"a/example_test.go":    "package a_test\n\nfunc Example() {}\n",
		"b/b.go":               "package b\n\nvar b int\n",
		"b/b_test.go":          "package b\n\nfunc TestB() {}\n",
		"c/doc.go":             "// Package c has tests only.\npackage c\n",
		"internal/x/x.go":      "package x\n",
		"examples/cmd/main.go": "package main\n",
	})
	requireFindings(t, archtest.Packages(r),
		"b: the package has no comment",
		"b: the package has no Example in its tests",
	)
}

func TestReferencesRule(t *testing.T) {
	const main = `package main; import "example.com/m/examples/internal/daemon"`
	const test = `package main; const reference = "reference.toml"`
	r := repo(t, map[string]string{
		"examples/goodd/main.go":        main,
		"examples/goodd/main_test.go":   test,
		"examples/goodd/reference.toml": "# Who is served.\nwho = \"all\"\nports = [ # which\n  1,\n  2,\n]\n\n# One of them.\n[[machine]]\n# Its name.\nname = \"a\"\n",
		"examples/bared/main.go":        main,
		"examples/shyd/main.go":         main,
		"examples/shyd/reference.toml":  "# Who is served.\nwho = \"all\"\nwhy = \"so\"\n\n[table]\n",
		"examples/oddd/main.go":         main,
		"examples/oddd/main_test.go":    test,
		"examples/oddd/reference.toml":  "# Who.\nwho = = 1\n",
		"examples/tool/main.go":         "package main\n",
	})
	requireFindings(t, archtest.References(r),
		"examples/bared: a daemon without a reference.toml",
		"examples/shyd/reference.toml:3: why has no comment",
		"examples/shyd/reference.toml:5: [table] has no comment",
		"examples/shyd: no test reads reference.toml",
		`examples/oddd/reference.toml: toml: line 2 (last key "who"): expected value but found '=' instead`,
	)
}

func TestStyleRules(t *testing.T) {
	note := "TO" + "DO"
	r := repo(t, map[string]string{
		"a/long.go":    "package a\n" + strings.Repeat("\n", archtest.MaxLines),
		"a/short.go":   "package a\n" + strings.Repeat("\n", archtest.MaxLines-1),
		"a/later.go":   "package a\n\n// " + note + ": finish\n",
		"README.md":    "Mastodon, " + note + "S and\n" + note + "\n",
		"a/a_test.go":  "package a\n\nimport \"time\"\n\nfunc f() { time.Sleep(1) }\n",
		"a/sleep.go":   "package a\n\nimport \"time\"\n\nfunc g() { time.Sleep(1) }\n",
		"a/init.go":    "package a\n\ntype t struct{}\n\nfunc (t) init() {}\n\nfunc init() {}\n",
		"cmd/main.go":  "package main\n\nfunc init() {}\n",
		".git/junk.go": "not Go at all",
	})
	requireFindings(t, archtest.Lengths(r), "a/long.go: has 701 lines; the most is 700")
	requireFindings(t, archtest.Unfinished(r),
		`a/later.go:3: "`+note+`" is a note of unfinished work: do it, or open an issue`,
		`README.md:2: "`+note+`" is a note of unfinished work: do it, or open an issue`)
	requireFindings(t, archtest.Sleeps(r), "a/a_test.go:5: a test sleeps: wait for the condition, or use testing/synctest")
	requireFindings(t, archtest.Inits(r), "a/init.go:7: an init function in a package that is no program")
}

func TestLeftoverRules(t *testing.T) {
	temp := "/" + "tmp/"
	r := repo(t, map[string]string{
		"a/a.go":        "package a\n\nconst p = \"/build/joe/hostkit/x\"\n",
		"a/b.go":        "package a\n\nconst p, q = \"/var" + temp + "x\", \"/build/joey\"\n",
		"run.sh":        "cd " + temp + "x\n",
		"bin.dat":       "\x00 " + temp,
		"a/main.go.bak": "",
		"a/notes~":      "",
		"a/prog":        "\x7fELF\x00",
		"a/huge":        strings.Repeat("x", 1<<20+1),
	})
	requireFindings(t, archtest.LocalPaths(r, "/build/joe"),
		`a/a.go:3: "\"/build/joe" is a path of one machine`,
		`run.sh:1: "`+temp+`" is a path of one machine`)
	requireFindings(t, archtest.Junk(r),
		"a/main.go.bak: looks like something left behind",
		"a/notes~: looks like something left behind",
		"a/prog: is a compiled program",
		"a/huge: has 1048577 bytes; the most is 1048576")
}

func TestReadmesRule(t *testing.T) {
	fence := "```"
	r := repo(t, map[string]string{
		"README.md": strings.Join([]string{
			"# m", "", // line 1 and 2
			fence + "go", "package main", "", `import "os"`, "", "func main() { os.Exit(0) }", fence, // 3
			fence + "go", `x := strings.ToUpper("unused is fine")`, fence, // 10
			fence + "go", "y := undeclared", fence, // 13
			"<!-- given: var undeclared fs.FS -->",
			fence + "go", `f, err := undeclared.Open("x")`, fence, // 17
			fence + "go", "type T struct{}", "", "func (T) M() time.Duration { return 1 }", fence, // 20
			fence + "go", `import "log/slog"`, `slog.Info(1)`, fence, // 25
			fence + "go", "if {", fence, // 29
			fence + "sh", "go test ./...", fence,
		}, "\n"),
	})
	require.Len(t, r.Snippets(), 7)
	require.Equal(t, []string{"io/fs", "log/slog", "os", "strings", "time"}, archtest.SnippetImports(r))
	found := archtest.Readmes(r, compiled(t, archtest.SnippetImports(r)))
	requireFindings(t, found,
		"README.md:14: undefined: undeclared",
		`README.md:27: cannot use 1 (untyped int constant) as string value in argument to slog.Info`,
		"README.md:30: missing condition in if statement")
}

// Of packages with one name the nearest is meant, and else the least hidden.
func TestReadmesOfOneName(t *testing.T) {
	block := "```go\n_ = store.New()\n```\n"
	r := repo(t, map[string]string{
		"a/store/store.go": "package store", "b/store/store.go": "package store", "b/deep/store/store.go": "package store",
		"b/store/README.md": block,
	})
	require.Equal(t, []string{r.Module + "/b/store"}, archtest.SnippetImports(r))
	r = repo(t, map[string]string{"a/x/store/store.go": "package store", "a/store/store.go": "package store", "README.md": block})
	require.Equal(t, []string{r.Module + "/a/store"}, archtest.SnippetImports(r))
}

func TestUnitsRule(t *testing.T) {
	analyze := peer.Look(t, "systemd-analyze")
	const open = "[Service]\nExecStart=/usr/bin/true\n"
	require.Equal(t, archtest.DefaultExposure, archtest.Exposure(open))
	require.Equal(t, 100, archtest.Exposure("# exposure: 100: a test\n"+open))
	require.Equal(t, archtest.DefaultExposure, archtest.Exposure("# exposure: 100:\n"+open), "it must say why")

	dir := t.TempDir()
	files := map[string]string{"open.service": open, "allowed.service": "# exposure: 100: a test\n" + open}
	for name, text := range files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	found := archtest.Units(t.Context(), repo(t, files), dir, analyze)
	require.Len(t, found, 1)
	require.Contains(t, found[0].String(), "open.service: exit status 1")
}

func TestLoadErrors(t *testing.T) {
	_, err := archtest.Load(fstest.MapFS{"a.go": {Data: []byte("package a")}})
	require.ErrorContains(t, err, "go.mod")
	_, err = archtest.Load(fstest.MapFS{"go.mod": {Data: []byte("module m")}, "a.go": {Data: []byte("package")}})
	require.Error(t, err)
}
