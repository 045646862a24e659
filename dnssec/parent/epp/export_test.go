package epp

import (
	"errors"
	"io"
)

// ReadReply reads one data unit, and returns the code of its first result that is an
// error.
func ReadReply(r io.Reader) (int, error) {
	body, err := readFrame(r)
	if err != nil {
		return 0, err
	}
	m, err := parse(body)
	if err != nil || m.Response == nil {
		return 0, err
	}
	if err := refused(m.Response); err != nil {
		var r *ResultError
		errors.As(err, &r)
		return r.Code, err
	}
	return CodeOK, nil
}
