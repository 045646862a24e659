package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/mythic-beasts/hostkit/vlan"
	"github.com/mythic-beasts/hostkit/vlan/render"
)

// allSwitches is the target that stands for each switch's own.
const allSwitches = "switches"

// renderCommand writes texts.
func renderCommand(_ context.Context, a *app, args []string) error {
	var target, only, dir string
	if _, err := a.Flags(args, "-for TARGET [-only NAME,...] [-o DIR]", 0, 0, func(fs *flag.FlagSet) {
		fs.StringVar(&target, "for", "", "`target`: "+strings.Join(render.Targets(), ", ")+", or "+allSwitches+": each switch by its family")
		fs.StringVar(&only, "only", "", "`names` of the Pis or switches, with commas; default is all")
		fs.StringVar(&dir, "o", "", "`folder` to write files to, in one for each Pi and switch, or the file server's; default is to print them")
	}); err != nil {
		return err
	}
	if target == "" {
		return errors.New("render: -for TARGET is missing; see vlanctl render -help")
	}
	c, p, err := a.load()
	if err != nil {
		return err
	}
	o := c.Render.options()
	if only != "" {
		o.Only = strings.Split(only, ",")
	}
	files, err := c.render(p, target, o)
	if err != nil {
		return err
	}
	if dir != "" {
		return writeFiles(dir, files)
	}
	for _, f := range files {
		if len(files) > 1 {
			fmt.Fprintf(a.Stdout, "==> %s <==\n", filepath.Join(f.For, f.Path))
		}
		fmt.Fprint(a.Stdout, f.Text)
	}
	return nil
}

// render makes the texts of a target, or of each switch's own.
func (c *config) render(p *vlan.Plan, target string, o render.Options) ([]render.File, error) {
	if target != allSwitches {
		return render.Text(target, p, o)
	}
	switches, err := c.chosen(o.Only)
	if err != nil {
		return nil, err
	}
	var all []render.File
	for _, sw := range switches {
		if sw.Family == "" {
			return nil, fmt.Errorf("[[shelf.switch]] %s has no family", sw.Name)
		}
		o.Only = []string{sw.Name}
		files, err := render.Text(sw.Family, p, o)
		if err != nil {
			return nil, err
		}
		all = append(all, files...)
	}
	return all, nil
}

// writeFiles writes below a folder, which it makes. Files of before that are not
// among these are left.
func writeFiles(dir string, files []render.File) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, f := range files {
		name := filepath.Join(f.For, filepath.FromSlash(f.Path))
		if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		if err := root.WriteFile(name, []byte(f.Text), f.Mode); err != nil {
			return err
		}
		if err := root.Chmod(name, f.Mode); err != nil {
			return err
		}
	}
	return nil
}
