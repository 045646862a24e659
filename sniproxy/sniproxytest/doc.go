// Package sniproxytest holds what tests of an SNI proxy need: ClientHellos of
// every shape and a corpus of first flights with their wanted outcomes,
// backends that answer, fail or say nothing, a scripted resolver and a
// conformance suite.
package sniproxytest
