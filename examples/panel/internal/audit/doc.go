// Package audit is the panel's record of who did what: a log that is only appended to.
//
//	log, err := audit.Open(audit.Options{Dir: "/var/lib/panel/audit"})
//	action, err := log.Begin(ctx, audit.Entry{Actor: actor, Action: "pi.power", ...})
//	err = action.End(switchOff())
//
// [Log.Begin] returns when the entry is on the disk. Who cannot write down what is to be
// done does not do it. What became of it is a second line, which [Log.Query] folds into
// the first.
//
// # The chain
//
// Each line has a number and the SHA-256 hash of the line before. Beside the log is its
// head: the number and hash of the last line. So a line that was edited, removed or put in
// is found by [Log.Verify], and so is a log that was cut short. Whoever may write all these
// files can make another chain; against that, keep a [Head] elsewhere now and then and
// compare it.
//
// # What it does not have
//
// Passwords, tokens and keys typed on a console. Bytes that strangers chose are escaped and
// cut before they are written, so that a page or terminal that shows them shows text.
package audit
