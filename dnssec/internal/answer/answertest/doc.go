// Package answertest judges answers of authoritative servers as a resolver that
// validates would, by their records alone: it knows nothing of zones.
//
//	err := answertest.Judge{Zone: "example.org.", Keys: keys}.Check(answer)
//
// It shares no code with what makes the answers, and is short rather than quick.
package answertest
