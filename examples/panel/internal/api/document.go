package api

import (
	"encoding/json"
	"net/http"
	"reflect"
	"regexp"
	"strconv"
	"strings"
)

type object = map[string]any

// document is the OpenAPI 3.1 document of routes.
func document(table []route) []byte {
	s := schemas{}
	paths := map[string]object{}
	for _, r := range table {
		at := Prefix + r.path
		if paths[at] == nil {
			paths[at] = object{}
		}
		paths[at][strings.ToLower(r.method)] = s.operation(r)
	}
	s.of(reflect.TypeFor[Problem]())
	doc := object{
		"openapi": "3.1.0",
		"info": object{
			"title": "hostkit panel", "version": "1",
			"description": "The panel's buttons for programs. Everything is as on the pages: a customer sees and touches what is theirs, and every change is written down.",
		},
		"paths":    paths,
		"security": []object{{"token": []string{}}},
		"components": object{
			"schemas":         map[string]object(s),
			"securitySchemes": object{"token": object{"type": "http", "scheme": "bearer", "description": "A token of the account page."}},
		},
	}
	data, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		panic("api: the document does not marshal: " + err.Error()) // it has maps, strings and numbers
	}
	return data
}

var inPath = regexp.MustCompile(`\{(\w+)\}`)

// operation is a route in the document.
func (s schemas) operation(r route) object {
	op := object{"operationId": r.id, "summary": r.summary, "responses": s.responses(r)}
	var parameters []object
	for _, m := range inPath.FindAllStringSubmatch(r.path, -1) {
		parameters = append(parameters, object{"name": m[1], "in": "path", "required": true, "schema": object{"type": "string"}})
	}
	for _, f := range fieldsOf(r.query) {
		p := object{"name": f.name, "in": "query", "required": f.required, "schema": s.field(f)}
		if f.doc != "" {
			p["description"] = f.doc
		}
		parameters = append(parameters, p)
	}
	if parameters != nil {
		op["parameters"] = parameters
	}
	if r.hasBody() {
		op["requestBody"] = object{"required": needsBody(r.body), "content": content("application/json", s.of(r.body))}
	}
	if r.open {
		op["security"] = []object{}
	}
	return op
}

// needsBody is whether an empty body is refused.
func needsBody(t reflect.Type) bool {
	for _, f := range fieldsOf(t) {
		if f.required {
			return true
		}
	}
	return false
}

func content(kind string, schema object) object { return object{kind: object{"schema": schema}} }

// responses are those of a route: its success, and the problems that it can have.
func (s schemas) responses(r route) object {
	all := object{}
	success := object{"description": "Done."}
	switch {
	case r.stream:
		success["content"] = content("text/event-stream", object{"type": "string", "description": "Events named change, each with a JSON object: kind and name."})
	case r.hasAnswer():
		success["content"] = content("application/json", s.of(r.answer))
	}
	all[strconv.Itoa(r.success())] = success
	if r.maybe {
		all[strconv.Itoa(http.StatusNoContent)] = object{"description": "There is nothing new."}
	}
	for _, status := range r.problems() {
		all[strconv.Itoa(status)] = object{
			"description": http.StatusText(status),
			"content":     content(problemType, s.of(reflect.TypeFor[Problem]())),
		}
	}
	return all
}

// problems are the statuses that a route can fail with.
func (r route) problems() []int {
	all := []int{http.StatusBadRequest, http.StatusInternalServerError}
	if !r.open {
		all = append(all, http.StatusUnauthorized, http.StatusTooManyRequests, http.StatusConflict, http.StatusGatewayTimeout)
	}
	if strings.Contains(r.path, "{") {
		all = append(all, http.StatusNotFound)
	}
	if r.write || r.method != "GET" {
		all = append(all, http.StatusForbidden, http.StatusUnprocessableEntity)
	}
	if r.hasBody() {
		all = append(all, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
	}
	return all
}
