package web

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/model"
)

const (
	maxBoots  = 20
	maxReason = 200
)

func (s *Site) piRoutes(mux *http.ServeMux) {
	mux.Handle("GET /{$}", s.show((*visit).shelfPage))
	mux.Handle("GET /pis/{name}", s.show((*visit).piPage))
	mux.Handle("GET /pis/{name}/power/{action}", s.show((*visit).powerPage))
	mux.Handle("POST /pis/{name}/power/{action}", s.act((*visit).power))
	mux.Handle("GET /pis/{name}/rebuild", s.show((*visit).rebuildPage))
	mux.Handle("POST /pis/{name}/rebuild", s.act((*visit).rebuild))
	mux.Handle("GET /pis/{name}/log", s.show((*visit).logPage))
}

// concerns reports changes of one thing.
func concerns(kind model.Kind, name string) func(model.Change) bool {
	return func(c model.Change) bool { return c.Kind == kind && c.Name == name }
}

// piPage is one Pi.
type piPage struct {
	Pi     piView
	Boots  []model.Boot
	Screen screenView
}

func (p *visit) piPage() (view, error) {
	ctx, name := p.r.Context(), p.r.PathValue("name")
	pi, err := p.house.Pi(ctx, name)
	if err != nil {
		return view{}, err
	}
	boots, err := p.house.Boots(ctx, name, maxBoots)
	if err != nil {
		return view{}, err
	}
	page := piPage{Pi: p.piView(pi), Boots: boots, Screen: p.look(name)}
	return view{
		Title: name, Template: "pi", Section: "Shelf", Data: page, Concerns: concerns(model.PiKind, name),
		Parts: []part{
			{"pi-state", "pi-state", page.Pi},
			{"boots", "boots", page.Boots},
			{"console-state", "console-state", page.Screen},
			{"screen-text", "screen", page.Screen},
		},
	}, nil
}

// confirmPage asks before something is done.
type confirmPage struct {
	Action, Button, Back  string
	Words                 []string
	Danger                bool
	AskReason             bool
	Reason, ReasonProblem string
	Hidden                []field
}

type field struct{ Name, Value string }

// powerWords say what a button does.
var powerWords = map[model.PowerAction]struct{ title, words string }{
	model.SwitchOn:  {"Power on", "It gets power, and boots."},
	model.SwitchOff: {"Power off", "It loses its power at once, whatever it does, until somebody switches it on."},
	model.Cycle:     {"Power cycle", "It loses its power at once, whatever it does, and gets it back after a moment. Then it boots."},
}

func (p *visit) powerPage() (view, error) {
	name, action := p.r.PathValue("name"), model.PowerAction(p.r.PathValue("action"))
	words, known := powerWords[action]
	if !known {
		return view{}, model.ErrUnknown
	}
	pi, err := p.house.Pi(p.r.Context(), name)
	if err != nil {
		return view{}, err
	}
	title := words.title + " " + pi.Name
	return view{Title: title + "?", Template: "confirm", Section: "Shelf", Data: confirmPage{
		Action: "/pis/" + name + "/power/" + string(action), Button: title, Back: "/pis/" + name,
		Words:  []string{words.words, "It is " + string(pi.Boot.Class) + " now."},
		Danger: action != model.SwitchOn, AskReason: true, Reason: p.r.FormValue("reason"),
	}}, nil
}

// reason is why somebody does it, which they must say.
func (p *visit) reason() (string, error) {
	reason := strings.TrimSpace(p.r.FormValue("reason"))
	switch {
	case reason == "":
		return "", input("Say why: it is written to the audit log.")
	case len(reason) > maxReason:
		return "", input("That is too long for a reason: 200 characters are the most.")
	}
	return reason, nil
}

func (p *visit) power(ctx context.Context) error {
	name, action := p.r.PathValue("name"), model.PowerAction(p.r.PathValue("action"))
	words, known := powerWords[action]
	if !known {
		return model.ErrUnknown
	}
	reason, err := p.reason()
	if err == nil {
		err = p.house.Power(ctx, name, action, reason, p.viewer.Name)
	}
	if err != nil {
		return p.retry(err, func(p *visit) (view, error) { return p.again((*visit).powerPage, err) })
	}
	return p.done("/pis/"+name, words.title+" "+name+": done. The switch has confirmed it.")
}

// again is a page that asks, once more: what was typed stays, with what is wrong with it.
func (p *visit) again(look func(*visit) (view, error), err error) (view, error) {
	v, lookErr := look(p)
	if lookErr != nil {
		return view{}, lookErr
	}
	page := v.Data.(confirmPage)
	if words := input(""); errors.As(err, &words) {
		page.ReasonProblem = string(words)
	}
	v.Data = page
	return v, nil
}

func (p *visit) rebuildPage() (view, error) {
	name := p.r.PathValue("name")
	pi, err := p.house.Pi(p.r.Context(), name)
	if err != nil {
		return view{}, err
	}
	return view{Title: "Rebuild the root of " + pi.Name + "?", Template: "confirm", Section: "Shelf", Data: confirmPage{
		Action: "/pis/" + name + "/rebuild", Button: "Rebuild the root of " + pi.Name, Back: "/pis/" + name,
		Words:  []string{"All files that were changed or added on its root are lost. It loses its power, gets a fresh root, and boots from it."},
		Danger: true, AskReason: true, Reason: p.r.FormValue("reason"),
	}}, nil
}

func (p *visit) rebuild(ctx context.Context) error {
	name := p.r.PathValue("name")
	reason, err := p.reason()
	if err == nil {
		p.house.Reason = reason
		err = p.house.Rebuild(ctx, name, p.viewer.Name)
	}
	if err != nil {
		return p.retry(err, func(p *visit) (view, error) { return p.again((*visit).rebuildPage, err) })
	}
	return p.done("/pis/"+name, "The root of "+name+" is rebuilt. It boots from the fresh one.")
}
