package snmpx

import (
	"fmt"
	"strings"
)

// fail says what could not be done.
func (c *Client) fail(op operation, err error) error {
	what := op.name
	switch len(op.vars) {
	case 0:
	case 1:
		what += " of " + op.vars[0].OID.String()
	default:
		what = fmt.Sprintf("%s of %s and %d more", what, op.vars[0].OID, len(op.vars)-1)
	}
	return fmt.Errorf("snmpx: %s on %s: %w", what, c.target, err)
}

// refusal is the error of an answer with an error-status.
func (c *Client) refusal(op operation, r reply) error {
	e := &PDUError{Status: r.status, Index: r.index, Op: op.name, Target: c.target}
	if i := e.Index - 1; i >= 0 && i < len(op.vars) {
		e.OID = op.vars[i].OID
	}
	return e
}

// silence is the error of an agent that does not answer.
func (c *Client) silence(op operation) error {
	w := c.wire
	tries := op.retries + 1
	switch v := c.config.Credentials.V3; {
	case w.refused:
		return fmt.Errorf("%w after %d tries: the host says that nothing listens there", ErrTimeout, tries)
	case v.User == "":
		return fmt.Errorf("%w after %d tries: the agent is away, or does not know the community", ErrTimeout, tries)
	case v.Priv != NoPriv && w.engine != nil && c.engine == nil:
		return fmt.Errorf("%w (%w) after %d tries, though the agent said who it is: "+
			"the privacy passphrase or protocol of user %q is probably wrong", ErrAuth, ErrTimeout, tries, v.User)
	}
	return fmt.Errorf("%w after %d tries", ErrTimeout, tries)
}

// brief is gosnmp's text without the stack that it adds to some.
func brief(err error) string {
	text, _, _ := strings.Cut(err.Error(), " Stack:")
	text, _, _ = strings.Cut(text, "\n")
	return text
}
