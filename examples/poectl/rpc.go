package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/mythic-beasts/hostkit/poe"
)

// rpcRequest is what the rpc provider of bmclib sends, in the shape of JSON-RPC.
type rpcRequest struct {
	ID     int64           `json:"id"`
	Host   string          `json:"host"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
}

type rpcResponse struct {
	ID     int64     `json:"id"`
	Host   string    `json:"host"`
	Result any       `json:"result,omitempty"`
	Error  *rpcError `json:"error,omitempty"`
}

type rpcError struct {
	Code    int    `json:"code"` // an HTTP status
	Message string `json:"message"`
}

// rpc is the address that bmclib calls consumer URL.
func (s *service) rpc(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		answer(w, http.StatusRequestEntityTooLarge, rpcResponse{Error: &rpcError{http.StatusRequestEntityTooLarge, "too long"}})
		return
	}
	if len(body) == 0 { // bmclib opens with one, to see whether somebody listens
		answer(w, http.StatusOK, rpcResponse{})
		return
	}
	var req rpcRequest
	if err := json.Unmarshal(body, &req); err != nil {
		answer(w, http.StatusBadRequest, rpcResponse{Error: &rpcError{http.StatusBadRequest, "not JSON of a request"}})
		return
	}
	resp := rpcResponse{ID: req.ID, Host: req.Host}
	status := http.StatusOK
	resp.Result, err = s.call(r, body, req)
	if err != nil {
		code := statusOf(err)
		resp.Error = &rpcError{code, err.Error()}
		if code == http.StatusUnauthorized {
			status = code
		}
	}
	answer(w, status, resp)
}

// call does what is asked for.
func (s *service) call(r *http.Request, body []byte, req rpcRequest) (any, error) {
	who, err := s.caller(r, body, req)
	if err != nil {
		return nil, err
	}
	t, err := s.machine(who, req.Host)
	if err != nil {
		return nil, err
	}
	switch req.Method {
	case "getPowerState":
		st, err := s.state(r.Context(), t)
		if err != nil {
			return nil, err
		}
		return onOff(st), nil
	case "setPowerState":
		return s.setPower(r, t, who, req.Params)
	case "setBootDevice":
		return bootDevice(req.Params)
	}
	return nil, fmt.Errorf("method %q is not one of getPowerState, setPowerState and setBootDevice", req.Method)
}

// caller is known by its signature, or as for the other addresses.
func (s *service) caller(r *http.Request, body []byte, req rpcRequest) (*client, error) {
	if r.Header.Get("Authorization") != "" {
		return s.auth.byHeader(r)
	}
	return s.auth.bySignature(r, body, time.Unix(0, req.ID))
}

func onOff(st poe.PortStatus) string {
	if st.Delivering() {
		return "on"
	}
	return "off"
}

func (s *service) setPower(r *http.Request, t target, who *client, params json.RawMessage) (any, error) {
	var p struct {
		State string `json:"state"`
	}
	if err := json.Unmarshal(params, &p); err != nil {
		return nil, fmt.Errorf("params of setPowerState: %w", err)
	}
	switch p.State {
	case "on", "off", "cycle":
	default:
		return nil, fmt.Errorf("state %q is not one of on, off and cycle", p.State)
	}
	res, err := s.act(r, t, p.State, who)
	if err != nil {
		return nil, err
	}
	return onOff(res.After), nil
}

// bootDevice takes what a machine without a disk does anyway.
func bootDevice(params json.RawMessage) (any, error) {
	var p struct {
		Device string `json:"device"`
	}
	if err := json.Unmarshal(params, &p); err != nil {
		return nil, fmt.Errorf("params of setBootDevice: %w", err)
	}
	if p.Device != "pxe" {
		return nil, fmt.Errorf("device %q: these machines boot from the network only", p.Device)
	}
	return "ok", nil
}
