// Package gate is the panel's HTTP front: who a request comes from, and the headers that
// every answer has.
//
//	g := &gate.Gate{Store: store, TLS: true}
//	handler := g.Handler(pages)
//	who, ok := gate.From(r.Context()) // within pages
//
// # Cookies
//
// The session's cookie is HttpOnly, so that no script reads it, ends with the browser, and
// is SameSite=Lax: with Strict, who follows a link from a ticket to the panel would seem
// logged out, and Lax gives other sites nothing, because nothing is changed by GET, and
// [http.CrossOriginProtection] refuses what another site's page sends by other methods. By
// https it is Secure and has the prefix __Host-, so that no neighbouring domain and no
// page without TLS can set it. The other cookie, by which a browser is known at its next
// login, is for the login form alone: it is SameSite=Strict.
package gate
