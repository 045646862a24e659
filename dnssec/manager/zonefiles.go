package manager

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"github.com/mythic-beasts/hostkit/dnssec"
)

// ZoneFiles is [Zones] in a folder, which must exist: a zone file for each, named after
// the zone.
type ZoneFiles struct {
	Path string
}

var _ Zones = ZoneFiles{}

func (f ZoneFiles) path(zone string) string {
	return filepath.Join(f.Path, "zone-"+url.PathEscape(zone))
}

// Load reads the file of a zone.
func (f ZoneFiles) Load(ctx context.Context, zone string) (*dnssec.Zone, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	file, err := os.Open(f.path(zone))
	if err != nil {
		return nil, fmt.Errorf("manager: load %q: %w", zone, err)
	}
	z, err := dnssec.ParseZone(bufio.NewReader(file), zone, dnssec.Options{})
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, fmt.Errorf("manager: load %q: %w", zone, err)
	}
	return z, nil
}

// Save replaces the file of a zone, whole or not at all; it is on the disk then.
func (f ZoneFiles) Save(ctx context.Context, z *dnssec.Zone) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	name := z.Origin().String()
	if err := f.replace(f.path(name), z); err != nil {
		return fmt.Errorf("manager: save %q: %w", name, err)
	}
	return nil
}

func (f ZoneFiles) replace(path string, z *dnssec.Zone) (err error) {
	file, err := os.CreateTemp(f.Path, ".new-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(file.Name())
		}
	}()
	out := bufio.NewWriterSize(file, 1<<16)
	if _, err = z.WriteTo(out); err == nil {
		err = out.Flush()
	}
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	if err := os.Rename(file.Name(), path); err != nil {
		return err
	}
	dir, err := os.Open(f.Path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
