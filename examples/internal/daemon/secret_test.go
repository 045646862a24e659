package daemon_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
	"github.com/stretchr/testify/require"
)

func TestSecretHidesItself(t *testing.T) {
	type holder struct {
		Token daemon.Secret
		inner daemon.Secret
	}
	h := holder{daemon.NewSecret("hunter2"), daemon.NewSecret("hunter2")}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, verb+verb+verb, h.Token, &h.Token, h)
	}
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "token", h.Token, "holder", h, "inner", h.inner)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "token", h.Token, "holder", h)
	require.NoError(t, json.NewEncoder(&out).Encode(h))
	require.NotContains(t, out.String(), "hunter2")
	require.NotContains(t, out.String(), fmt.Sprintf("%x", "hunter2"))
	require.Contains(t, out.String(), `"token":"[secret]"`)
	require.Equal(t, "hunter2", h.Token.Reveal())
}

func TestSecretSources(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "token")
	require.NoError(t, os.WriteFile(file, []byte("hunter2\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "blank"), []byte("\n"), 0o600))
	t.Setenv("TESTD_TOKEN", "hunter3")
	t.Setenv("CREDENTIALS_DIRECTORY", dir)

	tests := []struct {
		name    string
		value   any
		want    string
		wantErr string
	}{
		{"file", map[string]any{"file": file}, "hunter2", ""},
		{"env", map[string]any{"env": "TESTD_TOKEN"}, "hunter3", ""},
		{"credential", map[string]any{"credential": "token"}, "hunter2", ""},
		{"credential elsewhere", map[string]any{"credential": "../../etc/passwd"}, "", "no such file"},
		{"missing file", map[string]any{"file": file + "x"}, "", "no such file"},
		{"missing variable", map[string]any{"env": "TESTD_NONE"}, "", "TESTD_NONE is not set"},
		{"blank", map[string]any{"credential": "blank"}, "", "empty"},
		{"in the file itself", "hunter2", "", "a secret is {"},
		{"two sources", map[string]any{"env": "A", "file": "B"}, "", "a secret is {"},
		{"other source", map[string]any{"vault": "A"}, "", `not from "vault"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var s daemon.Secret
			err := s.UnmarshalTOML(tt.value)
			if tt.wantErr != "" {
				require.ErrorContains(t, err, tt.wantErr)
				require.NotContains(t, err.Error(), "hunter2")
				return
			}
			require.NoError(t, err)
			require.Equal(t, tt.want, s.Reveal())
		})
	}
}
