package serialcon_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/serialcon"
)

func TestCheckName(t *testing.T) {
	for _, name := range []string{"a", "pi-042", "Pi_1.rack2", "-", strings.Repeat("x", 64), "a..b"} {
		require.NoError(t, serialcon.CheckName(name), name)
	}
	for _, name := range []string{
		"", ".", "..", ".hidden", "../x", "a/b", "/etc/passwd", `a\b`, "a b", "a\x00b", "a\nb", "é", "a\u202eb",
		"a:b", "a*b", strings.Repeat("x", 65), "a%2fb", "~root", "$HOME",
	} {
		err := serialcon.CheckName(name)
		require.ErrorIs(t, err, serialcon.ErrName, "%q", name)
		require.NotContains(t, err.Error(), "\n", "the name is quoted")
	}
}

func TestEventKindsHaveNames(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range all() {
		text, err := json.Marshal(k)
		require.NoError(t, err)
		require.False(t, seen[string(text)], "%s twice", text)
		seen[string(text)] = true
		require.NotContains(t, string(text), "kind-")
		var back serialcon.EventKind
		require.NoError(t, json.Unmarshal(text, &back))
		require.Equal(t, k, back)
	}
	require.Equal(t, "kind-200", serialcon.EventKind(200).String())
	require.Error(t, json.Unmarshal([]byte(`"kind-200"`), new(serialcon.EventKind)))
	text, err := json.Marshal(serialcon.Event{Console: "pi", Kind: serialcon.EventLogResumed, N: 3})
	require.NoError(t, err)
	require.JSONEq(t, `{"console":"pi","kind":"log-resumed","at":"0001-01-01T00:00:00Z","n":3}`, string(text))
}

func TestModesHaveNames(t *testing.T) {
	require.Equal(t, "read-only read-write spy mode-9",
		fmt.Sprint(serialcon.ReadOnly, serialcon.ReadWrite, serialcon.Spy, serialcon.Mode(9)))
}
