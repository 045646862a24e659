// Package api is the panel's JSON API, with its OpenAPI document.
//
//	handler := api.New(api.Options{House: house, Accounts: store, Audit: log})
//	mux.Handle("/api/", handler)
//
// A request has a token of package account as its Bearer token, and cookies mean nothing
// here: no page of another site can ask for anything. Whose token it is may see and touch
// what they may on the pages, by package access; a token of scope read changes nothing.
//
// # Requests and answers
//
// A body is a JSON object of 64 KiB at most. A field that is unknown, doubled, missing or
// no value of its type is refused by its name, and so is a parameter of a query. Lists are
// {"items": [...]}. Errors are problem+json (RFC 9457); that of a field has its name in
// "field". An inner error has a number, which is in the panel's log with the cause.
//
// # The document
//
// GET /api/v1/openapi.json is made of the table that the routes are made of, and its
// schemas of the types that are answered.
//
// # Consoles
//
// A screen is asked for with the number of the last one, and is answered when there is a
// newer one, or with 204 after a while. What a token opened stays open for a minute after
// its last request, and with it the right to type, once it has typed.
package api
