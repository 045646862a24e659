// Package model is what the panel shows, and what its buttons do: plain values,
// and the House that has them. Pages, the JSON API and the demo meet here, so that
// none knows another.
//
// Whose a thing is, is its Owner. A House does not ask who is allowed what; the
// panel does, with Viewer, before it calls one.
package model
