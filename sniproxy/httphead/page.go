package httphead

// AppendError appends a whole response that says why a request was not served,
// with a short body of plain text, after which the connection is to be closed.
// The text is the caller's own, never a stranger's; empty means the status's name.
func AppendError(dst []byte, status int, text string) []byte { return dst }

// AppendErrorHead is [AppendError] in answer to HEAD: no body follows.
func AppendErrorHead(dst []byte, status int, text string) []byte { return dst }

// AppendRedirect appends a whole response (308, or 301 for HTTP/1.0) that sends
// the client to the same host and target by https. Port is the one to name; 0 and
// 443 name none. The connection stays open unless [Request.Close]. A request
// without host gets 400.
func (r *Request) AppendRedirect(dst []byte, port uint16) []byte { return dst }
