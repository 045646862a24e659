package snmp

import (
	"fmt"
	"log/slog"
)

// Secret is a community or a passphrase. It prints as "[redacted]" under every
// verb, in logs and in JSON; string(s) is the secret itself. Package fmt calls no
// methods of what is in unexported fields: give a struct that has it there a
// Format method.
type Secret string

const redacted = "[redacted]"

// String hides the secret.
func (Secret) String() string { return redacted }

// GoString hides the secret.
func (Secret) GoString() string { return redacted }

// Format hides the secret, whatever the verb.
func (Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, redacted) }

// LogValue hides the secret.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText hides the secret, from JSON as well.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
