// Package control is how commands of a daemon reach the one that runs: by HTTP with
// JSON over a Unix socket. Whoever may connect to the socket may do everything.
//
// The daemon:
//
//	l, err := control.Listen(ctx, "/run/echod/control")
//	…
//	var m control.Mux
//	m.Handle("POST /say/{word}", func(w http.ResponseWriter, r *http.Request) error {
//		if r.PathValue("word") == "" {
//			return control.Refuse(http.StatusBadRequest, "there is no word")
//		}
//		return control.Answer(w, "said", nil)
//	})
//	return control.Serve(ctx, l, &m)
//
// A command:
//
//	c := control.Client{Socket: "/run/echod/control", Timeout: time.Minute}
//	said, err := c.Call(ctx, http.MethodPost, "/say/word", nil)
package control
