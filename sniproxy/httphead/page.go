package httphead

import (
	"net/http"
	"strconv"
)

// AppendError appends a whole response that says why a request was not served,
// with a short body of plain text, after which the connection is to be closed.
// The text is the caller's own, never a stranger's; empty means the status's name.
func AppendError(dst []byte, status int, text string) []byte {
	text = pageText(status, text)
	dst = appendErrorHead(dst, status, text)
	dst = append(dst, text...)
	return append(dst, '\n')
}

// AppendErrorHead is [AppendError] in answer to HEAD: no body follows.
func AppendErrorHead(dst []byte, status int, text string) []byte {
	return appendErrorHead(dst, status, pageText(status, text))
}

func pageText(status int, text string) string {
	if text == "" {
		return http.StatusText(status)
	}
	return text
}

func appendErrorHead(dst []byte, status int, text string) []byte {
	dst = appendStatus(dst, status)
	if status == http.StatusMethodNotAllowed { // RFC 9110, section 15.5.6
		dst = append(dst, "Allow: GET, HEAD, POST, PUT, DELETE, OPTIONS, TRACE, PATCH\r\n"...)
	}
	dst = append(dst, "Content-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n"...)
	dst = appendLength(dst, int64(len(text)+1))
	return append(dst, "Connection: close\r\n\r\n"...)
}

func appendStatus(dst []byte, status int) []byte {
	dst = append(dst, "HTTP/1.1 "...)
	dst = strconv.AppendInt(dst, int64(status), 10)
	dst = append(dst, ' ')
	dst = append(dst, http.StatusText(status)...)
	return append(dst, "\r\n"...)
}

// AppendRedirect appends a whole response (301 for GET and HEAD, else 308, which
// keeps the method) that sends the client to the same host and target by https.
// Port is the one to name; 0 and 443 name none. A request without host gets 400.
// The connection stays open unless keep is false.
func (r *Request) AppendRedirect(dst []byte, port uint16) (out []byte, keep bool) {
	if r.NoHost {
		return AppendError(dst, http.StatusBadRequest, ""), false
	}
	status := http.StatusPermanentRedirect
	if m := string(r.Method); m == "GET" || m == "HEAD" {
		status = http.StatusMovedPermanently
	}
	dst = appendStatus(dst, status)
	dst = append(dst, "Location: https://"...)
	to := r.authority
	to.port = span{}
	dst = to.append(dst, r.buf)
	if port != 0 && port != 443 {
		dst = strconv.AppendUint(append(dst, ':'), uint64(port), 10)
	}
	if r.Target[0] == '/' {
		dst = append(dst, r.Target...)
	}
	dst = append(dst, "\r\nContent-Length: 0\r\n"...)
	keep = !r.Close && r.Body.Done()
	if !keep {
		dst = append(dst, "Connection: close\r\n"...)
	}
	return append(dst, "\r\n"...), keep
}
