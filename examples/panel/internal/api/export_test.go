package api

// Operation is a route, as tests see it.
type Operation struct {
	Method, Path, ID          string
	Open, Write, Body, Stream bool
}

// Operations are the routes.
func Operations() (all []Operation) {
	for _, r := range routes() {
		all = append(all, Operation{r.method, r.path, r.id, r.open, r.write, r.hasBody(), r.stream})
	}
	return all
}

// DecodePower reads the body of a power request.
func DecodePower(data []byte) (action, reason string, err error) {
	var b powerRequest
	err = decode(data, &b)
	return string(b.Action), b.Reason, err
}

// DecodeToken reads the body of a request for a token.
func DecodeToken(data []byte) (days int, err error) {
	var b tokenRequest
	err = decode(data, &b)
	return b.Days, err
}
