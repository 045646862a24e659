package sniproxy

// Limits bound how many connections may be open and how fast they may come.
type Limits struct{}
