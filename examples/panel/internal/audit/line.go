package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// line is a line of the log.
type line struct {
	// Prev is the hash of the line before; the first line has none.
	Prev string `json:"prev"`
	// Of is the number of the action whose end this is.
	Of uint64 `json:"of,omitempty"`
	Entry
}

// Head names the last line of a log.
type Head struct {
	Number uint64 `json:"n"`
	// Hash is the SHA-256 of the line, in hex.
	Hash string `json:"hash"`
}

// encode makes a line that follows the head, and the head that it makes.
func (h Head) encode(l line) ([]byte, Head, error) {
	l.Prev, l.Number = h.Hash, h.Number+1
	text, err := json.Marshal(l)
	if err != nil {
		return nil, h, err
	}
	return append(text, '\n'), Head{l.Number, hash(text)}, nil
}

// follow is the head that a line of a file makes, if the line follows this one. Of the
// zero head it accepts any first line, since older files may have been put away.
func (h Head) follow(text []byte) (Head, line, error) {
	var l line
	if err := json.Unmarshal(text, &l); err != nil {
		return h, l, fmt.Errorf("line after %d is no entry: %w", h.Number, ErrDamaged)
	}
	first := h.Number == 0 && l.Number > 0 && (l.Number == 1) == (l.Prev == "")
	if !first && (l.Number != h.Number+1 || l.Prev != h.Hash) {
		return h, l, fmt.Errorf("entry %d does not follow entry %d: %w", l.Number, h.Number, ErrDamaged)
	}
	return Head{l.Number, hash(text)}, l, nil
}

func hash(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// whole cuts off what is after the last end of a line.
func whole(data []byte) []byte { return data[:bytes.LastIndexByte(data, '\n')+1] }
