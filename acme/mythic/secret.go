package mythic

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// redacted is what is printed in place of a secret.
const redacted = "[redacted]"

// Secret is the secret of a key, or a password. Whatever prints, logs or encodes it
// gets "[redacted]"; string(s) is the secret itself. It is read from JSON or TOML as
// any string.
type Secret string

// Format prints the same for every verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// String implements fmt.Stringer.
func (Secret) String() string { return redacted }

// MarshalText implements encoding.TextMarshaler.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Secret) UnmarshalText(text []byte) error {
	*s = Secret(text)
	return nil
}

// LogValue implements slog.LogValuer.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// redact takes secrets out of a text that a server sent.
func redact(text string, secrets ...string) string {
	for _, s := range secrets {
		if s != "" {
			text = strings.ReplaceAll(text, s, redacted)
		}
	}
	return text
}
