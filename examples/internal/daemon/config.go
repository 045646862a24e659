package daemon

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
)

// Duration is a [time.Duration] that is written as "30s" or "1h30m". A bare
// number is an error: of what would it be?
type Duration time.Duration

// UnmarshalText implements [encoding.TextUnmarshaler].
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf(`%q is no duration such as "30s" or "1h30m"`, text)
	}
	*d = Duration(v)
	return nil
}

// MarshalText implements [encoding.TextMarshaler].
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

func (d Duration) String() string { return time.Duration(d).String() }

// FieldError is a value in a configuration that is well-formed but wrong.
type FieldError struct {
	Key string // as in "listen" or "machine[2].address", counted from 0
	Err error
}

func (e *FieldError) Error() string { return e.Key + ": " + e.Err.Error() }

// Unwrap returns what is wrong.
func (e *FieldError) Unwrap() error { return e.Err }

// Field says that err is about the value of a key, so that the message can name
// the key's line. The key is as in "listen" or "machine[2].address", counted
// from 0. Without an error it returns nil.
func Field(key string, err error) error {
	if err == nil {
		return nil
	}
	return &FieldError{Key: key, Err: err}
}

// Load reads and checks a configuration file as a [Program] does, for tests of
// a reference.toml and for tools that share a daemon's file. Check may be nil.
func Load[C any](path string, check func(*C) error) (*C, error) {
	cfg, err := loadFile(path, check)
	if err != nil {
		return nil, errors.New(strings.Join(messages(err), "\n"))
	}
	return cfg, nil
}

func loadFile[C any](path string, check func(*C) error) (*C, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return decode(path, string(text), check)
}

// decode turns the text of a file into a configuration.
func decode[C any](path, text string, check func(*C) error) (*C, error) {
	var cfg C
	err := strict(text, &cfg)
	if err != nil {
		return nil, locate(path, text, err, func(prefix string) bool { return strict(prefix, new(C)) != nil })
	}
	if check == nil {
		return &cfg, nil
	}
	if err := check(&cfg); err != nil {
		return nil, locateFields(path, text, err)
	}
	return &cfg, nil
}

// strict decodes, and takes a key that has no place in cfg for an error.
func strict(text string, cfg any) error {
	meta, err := toml.Decode(text, cfg)
	if err != nil {
		return err
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return fmt.Errorf("unknown key %q", unknown[0].String())
	}
	return nil
}
