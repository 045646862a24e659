package mythic

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// command is what the API is asked to do.
func (ch change) command(verb string) string {
	return fmt.Sprintf("%s %s %d TXT %s", verb, ch.host, ch.ttl, quoted(ch.value))
}

// quoted is a value as in a zone file, where it needs quotes if it has spaces or what
// begins a comment.
func quoted(value string) string {
	if strings.ContainsAny(value, " ;()") {
		return `"` + value + `"`
	}
	return value
}

// apply makes the changes to a domain in one transaction. If that fails, what the
// domain has decides: a record to add that is there, and one to delete that is not, is
// done; what is left is tried once more.
func (c *V1) apply(ctx context.Context, domain, verb string, changes []change) error {
	op := fmt.Sprintf("%s %s in domain %s", strings.ToLower(verb), describe(changes), domain)
	failed, err := c.transact(ctx, op, domain, verb, changes)
	if failed == nil {
		return err
	}
	left, listErr := c.undone(ctx, domain, verb, changes)
	switch {
	case listErr != nil:
		return fmt.Errorf("%w (and to see what is there: %w)", failed, listErr)
	case len(left) == 0:
		return nil
	case slices.Equal(left, changes):
		return failed
	}
	if failed, err = c.transact(ctx, op, domain, verb, left); failed != nil {
		return failed
	}
	return err
}

// transact sends commands. What the API says of one that failed is failed.
func (c *V1) transact(ctx context.Context, op, domain, verb string, changes []change) (failed *Error, err error) {
	commands := make([]string, len(changes))
	for i, ch := range changes {
		commands[i] = ch.command(verb)
	}
	r, err := c.send(ctx, op, domain, commands)
	if err != nil {
		return nil, err
	}
	done, refused := parseCommands(string(r.body), verb)
	if len(refused) > 0 {
		e := &Error{Op: op, Status: r.status}
		for _, line := range refused[:min(len(refused), maxMessages)] {
			e.Messages = append(e.Messages, short(redact(line, r.secrets...)))
		}
		return e, nil
	}
	if done < len(commands) {
		e := newError(op, r)
		e.advice = fmt.Sprintf("%d of %d commands were confirmed", done, len(commands))
		return e, nil
	}
	return nil, nil
}

// undone are those of the changes that the domain does not show. A record to delete is
// as the domain has it, with its TTL, which is part of the command.
func (c *V1) undone(ctx context.Context, domain, verb string, changes []change) ([]change, error) {
	r, err := c.send(ctx, "list the records of domain "+domain, domain, []string{"LIST"})
	if err != nil {
		return nil, err
	}
	have := parseList(string(r.body), domain)
	var left []change
	for _, ch := range changes {
		i := slices.IndexFunc(have, func(o change) bool { return o.key() == ch.key() })
		switch {
		case verb == "ADD" && i < 0:
			left = append(left, ch)
		case verb == "DELETE" && i >= 0:
			left = append(left, have[i])
		}
	}
	return left, nil
}

// send posts commands, in a form so that the password is in no URL.
func (c *V1) send(ctx context.Context, op, domain string, commands []string) (reply, error) {
	password := c.passwords[domain]
	if password == "" {
		return reply{}, fmt.Errorf("mythic: %s: there is no password of this domain", op)
	}
	form := url.Values{"domain": {domain}, "password": {string(password)}, "command": commands}
	r, err := c.exchange.do(ctx, call{
		op:          op,
		method:      http.MethodPost,
		url:         c.api.String(),
		contentType: "application/x-www-form-urlencoded",
		body:        []byte(form.Encode()),
	})
	r.secrets = []string{string(password), url.QueryEscape(string(password))}
	if err == nil && r.status != http.StatusOK {
		e := newError(op, r)
		if r.status == http.StatusUnauthorized {
			e.advice = "see the domain's DNS API password in the control panel; keys of the API v2 are not good here"
		}
		err = e
	}
	return r, err
}

// parseCommands reads the answer to commands of one kind: each is repeated, with an N
// before it and a reason behind it if it failed.
func parseCommands(text, verb string) (done int, refused []string) {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		first, _, _ := strings.Cut(line, " ")
		switch first {
		case verb:
			done++
		case "N" + verb:
			refused = append(refused, line)
		}
	}
	return done, refused
}

// parseList reads the TXT records of an answer to LIST, lines of host, TTL, type and
// data.
func parseList(text, domain string) []change {
	var all []change
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 4 || !strings.EqualFold(fields[2], "TXT") {
			continue
		}
		ttl, err := strconv.ParseUint(fields[1], 10, 31)
		if err != nil {
			continue
		}
		all = append(all, change{host: relative(fields[0], domain), value: unquote(after(line, 3)), ttl: int(ttl)})
	}
	return all
}

// after is the rest of a line behind some fields.
func after(line string, fields int) string {
	line = strings.TrimSpace(line)
	for range fields {
		i := strings.IndexAny(line, " \t")
		if i < 0 {
			return ""
		}
		line = strings.TrimLeft(line[i:], " \t")
	}
	return line
}

// relative is a host of a list as our changes have it.
func relative(host, domain string) string {
	host = strings.ToLower(host)
	if name, absolute := strings.CutSuffix(host, "."); absolute {
		if in, ok := hostIn(name, domain); ok {
			return in
		}
	}
	return host
}

// unquote is the value of TXT data: the strings of it put together (RFC 1035 section
// 5.1). What is not quoted is the value itself.
func unquote(data string) string {
	if !strings.HasPrefix(data, `"`) {
		return data
	}
	var b strings.Builder
	inside := false
	for i := 0; i < len(data); i++ {
		switch ch := data[i]; {
		case ch == '"':
			inside = !inside
		case !inside:
		case ch == '\\' && i+1 < len(data):
			i++
			b.WriteByte(data[i])
		default:
			b.WriteByte(ch)
		}
	}
	return b.String()
}
