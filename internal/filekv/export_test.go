package filekv

import (
	"path"
	"strings"
	"time"
)

var FileName = fileName

// KeyOf is the key of a file by its path, as a walk finds it.
func KeyOf(file string) (string, bool) {
	var prefix string
	var ok bool
	parts := strings.Split(file, "/")
	for _, name := range parts[:len(parts)-1] {
		if prefix, ok = folderPrefix(prefix, name); !ok {
			return "", false
		}
	}
	return keyOf(prefix, file, path.Base(file))
}

// ParseRecord is parseRecord.
func ParseRecord(data []byte) ([]byte, int64, error) { return parseRecord(data) }

// SetPoll makes Watch look for changes itself.
func SetPoll(s *Store, every time.Duration) { s.poll = every }

// SetStep sets what is called before each step of a write.
func SetStep(s *Store, step func(string) error) { s.step = step }
