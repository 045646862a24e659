package daemon

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
)

const redacted = "[secret]"

// Secret is a password, key or community. A configuration file says where it
// is, and never holds it:
//
//	token = { file = "/etc/echod/token" }
//	token = { env = "ECHOD_TOKEN" }
//	token = { credential = "token" } # systemd's LoadCredential=
//
// It is read when the configuration is. White space at its end is cut off. The
// zero value is empty. It shows as [secret] wherever it is printed, logged or
// marshalled; only [Secret.Reveal] tells it.
type Secret struct {
	// A pointer, because fmt prints unexported fields of other structs without
	// asking their methods, but follows no pointer in them.
	value *string
}

// NewSecret makes a secret of a value, for tests and demonstrations.
func NewSecret(value string) Secret { return Secret{&value} }

// Reveal returns the secret itself.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// Empty reports whether there is none.
func (s Secret) Empty() bool { return s.Reveal() == "" }

// UnmarshalTOML implements the TOML decoder's Unmarshaler.
func (s *Secret) UnmarshalTOML(v any) error {
	table, ok := v.(map[string]any)
	if !ok || len(table) != 1 {
		return errors.New(`a secret is { file = "PATH" }, { env = "NAME" } or { credential = "NAME" }`)
	}
	for source, name := range table {
		value, err := readSecret(source, fmt.Sprint(name))
		if err != nil {
			return err
		}
		*s = NewSecret(strings.TrimRight(value, " \t\r\n"))
	}
	if s.Empty() {
		return errors.New("the secret is empty")
	}
	return nil
}

func readSecret(source, name string) (string, error) {
	switch source {
	case "file":
		text, err := os.ReadFile(name)
		return string(text), err
	case "credential":
		dir := os.Getenv("CREDENTIALS_DIRECTORY")
		if dir == "" {
			return "", fmt.Errorf("credential %q: systemd passed none", name)
		}
		text, err := os.ReadFile(filepath.Join(dir, filepath.Base(name)))
		return string(text), err
	case "env":
		value, ok := os.LookupEnv(name)
		if !ok {
			return "", fmt.Errorf("environment variable %s is not set", name)
		}
		return value, nil
	}
	return "", fmt.Errorf("a secret comes from file, env or credential, not from %q", source)
}

// Format implements [fmt.Formatter] for all verbs.
func (s Secret) Format(w fmt.State, _ rune) { fmt.Fprint(w, redacted) }

// LogValue implements [slog.LogValuer].
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText implements [encoding.TextMarshaler], which JSON and TOML use.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
