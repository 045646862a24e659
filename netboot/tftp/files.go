package tftp

import (
	"context"

	"github.com/mythic-beasts/hostkit/netboot"
)

// FSHandler returns a Handler that gives each client the files of its own
// machine in inv, by [netboot.Machine.Open]. A client that inv does not know
// gets no answer.
func FSHandler(inv netboot.Inventory) Handler {
	return HandlerFunc(func(ctx context.Context, r *Request) (File, error) {
		m, err := inv.Lookup(ctx, r.Client())
		if err != nil {
			return nil, err
		}
		r.Machine = m.Name
		f, err := m.Open(r.Name)
		if err != nil {
			return nil, err
		}
		return f, nil
	})
}
