package web

import (
	"context"
	"errors"
	"html/template"
	"net/http"
	"strings"
	"sync"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/model"
)

func (s *Site) consoleRoutes(mux *http.ServeMux) {
	mux.Handle("GET /pis/{name}/console", s.show((*visit).consolePage))
	mux.Handle("POST /pis/{name}/console/keyboard", s.act((*visit).takeKeyboard))
	mux.Handle("POST /pis/{name}/console/keys", s.limited(&s.keys, (*visit).typeKeys))
	mux.Handle("POST /pis/{name}/console/leave", s.act((*visit).leaveKeyboard))
}

// screenView is a console as pages show it.
type screenView struct {
	HTML  template.HTML
	Words string
}

// watcher follows the screen of a console for one visit.
type watcher struct {
	console model.Console
	done    func() // gives it back

	mu   sync.Mutex // guards all below
	last model.Screen
	gone bool
}

func (w *watcher) close() { w.done() }

// next waits for another screen than the last.
func (w *watcher) next(ctx context.Context) error {
	w.mu.Lock()
	after := w.last.Number
	w.mu.Unlock()
	s, err := w.console.Screen(ctx, after)
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		w.gone = true
		return err
	}
	w.last = s
	return nil
}

// follow tells of each other screen, until ctx ends or the console is gone.
func (w *watcher) follow(ctx context.Context, tell func()) {
	for w.next(ctx) == nil {
		tell()
	}
	if ctx.Err() == nil {
		tell()
	}
}

func (w *watcher) view() screenView {
	w.mu.Lock()
	defer w.mu.Unlock()
	v := screenView{HTML: screen(w.last)}
	switch {
	case w.gone:
		v.Words = "The console is gone. Load the page again to look for it."
	case w.last.Keyboard:
		v.Words = "You have the keyboard."
	case w.last.Holder != "":
		v.Words = printable(w.last.Holder) + " has the keyboard. You may read."
	default:
		v.Words = "You may read. Nobody has the keyboard."
	}
	return v
}

// look is the screen of a Pi's console as it is now. The first look opens the console,
// and the session keeps it.
func (p *visit) look(name string) screenView {
	if p.screen != nil {
		return p.screen.view()
	}
	err := p.attach(lookID(p.who.ID, name), name)
	if errors.Is(err, errNoKeyboard) {
		if err = p.openLook(name); err == nil {
			err = p.attach(lookID(p.who.ID, name), name)
		}
	}
	if err != nil {
		return noConsole(p, err)
	}
	return p.screen.view()
}

// openLook opens a console to look on.
func (p *visit) openLook(name string) error {
	// The console outlives the request.
	console, err := p.house.Console(context.WithoutCancel(p.r.Context()), name, model.ConsoleOptions{By: p.viewer.Name})
	if err != nil {
		return err
	}
	if err := p.site.consoles.look(console, p.who.ID, name); err != nil {
		return errors.Join(err, console.Close())
	}
	return nil
}

func noConsole(p *visit, err error) screenView {
	_, words := p.explain(err)
	return screenView{HTML: `<pre class="vt"></pre>`, Words: "The console cannot be seen. " + words}
}

// consolePage is a console alone.
type consolePage struct {
	Pi     string
	ID     string // of the session with the keyboard
	Typing bool
	Line   string
	Screen screenView
}

func (p *visit) consolePage() (view, error) {
	name := p.r.PathValue("name")
	if _, err := p.house.Pi(p.r.Context(), name); err != nil {
		return view{}, err
	}
	page := consolePage{Pi: name, ID: p.r.FormValue("console")}
	if page.ID != "" && p.screen == nil {
		if err := p.attach(page.ID, name); err != nil {
			return view{}, err
		}
	}
	page.Typing = p.screen != nil && page.ID != ""
	page.Screen = p.look(name)
	return view{
		Title: "Console of " + name, Template: "console", Section: "Shelf", Data: page,
		Concerns: func(model.Change) bool { return false }, // of the screen alone
		Parts: []part{
			{"console-state", "console-state", page.Screen},
			{"screen-text", "screen", page.Screen},
		},
	}, nil
}

