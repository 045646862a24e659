package telnet

// negotiator is one end's view of all options, by RFC 1143. The zero value has
// none on.
type negotiator struct {
	local  [256]qState // what we do: WILL, DO
	remote [256]qState // what the peer does: DO, WILL
	out    []byte      // to send
}

// ask asks for an option to be on.
func (n *negotiator) ask(side *[256]qState, option byte) {
	next, say := side[option].want(true)
	side[option] = next
	n.say(side, option, say)
}

// heard takes WILL, WONT, DO or DONT, and answers. Agree says whether a side
// may have an option. It returns which side it was about, and what that had.
func (n *negotiator) heard(verb, option byte, agree func(local bool) bool) (side *[256]qState, had qState) {
	side = &n.local
	if verb == cmdWILL || verb == cmdWONT {
		side = &n.remote
	}
	had = side[option]
	next, say := had.heard(verb == cmdWILL || verb == cmdDO, agree(side == &n.local))
	side[option] = next
	n.say(side, option, say)
	return side, had
}

func (n *negotiator) say(side *[256]qState, option byte, say answer) {
	yes, no := byte(cmdWILL), byte(cmdWONT)
	if side == &n.remote {
		yes, no = cmdDO, cmdDONT
	}
	switch say {
	case sayYes:
		n.out = append(n.out, cmdIAC, yes, option)
	case sayNo:
		n.out = append(n.out, cmdIAC, no, option)
	}
}

// binary reports whether our bytes go in BINARY mode.
func (n *negotiator) binary() bool { return n.local[optBinary] == qYes }
