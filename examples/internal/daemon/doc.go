// Package daemon is what every daemon of this repository has in common: flags,
// a strict configuration file, reload, readiness, metrics and a clean end. A
// whole program is:
//
//	type config struct {
//		Listen  string          `toml:"listen"`
//		Timeout daemon.Duration `toml:"timeout"`
//		Token   daemon.Secret   `toml:"token"`
//	}
//
//	func main() {
//		daemon.Main(daemon.Program[config]{
//			Name: "echod",
//			Doc:  "echod answers what it is sent.",
//			Check: func(c *config) error {
//				_, err := netip.ParseAddrPort(c.Listen)
//				return daemon.Field("listen", err)
//			},
//			Run: func(ctx context.Context, d *daemon.Daemon[config]) error {
//				ln, err := d.Listen(ctx, "echo", "tcp", d.Config().Listen)
//				if err != nil {
//					return err
//				}
//				d.Ready()
//				return serve(ctx, ln, d.Log) // returns when ctx ends and all is drained
//			},
//		})
//	}
//
// Flags: -config FILE, -check (only say whether the file is good), -version,
// -debug ADDR, -log LEVEL.
//
// The file is TOML. An unknown key, a value of the wrong type and whatever
// [Program.Check] finds are errors that name the file, the line and the key.
// On SIGHUP it is read again; a bad file or a refusal by [Daemon.OnReload] is
// logged as an error, and the old configuration stays.
//
// The debug address has /healthz, /readyz, /metrics and /debug/pprof/. There is
// none by default, and one without a host is on loopback. Under systemd the
// daemon reports its state (Type=notify-reload), feeds the watchdog and takes
// activated sockets.
//
// SIGTERM or an interrupt ends Run's context; Run drains and returns, and the
// program exits 0. A second signal kills. Exit status 1 is Run's error, 2 a
// wrong flag or configuration.
package daemon