// attach has the visit look through an open console of its session.
func (p *visit) attach(id, pi string) error {
	c := p.site.consoles.use(id, p.who.ID, pi)
	if c == nil {
		return errNoKeyboard
	}
	w := &watcher{console: c.console, done: c.unuse}
	if err := w.next(p.r.Context()); err != nil {
		w.close()
		p.site.consoles.leave(id, p.who.ID) // it is gone: the next look opens another
		return err
	}
	p.screen = w
	return nil
}

var errNoKeyboard = input("You do not have the keyboard any more: somebody took it, or it was not used for a while.")

// takeKeyboard opens a console with the right to type.
func (p *visit) takeKeyboard(ctx context.Context) error {
	name := p.r.PathValue("name")
	take := p.r.FormValue("take") != ""
	// The console outlives the request.
	console, err := p.house.Console(context.WithoutCancel(ctx), name, model.ConsoleOptions{Keyboard: true, Take: take, By: p.viewer.Name})
	if err != nil {
		return p.retry(err, (*visit).consolePage)
	}
	id, err := p.site.consoles.add(console, p.who.ID, name)
	if err != nil {
		return p.retry(errors.Join(err, console.Close()), (*visit).consolePage)
	}
	http.Redirect(p.w, p.r, "/pis/"+name+"/console?console="+id, http.StatusSeeOther)
	return nil
}

// namedKeys are those that have a button.
var namedKeys = map[string]string{"enter": "\r", "none": "", "ctrl-c": "\x03", "ctrl-d": "\x04", "escape": "\x1b", "tab": "\t"}

const maxKeys = 4096 // bytes of one request

// keys are those that a form or a script sends.
func (p *visit) keys() (string, error) {
	if raw := p.r.FormValue("raw"); raw != "" {
		if len(raw) > maxKeys {
			return "", input("That is too much at once.")
		}
		return raw, nil
	}
	key, known := namedKeys[p.r.FormValue("key")]
	line := p.r.FormValue("line")
	switch {
	case !known:
		return "", input("There is no such key.")
	case strings.ContainsAny(line, "\r\n"), len(line) > maxKeys:
		return "", input("Send one line at a time.")
	case key != "\r" && key != "":
		return key, nil // what was typed stays for later
	}
	return line + key, nil
}

func (p *visit) typeKeys(ctx context.Context) error {
	name, id := p.r.PathValue("name"), p.r.FormValue("console")
	scripted := p.r.FormValue("raw") != ""
	k := p.site.consoles.use(id, p.who.ID, name)
	if k == nil {
		return p.notTyped(errNoKeyboard, scripted)
	}
	defer k.unuse()
	keys, err := p.keys()
	if err == nil {
		err = k.console.Type(ctx, []byte(keys))
	}
	if err != nil {
		return p.notTyped(err, scripted)
	}
	if scripted {
		p.w.WriteHeader(http.StatusNoContent)
		return nil
	}
	http.Redirect(p.w, p.r, "/pis/"+name+"/console?console="+id, http.StatusSeeOther)
	return nil
}

// notTyped says why keys did not get there.
func (p *visit) notTyped(err error, scripted bool) error {
	if scripted {
		status, words := p.explain(err)
		http.Error(p.w, words, status)
		return nil
	}
	return p.retry(err, func(p *visit) (view, error) {
		v, err := p.consolePage()
		if err != nil {
			return view{}, err
		}
		page := v.Data.(consolePage)
		page.Line = p.r.FormValue("line")
		v.Data = page
		return v, nil
	})
}

func (p *visit) leaveKeyboard(context.Context) error {
	name := p.r.PathValue("name")
	p.site.consoles.leave(p.r.FormValue("console"), p.who.ID)
	http.Redirect(p.w, p.r, "/pis/"+name+"/console", http.StatusSeeOther)
	return nil
}
