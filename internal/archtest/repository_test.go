package archtest_test

import (
	"bytes"
	"context"
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/internal/archtest"
	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/stretchr/testify/require"
)

const root = "../.."

// TestRepository holds this repository to its rules.
func TestRepository(t *testing.T) {
	repo, err := archtest.Load(os.DirFS(root))
	require.NoError(t, err)
	require.Greater(t, len(repo.Files), 50, "the repository was not found")

	rules := []struct {
		name  string
		check func(*testing.T) []archtest.Finding
	}{
		{"top-level packages do not import each other", rule(repo, archtest.TopLevel)},
		{"modules are allowed", func(*testing.T) []archtest.Finding { return archtest.Modules(repo, archtest.House()) }},
		{"exported names are documented", rule(repo, archtest.Documented)},
		{"packages have a comment and an example", rule(repo, archtest.Packages)},
		{"daemons have a reference configuration", rule(repo, archtest.References)},
		{"files are short", rule(repo, archtest.Lengths)},
		{"nothing is unfinished", rule(repo, archtest.Unfinished)},
		{"tests do not sleep", rule(repo, archtest.Sleeps)},
		{"imports do nothing", rule(repo, archtest.Inits)},
		{"no file was left behind", rule(repo, archtest.Junk)},
		{"no path of one machine", func(t *testing.T) []archtest.Finding {
			return archtest.LocalPaths(repo, checkoutFolders(t)...)
		}},
		{"READMEs compile", func(t *testing.T) []archtest.Finding {
			return archtest.Readmes(repo, compiled(t, archtest.SnippetImports(repo)))
		}},
		{"units are hardened", func(t *testing.T) []archtest.Finding {
			return archtest.Units(t.Context(), repo, root, peer.Look(t, "systemd-analyze"))
		}},
	}
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			for _, finding := range r.check(t) {
				t.Error(finding)
			}
		})
	}
}

func rule(repo *archtest.Repo, fn func(*archtest.Repo) []archtest.Finding) func(*testing.T) []archtest.Finding {
	return func(*testing.T) []archtest.Finding { return fn(repo) }
}

// checkoutFolders are the folder of this checkout and the one around it, unless
// that is a folder of every system.
func checkoutFolders(t *testing.T) []string {
	t.Helper()
	checkout, err := filepath.Abs(root)
	require.NoError(t, err)
	folders := []string{checkout}
	everywhere := []string{"/", "/build", "/etc", "/home", "/opt", "/root", "/src", "/srv", "/tmp", "/usr/src", "/var/tmp"}
	if parent := filepath.Dir(checkout); !slices.Contains(everywhere, parent) {
		folders = append(folders, parent)
	}
	return folders
}

// compiled returns an importer of the packages, which the go command builds.
func compiled(t *testing.T, packages []string) types.Importer {
	t.Helper()
	exports := make(map[string]string)
	if len(packages) > 0 {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		args := append([]string{"list", "-export", "-deps", "-f", "{{.ImportPath}}={{.Export}}", "--"}, packages...)
		cmd := exec.CommandContext(ctx, peer.Look(t, "go"), args...)
		cmd.Dir = root
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		require.NoError(t, err, stderr.String())
		for line := range strings.Lines(string(out)) {
			pkg, export, _ := strings.Cut(strings.TrimSpace(line), "=")
			exports[pkg] = export
		}
	}
	return importer.ForCompiler(token.NewFileSet(), "gc", func(pkg string) (io.ReadCloser, error) {
		return os.Open(exports[pkg])
	})
}
