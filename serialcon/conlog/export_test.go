package conlog

// OnStep has fn called after each step of rotation and compression; its error
// ends the work there, as a crash would.
func (l *Log) OnStep(fn func(step string) error) { l.steps = fn }

// ErrCut is an error that leaves everything as it is.
var ErrCut = errCut
