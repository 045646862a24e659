package main

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"path"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
	"github.com/mythic-beasts/hostkit/serialcon"
	"github.com/mythic-beasts/hostkit/serialcon/watch"
)

// config is serialcond.toml. Settings need a restart, users and consoles do not.
type config struct {
	Settings
	Users    []userConfig    `toml:"user"`
	Consoles []consoleConfig `toml:"console"`
}

// Settings are what cannot change while the daemon runs.
type Settings struct {
	Log    logConfig    `toml:"log"`
	Screen screenConfig `toml:"screen"`
	SSH    sshConfig    `toml:"ssh"`
	HTTP   httpConfig   `toml:"http"`
	Watch  watchConfig  `toml:"watch"`
	Power  powerConfig  `toml:"power"`
	Ship   shipConfig   `toml:"ship"`
	Audit  string       `toml:"audit"`
}

// logConfig is [log].
type logConfig struct {
	Dir         string          `toml:"dir"`
	SegmentSize int64           `toml:"segment_size"`
	SegmentAge  daemon.Duration `toml:"segment_age"`
	MaxAge      daemon.Duration `toml:"max_age"`
	Quota       int64           `toml:"quota"`
	TotalQuota  int64           `toml:"total_quota"`
	Sync        daemon.Duration `toml:"sync"`
}

// screenConfig is [screen].
type screenConfig struct {
	Columns    int `toml:"columns"`
	Rows       int `toml:"rows"`
	Scrollback int `toml:"scrollback"`
}

// sshConfig is [ssh].
type sshConfig struct {
	Listen  string          `toml:"listen"`
	HostKey string          `toml:"host_key"`
	Escape  string          `toml:"escape"`
	Idle    daemon.Duration `toml:"idle"`
}

// httpConfig is [http].
type httpConfig struct {
	Listen string `toml:"listen"`
	Cert   string `toml:"tls_cert"`
	Key    string `toml:"tls_key"`
}

// watchConfig is [watch].
type watchConfig struct {
	Silence  daemon.Duration `toml:"silence"`
	Command  []string        `toml:"command"`
	Timeout  daemon.Duration `toml:"timeout"`
	Patterns []patternConfig `toml:"pattern"`
}

// patternConfig is one [[watch.pattern]].
type patternConfig struct {
	Name   string          `toml:"name"`
	Text   []string        `toml:"text"`
	Regexp string          `toml:"regexp"`
	Prompt bool            `toml:"prompt"`
	Every  daemon.Duration `toml:"every"`
}

// powerConfig is [power].
type powerConfig struct {
	Command []string        `toml:"command"`
	Timeout daemon.Duration `toml:"timeout"`
}

// shipConfig is [ship].
type shipConfig struct {
	Syslog  string `toml:"syslog"`
	CA      string `toml:"ca"`
	Cert    string `toml:"tls_cert"`
	Key     string `toml:"tls_key"`
	Journal bool   `toml:"journal"`
}

// userConfig is one [[user]].
type userConfig struct {
	Name     string        `toml:"name"`
	Keys     []string      `toml:"keys"`
	Token    daemon.Secret `toml:"token"`
	Consoles []string      `toml:"consoles"`
	ReadOnly bool          `toml:"read_only"`
	Power    bool          `toml:"power"`
	Admin    bool          `toml:"admin"`
}

// reserved are names of sockets, which a console's port is handed over beside.
var reserved = map[string]bool{socketSSH: true, socketHTTP: true}

// check finds what is wrong, and fills in defaults.
func (c *config) check() error {
	var errs []error
	add := func(key string, err error) { errs = append(errs, daemon.Field(key, err)) }
	c.Log.check(add)
	c.Screen = screenConfig{cmp.Or(c.Screen.Columns, 80), cmp.Or(c.Screen.Rows, 24), cmp.Or(c.Screen.Scrollback, 1000)}
	c.SSH.check(add)
	c.HTTP.check(add)
	c.Watch.check(add)
	c.Ship.check(add)
	c.Power.Timeout = cmp.Or(c.Power.Timeout, defaultHookTime)
	if c.Audit != "" && !filepath.IsAbs(c.Audit) {
		add("audit", errors.New("is not an absolute path"))
	}
	c.checkUsers(add)
	c.checkConsoles(add)
	return errors.Join(errs...)
}

func (c *config) checkUsers(add func(string, error)) {
	names := map[string]bool{}
	for i := range c.Users {
		key, u := fmt.Sprintf("user[%d]", i), &c.Users[i]
		add(key+".name", serialcon.CheckName(u.Name))
		if names[u.Name] {
			add(key+".name", errors.New("is there twice"))
		}
		names[u.Name] = true
		if len(u.Keys) == 0 && u.Token.Empty() {
			add(key, fmt.Errorf("%q has neither keys nor a token", u.Name))
		}
		for _, k := range u.Keys {
			if _, _, _, _, err := ssh.ParseAuthorizedKey([]byte(k)); err != nil {
				add(key+".keys", fmt.Errorf("%.60q: %w", k, err))
			}
		}
		if len(u.Consoles) == 0 {
			add(key, fmt.Errorf(`%q has no consoles; ["*"] is all of them`, u.Name))
		}
		for _, p := range u.Consoles {
			if _, err := path.Match(p, ""); err != nil {
				add(key+".consoles", fmt.Errorf("%q: %w", p, err))
			}
		}
	}
}

