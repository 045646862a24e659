package farm

import (
	"fmt"
	"io/fs"
	"net/netip"

	"github.com/mythic-beasts/hostkit/nfsroot/export"
)

// Exports returns an export for each Pi whose address the function knows: of
// DIR/serve/NAME, in which the root is the folder "root", to that address alone. ID
// and FSID stay the same for as long as the Pi is in the farm.
func (f *Farm) Exports(client func(name string) (netip.Addr, bool)) ([]export.Export, error) {
	all, err := f.Status()
	if err != nil {
		return nil, err
	}
	var exports []export.Export
	for _, s := range all {
		addr, ok := client(s.Name)
		if !ok {
			continue
		}
		addr = addr.Unmap()
		prefix, err := addr.Prefix(addr.BitLen())
		if err != nil || !addr.IsValid() {
			return nil, fmt.Errorf("farm: export of %q: address %q: %w", s.Name, addr, fs.ErrInvalid)
		}
		exports = append(exports, export.Export{ID: s.Number, Path: f.serve(s.Name), Client: prefix, FSID: export.FSID(s.Name)})
	}
	return exports, nil
}
