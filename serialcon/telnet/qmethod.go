package telnet

// qState is one side of one option, by RFC 1143: what the side is, or is asked
// to become, and whether the opposite is wanted as soon as the peer answered.
type qState uint8

const (
	qNo qState = iota
	qYes
	qWantNo
	qWantNoThenYes
	qWantYes
	qWantYesThenNo
)

// answer is what to say: WILL or DO, WONT or DONT.
type answer uint8

const (
	sayNothing answer = iota
	sayYes
	sayNo
)

// heard is the peer's WILL or DO (yes), WONT or DONT. Agree says whether the
// option may be on.
func (q qState) heard(yes, agree bool) (qState, answer) {
	if yes {
		return q.heardYes(agree)
	}
	switch q {
	case qYes:
		return qNo, sayNo
	case qWantNoThenYes:
		return qWantYes, sayYes
	}
	return qNo, sayNothing
}

func (q qState) heardYes(agree bool) (qState, answer) {
	switch q {
	case qNo:
		if agree {
			return qYes, sayYes
		}
		return qNo, sayNo
	case qWantNo: // a no answered by yes is the peer's error; RFC 1143 leaves it off
		return qNo, sayNothing
	case qWantYesThenNo:
		return qWantNo, sayNo
	}
	return qYes, sayNothing
}

// want asks for the option to be on or off.
func (q qState) want(on bool) (qState, answer) {
	if on {
		switch q {
		case qNo:
			return qWantYes, sayYes
		case qWantNo:
			return qWantNoThenYes, sayNothing
		case qWantYesThenNo:
			return qWantYes, sayNothing
		}
		return q, sayNothing
	}
	switch q {
	case qYes:
		return qWantNo, sayNo
	case qWantYes:
		return qWantYesThenNo, sayNothing
	case qWantNoThenYes:
		return qWantNo, sayNothing
	}
	return q, sayNothing
}

// asked reports whether an answer of the peer is due.
func (q qState) asked() bool { return q > qYes }