func (c *config) checkConsoles(add func(string, error)) {
	names := map[string]bool{}
	for i := range c.Consoles {
		key, con := fmt.Sprintf("console[%d]", i), &c.Consoles[i]
		switch {
		case serialcon.CheckName(con.Name) != nil:
			add(key+".name", serialcon.CheckName(con.Name))
			continue
		case names[con.Name]:
			add(key+".name", errors.New("is there twice"))
		case reserved[con.Name]:
			add(key+".name", errors.New("is the name of a socket"))
		}
		names[con.Name] = true
		con.Machine = cmp.Or(con.Machine, con.Name)
		_, err := con.opener()
		add(key, err)
		add(key+".offer", checkListen(con.Offer))
		if con.Offer == "" && len(con.Allow) > 0 {
			add(key+".allow", errors.New("is for offer, which is missing"))
		}
	}
}

func (l *logConfig) check(add func(string, error)) {
	l.Dir = cmp.Or(l.Dir, "/var/log/consoles")
	if !filepath.IsAbs(l.Dir) {
		add("log.dir", errors.New("is not an absolute path"))
	}
	for key, n := range map[string]int64{"log.segment_size": l.SegmentSize, "log.quota": l.Quota, "log.total_quota": l.TotalQuota} {
		if n < 0 {
			add(key, errors.New("is below zero"))
		}
	}
}

func (s *sshConfig) check(add func(string, error)) {
	s.HostKey = cmp.Or(s.HostKey, stateFile("ssh_host_ed25519_key"))
	if s.Escape != "" {
		_, err := serialcon.ParseEscape(s.Escape)
		add("ssh.escape", err)
	}
	add("ssh.listen", checkListen(s.Listen))
}

func (h *httpConfig) check(add func(string, error)) {
	add("http.listen", checkListen(h.Listen))
	if (h.Cert == "") != (h.Key == "") {
		add("http", errors.New("tls_cert and tls_key go together"))
	}
}

// checkListen looks at an address to listen on, of which none is one.
func checkListen(addr string) error {
	if addr == "" {
		return nil
	}
	_, _, err := net.SplitHostPort(addr)
	return err
}

func (w *watchConfig) check(add func(string, error)) {
	w.Timeout = cmp.Or(w.Timeout, defaultHookTime)
	for i, p := range w.Patterns {
		_, err := p.pattern()
		add(fmt.Sprintf("watch.pattern[%d]", i), err)
	}
	add("watch", (&watch.Matcher{Patterns: w.patterns()}).Check())
}

// patterns are the built-in ones and the file's; one of the file replaces the
// built-in one of its name.
func (w *watchConfig) patterns() []watch.Pattern {
	own := map[string]bool{}
	var all []watch.Pattern
	for _, c := range w.Patterns {
		if p, err := c.pattern(); err == nil {
			own[p.Name] = true
			all = append(all, p)
		}
	}
	for _, p := range watch.Default() {
		if !own[p.Name] {
			all = append(all, p)
		}
	}
	return all
}

func (p *patternConfig) pattern() (watch.Pattern, error) {
	out := watch.Pattern{Name: p.Name, Literals: p.Text, Prompt: p.Prompt, Every: durationOf(p.Every)}
	if p.Regexp != "" {
		re, err := regexp.Compile(p.Regexp)
		if err != nil {
			return out, err
		}
		out.Regexp = re
	}
	return out, out.Check()
}

func (c *shipConfig) check(add func(string, error)) {
	if c.Syslog == "" && c.CA+c.Cert+c.Key != "" {
		add("ship", errors.New("ca, tls_cert and tls_key are for syslog, which is missing"))
	}
	if (c.Cert == "") != (c.Key == "") {
		add("ship", errors.New("tls_cert and tls_key go together"))
	}
	if c.Syslog != "" {
		_, _, err := net.SplitHostPort(c.Syslog)
		add("ship.syslog", err)
	}
}

// changed names the settings that differ, as they are written in the file.
func (s *Settings) changed(to *Settings) []string {
	var keys []string
	old, now := reflect.ValueOf(s).Elem(), reflect.ValueOf(to).Elem()
	for i := range old.NumField() {
		if !reflect.DeepEqual(old.Field(i).Interface(), now.Field(i).Interface()) {
			keys = append(keys, strings.Split(old.Type().Field(i).Tag.Get("toml"), ",")[0])
		}
	}
	return keys
}
