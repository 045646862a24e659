package serialcon

import "errors"

// What can go wrong, for errors.Is.
var (
	ErrName     = errors.New("serialcon: not a console's name")
	ErrDown     = errors.New("serialcon: the port is not open")
	ErrReadOnly = errors.New("serialcon: the session does not hold the writer's place")
	ErrDetached = errors.New("serialcon: the session is detached")
	ErrNoBreak  = errors.New("serialcon: the port cannot send a BREAK")
	ErrRunning  = errors.New("serialcon: the console already runs")
)
