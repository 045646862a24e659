package sniproxy

// CanonicalName returns the form by which a [Table] tells configured names apart:
// lower case, A-labels, no trailing dot; ".example.com" for "*.example.com". The
// error says why the name is no host name.
func CanonicalName(name string) (string, error) { return routeKey(name) }
