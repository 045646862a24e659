package conlog

import "os"

// OnStep has fn called after each step of rotation and compression; its error
// ends the work there, as a crash would.
func (l *Log) OnStep(fn func(step string) error) { l.steps = fn }

// ErrCut is an error that leaves everything as it is.
var ErrCut = errCut

// OnSync stands for fdatasync(2).
func (l *Log) OnSync(fn func(*os.File) error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fsync = fn
}

// OnWrite stands for write(2).
func (l *Log) OnWrite(fn func(*os.File, []byte) (int, error)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.write = fn
}
