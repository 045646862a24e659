package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/nfsroot/nfsroottest"
)

func TestRun(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("probes need Linux")
	}
	dir := t.TempDir()
	require.NoError(t, os.Chmod(filepath.Dir(dir), 0o711)) // for the probes that act as other users
	missing := filepath.Join(dir, "missing")
	for _, tc := range []struct {
		name string
		args []string
		code int
		out  string // in either stream
	}{
		{"probes a folder", []string{dir}, 0, " 0 failed, "},
		{"fails where nothing is", []string{missing}, 1, "FAIL setuid: "},
		{"needs a folder", nil, 2, "give one directory"},
		{"needs one folder", []string{dir, dir}, 2, "give one directory"},
		{"unknown flag", []string{"-x", dir}, 2, "-x"},
		{"not a source", []string{"-mount", "nothing", dir}, 2, `"nothing": not SERVER:PATH`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var out bytes.Buffer
			require.Equal(t, tc.code, run(t.Context(), tc.args, &out, &out), out.String())
			require.Contains(t, out.String(), tc.out)
		})
	}
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestReportKeepsToALine(t *testing.T) {
	var out bytes.Buffer
	code := report(&out, slices.Values([]nfsroottest.Result{
		{Name: "a"},
		{Name: "b", Err: errors.Join(errors.New("one"), errors.New("two"))},
		{Name: "c", Err: errors.New("three"), Optional: true},
		{Name: "d", Skipped: "needs root"},
	}))
	require.Equal(t, 1, code)
	require.Equal(t, "ok   a\nFAIL b: one; two\nno   c: three\nskip d: needs root\n"+
		"nfsprobe: 1 ok, 1 failed, 1 optional missing, 1 skipped\n", out.String())
}
