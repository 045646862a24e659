package access

import (
	"github.com/mythic-beasts/hostkit/examples/panel/internal/audit"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/model"
)

// Guarded is a house as one person may see and touch it. It implements [model.House]. What
// is unknown and what is another's are the same error, which wraps [model.ErrUnknown]. It
// is cheap: make one for each request.
type Guarded struct {
	// House is the whole house.
	model.House
	// Viewer is who looks.
	Viewer model.Viewer
	// Actor is the same for the audit log. Its name is the name that the house is told,
	// whatever the caller says.
	Actor audit.Actor
	// ReadOnly refuses every change, with an error that wraps [ErrReadOnly].
	ReadOnly bool
	// Reason is why, for those changes that have no reason of their own.
	Reason string
	// Audit is told of every change before it is made, and what became of it.
	Audit *audit.Log
}
