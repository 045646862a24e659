package secret_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/dnssec/parent/internal/secret"
)

func Example() {
	password := secret.String("hunter2")
	fmt.Println(password, len(string(password)))
	// Output: [redacted] 7
}

func TestNothingPrintsIt(t *testing.T) {
	type config struct {
		User     string
		Password secret.String
	}
	c := config{"registrar", "hunter2"}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, verb, c)
		fmt.Fprintf(&out, verb, &c)
		fmt.Fprintf(&out, verb, c.Password)
	}
	slog.New(slog.NewTextHandler(&out, nil)).Info("login", "config", c, "password", c.Password)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("login", "config", c, "password", c.Password)
	require.NoError(t, json.NewEncoder(&out).Encode(c))
	out.WriteString(c.Password.String())
	require.NotContains(t, out.String(), "hunter2")
	require.NotContains(t, out.String(), fmt.Sprintf("%x", "hunter2"))
}

func TestRead(t *testing.T) {
	var c struct{ Password secret.String }
	require.NoError(t, json.Unmarshal([]byte(`{"Password": "hunter2"}`), &c))
	require.Equal(t, "hunter2", string(c.Password))
}
