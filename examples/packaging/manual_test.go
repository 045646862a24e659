package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/peer"
)

const root = "../.."

func page(t *testing.T, p program) (file, text string) {
	t.Helper()
	file = filepath.Join(root, "examples", p.Name, p.as()+"."+p.section())
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	return file, string(b)
}

var (
	flagExpr    = regexp.MustCompile(`(?m)^  -([a-z-]+)`)
	wordExpr    = regexp.MustCompile(`(?m)^  ([a-z]+(?:-[a-z]+)*)(?: |$)`)
	commandExpr = regexp.MustCompile(`(?m)^([a-z]+) ([a-z]+) `)
)

// What a program says of itself is in its manual: each flag, each command.
func TestManualHasEverything(t *testing.T) {
	for _, p := range programs() {
		t.Run(p.Name, func(t *testing.T) {
			t.Parallel()
			program := filepath.Join(t.TempDir(), p.Name)
			build := exec.CommandContext(t.Context(), "go", "build", "-o", program, "./examples/"+p.Name)
			build.Dir = root
			out, err := build.CombinedOutput()
			require.NoError(t, err, "%s", out)
			_, text := page(t, p)

			usage, err := exec.CommandContext(t.Context(), program, "-h").CombinedOutput()
			require.NoError(t, err, "%s", usage)
			if help, err := exec.CommandContext(t.Context(), program, "help").Output(); err == nil {
				usage = append(usage, help...)
			}
			said := 0
			for _, m := range flagExpr.FindAllStringSubmatch(string(usage), -1) {
				require.Regexp(t, `(?m)^\.It Fl `+m[1]+`\b`, text)
				said++
			}
			for _, m := range wordExpr.FindAllStringSubmatch(string(usage), -1) {
				require.Regexp(t, `(?m)^\.It Cm `+m[1]+`\b`, text)
				said++
			}
			for _, m := range commandExpr.FindAllStringSubmatch(string(usage), -1) {
				if m[1] == p.Name && strings.Contains(string(usage), p.Name+" "+m[2]+" [") {
					require.Regexp(t, `(?m)^\.It Cm `+m[2]+`\b`, text)
					said++
				}
			}
			require.Greater(t, said, 4, "%s", usage)
		})
	}
}

// mandoc finds nothing in the pages, written or made, but that others are not installed.
func TestManualPages(t *testing.T) {
	mandoc := peer.Look(t, "mandoc")
	dir := t.TempDir()
	for _, p := range programs() {
		file, _ := page(t, p)
		files := []string{file}
		if !p.NoConfig {
			toml, err := os.ReadFile(filepath.Join(root, "examples", p.Name, "reference.toml"))
			require.NoError(t, err)
			made := filepath.Join(dir, p.Name+".toml.5")
			require.NoError(t, os.WriteFile(made, []byte(configPage(p, string(toml))), 0o600))
			files = append(files, made)
		}
		for _, f := range files {
			out, _ := exec.CommandContext(t.Context(), mandoc, "-Tlint", "-W", "warning", f).Output()
			require.Empty(t, string(out))
		}
	}
}

func TestConfigPage(t *testing.T) {
	got := configPage(program{Name: "xd"}, `# About all. It's "so".

# How many. Default: 2.
many = 2
# One of them…
[[thing]]
# .dotted \ and so on
name = "a"

# The last.
`)
	_, body, ok := strings.Cut(got, ".Sh DESCRIPTION\n")
	require.True(t, ok)
	body, _, ok = strings.Cut(body, ".Sh FILES\n")
	require.True(t, ok)
	require.Equal(t, `The file is TOML.
An unknown key or a bad value is an error that names the line.
.Pp
About all.
It\(aqs \(dqso\(dq.
.Bl -tag -width Ds
.It Li many = 2
How many.
Default: 2.
.El
.Ss [[thing]]
One of them...
.Bl -tag -width Ds
.It Li name = \(dqa\(dq
\&.dotted \e and so on.
.El
.Pp
The last.
`, body)
	require.Contains(t, got, ".Dt XD.TOML 5\n")
	require.Contains(t, got, ".Xr xd 8\n")
}
