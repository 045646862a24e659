// Package gate is the panel's HTTP front: who a request comes from, and the headers that
// every answer has.
package gate
