// Package hook lets the ACME clients that people already have answer dns-01 challenges
// by a [dns01.Solver]: dehydrated, certbot, lego, and whatever calls a program with
// the variables of the dispatcher dehydrated-code-rack.
//
//	h := &hook.Hook{Solver: &dns01.Solver{Provider: provider}}
//	err := h.Dehydrated(ctx, os.Args[1:])
//
// Each call is a process of its own, so that nothing is remembered between the one
// that adds a record and the one that deletes it: the record is worked out again from
// what the client says, and exactly its value is deleted.
//
// Nothing is written to standard output, where dehydrated looks for requests and
// certbot for words to hand on. A program prints a call's error on standard error and
// exits with a status other than zero.
//
// # Waiting
//
// A client asks the authority as soon as its last call has returned, so that call
// waits until all records can be seen; see [Hook.Certbot] for names in several zones.
// The exception is [Hook.HTTPReq], whose client has a time limit and looks itself.
//
// # Trust
//
// Names and values are checked before anything else is done with them. A name is
// letters, digits and hyphens, a value is a dns-01 one: nobody can have other records
// written, or a path of ours changed, by what he calls himself.
package hook
