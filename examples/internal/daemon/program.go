package daemon

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
)

// Program describes a daemon with a configuration of type C, a struct with
// toml tags. Name and Run are required.
type Program[C any] struct {
	// Name is the program's name. The default configuration is /etc/NAME.toml.
	Name string
	// Doc is what -help says above the flags.
	Doc string
	// Flags adds flags of the program's own. Nil means none.
	Flags func(*flag.FlagSet)
	// Optional lets the program run with the zero C when -config is not given
	// and the default file is missing.
	Optional bool
	// Check finds what is wrong in a decoded configuration, and may fill in
	// defaults. Return [Field] errors, several by [errors.Join]. Nil means that
	// all that decodes is good. It must have no other effect, because -check
	// calls it too.
	Check func(*C) error
	// Run is the daemon. It returns nil when ctx has ended and all is drained.
	Run func(ctx context.Context, d *Daemon[C]) error
}

// Exit statuses.
const (
	exitOK    = 0
	exitRun   = 1
	exitUsage = 2
)

// Main runs the program and exits.
func Main[C any](p Program[C]) {
	os.Exit(p.main(os.Args[1:], os.Stdout, os.Stderr))
}

type options struct {
	config  string
	given   bool // -config was
	check   bool
	version bool
	debug   string
	level   slog.Level
}

func (p *Program[C]) parse(args []string, stderr io.Writer) (*options, error) {
	o := &options{}
	fs := flag.NewFlagSet(p.Name, flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.StringVar(&o.config, "config", "/etc/"+p.Name+".toml", "read the configuration from `FILE`")
	fs.BoolVar(&o.check, "check", false, "say whether the configuration is good, and exit")
	fs.BoolVar(&o.version, "version", false, "print the version, and exit")
	fs.StringVar(&o.debug, "debug", "", "serve health, metrics and profiles on `ADDR`: host:port, :port for loopback, or unix:/path")
	fs.TextVar(&o.level, "log", slog.LevelInfo, "log from this `LEVEL` up: debug, info, warn or error")
	if p.Flags != nil {
		p.Flags(fs)
	}
	fs.Usage = func() {
		fmt.Fprintf(stderr, "%s\n\nusage: %s [flags]\n", p.Doc, p.Name)
		fs.PrintDefaults()
	}
	if err := fs.Parse(args); err != nil {
		return nil, err
	}
	if fs.NArg() > 0 {
		fmt.Fprintf(stderr, "%s: unexpected argument %q\n", p.Name, fs.Arg(0))
		return nil, errors.New("unexpected argument")
	}
	fs.Visit(func(f *flag.Flag) { o.given = o.given || f.Name == "config" })
	return o, nil
}

func (p *Program[C]) main(args []string, stdout, stderr io.Writer) int {
	o, err := p.parse(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		return exitUsage
	case o.version:
		fmt.Fprintln(stdout, p.Name, version())
		return exitOK
	}
	cfg, err := p.load(o)
	if err != nil {
		for _, line := range messages(err) {
			fmt.Fprintf(stderr, "%s: %s\n", p.Name, line)
		}
		return exitUsage
	}
	if o.check {
		fmt.Fprintf(stdout, "%s: %s is good\n", p.Name, o.config)
		return exitOK
	}
	log := newLogger(stderr, o.level)
	if err := p.run(o, cfg, log); err != nil {
		log.Error(p.Name+" ends", "err", err)
		return exitRun
	}
	return exitOK
}

func (p *Program[C]) load(o *options) (*C, error) {
	cfg, err := loadFile(o.config, p.Check)
	if errors.Is(err, fs.ErrNotExist) && p.Optional && !o.given {
		return decode[C](o.config, "", p.Check)
	}
	return cfg, err
}

func (p *Program[C]) run(o *options, cfg *C, log *slog.Logger) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	d := newDaemon(p.Name, cfg, log)
	debugServer, err := d.serveDebug(ctx, o.debug)
	if err != nil {
		return err
	}
	defer debugServer.close()

	background := d.startBackground(func() (*C, error) { return p.load(o) })
	defer background.stop()
	context.AfterFunc(ctx, func() {
		stop() // from here on a second signal kills
		d.stopping()
	})
	err = p.Run(ctx, d)
	d.stopping()
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// version is the module's version or the revision it was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	parts := []string{info.Main.Version, info.GoVersion}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			parts = append(parts, s.Value)
		}
	}
	return strings.Join(parts, " ")
}

// newLogger writes text lines, without the time where systemd's journal notes
// it anyway.
func newLogger(w io.Writer, level slog.Level) *slog.Logger {
	opts := &slog.HandlerOptions{Level: level}
	if os.Getenv("JOURNAL_STREAM") != "" {
		opts.ReplaceAttr = func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) == 0 && a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		}
	}
	return slog.New(slog.NewTextHandler(w, opts))
}
