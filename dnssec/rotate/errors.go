package rotate

import (
	"errors"
	"fmt"
	"time"
)

// What errors.Is finds in the errors of this package.
var (
	// ErrClock is for a time before that of the step before: the clock was
	// set back, and nothing can be concluded from it.
	ErrClock = errors.New("the clock went backwards")
	// ErrPolicy is for a policy that cannot be carried out.
	ErrPolicy = errors.New("policy cannot be carried out")
	// ErrState is for a state that no step can have left.
	ErrState = errors.New("state is damaged")
	// ErrTooLate is for a roll that can no longer be aborted, because the old
	// keys have begun to go.
	ErrTooLate = errors.New("too late to abort")
	// ErrNothing is for a request that there is nothing to apply it to.
	ErrNothing = errors.New("nothing to do")
)

// RuleError is for a move that is not made, since a rule would not hold after it.
type RuleError struct {
	Move Move
	From RecordState
	Rule Rule // 0 if the move makes no sense in any state
	Why  string
}

// Error names the record, the move and the reason.
func (e *RuleError) Error() string {
	return fmt.Sprintf("rotate: %v of key %q from %v to %v: %s", e.Move.Record, e.Move.Key, e.From, e.Move.To, e.Why)
}

// ClockError is for a clock that went backwards.
type ClockError struct {
	Last, Now time.Time
}

// Error says both times, and what to do.
func (e *ClockError) Error() string {
	return fmt.Sprintf("rotate: %v: it is %s, and the step before was at %s; set it right, nothing is done until then",
		ErrClock, e.Now.Format(time.RFC3339), e.Last.Format(time.RFC3339))
}

// Is makes it an [ErrClock].
func (e *ClockError) Is(target error) bool { return target == ErrClock }
