package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/mythic-beasts/hostkit/acme/renew"
)

// view is a certificate's status for programs.
type view struct {
	Certificate string   `json:"certificate"`
	Configured  bool     `json:"configured"`
	Account     string   `json:"account,omitempty"`
	Names       []string `json:"names"`
	// Dir is where the files are, "" without a certificate.
	Dir       string    `json:"dir,omitempty"`
	Serial    string    `json:"serial,omitempty"`
	NotBefore time.Time `json:"not_before,omitzero"`
	NotAfter  time.Time `json:"not_after,omitzero"`
	// Renew is when it is to be renewed; zero is at once. Why says why then.
	Renew     time.Time `json:"renew,omitzero"`
	Why       string    `json:"why,omitempty"`
	Failures  int       `json:"failures"`
	Tried     time.Time `json:"tried,omitzero"`
	LastError string    `json:"last_error,omitempty"`
	// Explanation is a page of the authority's about its window.
	Explanation string      `json:"explanation,omitempty"`
	Deploy      *deployView `json:"deploy,omitempty"`
	// Text is all of it in words.
	Text string `json:"text"`
}

// deployView is how a certificate's command is.
type deployView struct {
	Pending  bool      `json:"pending"`
	At       time.Time `json:"at,omitzero"`
	Failures int       `json:"failures"`
	Error    string    `json:"error,omitempty"`
}

// views are certificates as the store has them; without names all that are configured or
// stored.
func (k *keeper) views(ctx context.Context, names []string) ([]view, error) {
	cfg := k.current()
	return views(ctx, cfg, k.store, names)
}

func views(ctx context.Context, cfg *config, s *store, names []string) ([]view, error) {
	if names == nil {
		for _, cert := range cfg.Certificates {
			names = append(names, cert.Name)
		}
		err := s.List(ctx, func(name string) error {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		slices.Sort(names)
	}
	all := []view{}
	for _, name := range names {
		v, err := viewOf(ctx, cfg, s, name)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, nil
}

func viewOf(ctx context.Context, cfg *config, s *store, name string) (view, error) {
	v := view{Certificate: name, Names: []string{}}
	cert, configured := cfg.certificate(name)
	if configured {
		v.Configured, v.Account, v.Names = true, cert.Account, cert.Names
	}
	st, err := storedState(ctx, s, name)
	if err != nil {
		return v, err
	}
	have, id, err := leaf(ctx, s, name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if !configured {
			return v, notConfigured(name)
		}
		st.CertID = ""
	case err != nil:
		return v, err
	default:
		v.Names, v.Dir, v.Serial = have.DNSNames, s.folder(name), fmt.Sprintf("%x", have.SerialNumber)
		v.NotBefore, v.NotAfter = have.NotBefore, have.NotAfter
		if st.CertID != id { // put there by hand, or just now
			st = renew.State{CertID: id, Issued: have.NotBefore}
		}
		st.NotBefore, st.NotAfter = have.NotBefore, have.NotAfter
	}
	if configured {
		plan := cfg.Policy.policy().Next(st, time.Now())
		v.Renew, v.Why = plan.RenewAt, plan.Why
	}
	v.Failures, v.Tried, v.LastError, v.Explanation = st.Failures, st.Tried, st.LastError, st.ARI.Explanation
	if configured && (len(cert.Deploy) > 0 || s.shared) {
		d, err := loadDeployment(deployDir(cfg), name)
		if err != nil {
			return v, err
		}
		v.Deploy = &deployView{Pending: st.CertID != "" && d.Deployed != st.CertID, At: d.At, Failures: d.Failures, Error: d.Error}
	}
	v.Text = v.words(time.Now())
	return v, nil
}

// storedState is what is remembered, zero if there is nothing that can be read.
func storedState(ctx context.Context, s renew.Store, name string) (renew.State, error) {
	var st renew.State
	text, err := s.LoadState(ctx, name)
	if errors.Is(err, fs.ErrNotExist) {
		return st, nil
	}
	if err != nil {
		return st, err
	}
	if json.Unmarshal(text, &st) != nil {
		st = renew.State{}
	}
	return st, nil
}

// words are sentences for people.
func (v *view) words(now time.Time) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: ", v.Certificate)
	switch {
	case v.Dir == "":
		b.WriteString("there is no certificate yet")
	case now.After(v.NotAfter):
		fmt.Fprintf(&b, "EXPIRED at %s", when(v.NotAfter))
	default:
		fmt.Fprintf(&b, "valid until %s, %s", when(v.NotAfter), left(v.NotAfter.Sub(now)))
	}
	fmt.Fprintf(&b, "\n  for %s", strings.Join(v.Names, " "))
	switch {
	case !v.Configured:
		b.WriteString("\n  is not configured: nobody renews it")
	case v.Renew.After(now):
		fmt.Fprintf(&b, "\n  next renewal at %s, %s: %s", when(v.Renew), left(v.Renew.Sub(now)), v.Why)
	default:
		fmt.Fprintf(&b, "\n  to be renewed now: %s", v.Why)
	}
	if v.Explanation != "" {
		fmt.Fprintf(&b, "\n  the authority explains its window at %q", v.Explanation)
	}
	if v.LastError != "" {
		fmt.Fprintf(&b, "\n  failed %s, last at %s: %s", times(v.Failures), when(v.Tried), oneLine(v.LastError))
	}
	if d := v.Deploy; d != nil {
		switch {
		case d.Error != "":
			fmt.Fprintf(&b, "\n  NOT DEPLOYED, failed %s: %s", times(d.Failures), oneLine(d.Error))
		case d.Pending:
			b.WriteString("\n  not deployed yet")
		case !d.At.IsZero():
			fmt.Fprintf(&b, "\n  deployed at %s", when(d.At))
		}
	}
	if v.Dir != "" {
		fmt.Fprintf(&b, "\n  in %s", v.Dir)
	}
	return b.String()
}

func when(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// left is a time that is left, in one unit.
func left(d time.Duration) string {
	switch {
	case d > 48*time.Hour:
		return fmt.Sprintf("in %d days", int(d/(24*time.Hour)))
	case d > 2*time.Hour:
		return fmt.Sprintf("in %d hours", int(d/time.Hour))
	}
	return fmt.Sprintf("in %d minutes", int(d/time.Minute))
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// oneLine keeps a text, some of it strangers', from making lines of its own.
func oneLine(text string) string {
	var b strings.Builder
	for _, r := range strings.ToValidUTF8(text, "\ufffd") {
		switch {
		case r == '\n':
			b.WriteString("; ")
		case r < ' ' || r == 0x7f:
			b.WriteRune('\ufffd')
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
