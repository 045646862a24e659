package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/api"
)

type object = map[string]any

// readDocument is the document that the API serves.
func readDocument(t *testing.T, r *rig) object {
	t.Helper()
	got := r.ask("", "GET", "/openapi.json", "")
	require.Equal(t, http.StatusOK, got.StatusCode)
	require.Equal(t, "application/json", got.Header.Get("Content-Type"))
	var doc object
	require.NoError(t, json.Unmarshal([]byte(got.body), &doc))
	return doc
}

// at goes into nested objects.
func at(t *testing.T, v any, path ...string) any {
	t.Helper()
	for _, name := range path {
		o, ok := v.(object)
		require.True(t, ok, "%s of %v", name, v)
		v, ok = o[name]
		require.True(t, ok, "no %s in %v", name, o)
	}
	return v
}

// Every route is in the document, and the document has nothing else.
func TestDocumentHasRoutes(t *testing.T) {
	doc := readDocument(t, newRig(t))
	require.Equal(t, "3.1.0", doc["openapi"])
	var documented, routed []string
	for path, item := range doc["paths"].(object) {
		for method, op := range item.(object) {
			documented = append(documented, strings.ToUpper(method)+" "+path+" "+op.(object)["operationId"].(string))
		}
	}
	ids := map[string]bool{}
	for _, o := range api.Operations() {
		routed = append(routed, o.Method+" "+api.Prefix+o.Path+" "+o.ID)
		require.False(t, ids[o.ID], "two operations are %s", o.ID)
		ids[o.ID] = true
		op := at(t, doc, "paths", api.Prefix+o.Path, strings.ToLower(o.Method)).(object)
		require.NotEmpty(t, op["summary"])
		require.Equal(t, o.Body, op["requestBody"] != nil)
		require.Equal(t, o.Open, op["security"] != nil, "a token is needed unless it says otherwise")
	}
	require.ElementsMatch(t, routed, documented)
	requireReferences(t, doc, doc)
}

// requireReferences requires that what is referred to is there.
func requireReferences(t *testing.T, doc object, v any) {
	t.Helper()
	switch v := v.(type) {
	case object:
		if ref, ok := v["$ref"].(string); ok {
			resolve(t, doc, ref)
		}
		for _, inner := range v {
			requireReferences(t, doc, inner)
		}
	case []any:
		for _, inner := range v {
			requireReferences(t, doc, inner)
		}
	}
}

func resolve(t *testing.T, doc object, ref string) object {
	t.Helper()
	path, ok := strings.CutPrefix(ref, "#/")
	require.True(t, ok)
	return at(t, doc, strings.Split(path, "/")...).(object)
}

// What is answered, to each person and with each problem, is what the document says.
func TestAnswersMatchDocument(t *testing.T) {
	eachOperation(t, func(t *testing.T, r *rig, o api.Operation, u use) {
		doc := readDocument(t, r)
		op := at(t, doc, "paths", api.Prefix+o.Path, strings.ToLower(o.Method)).(object)
		requireRequest(t, doc, op, o, u)
		for _, who := range []string{"", "bob", "noc", "alice read", "alice"} {
			got := r.ask(who, o.Method, u.path, u.body)
			requireAnswer(t, doc, op, got)
		}
		requireAnswer(t, doc, op, r.ask("alice", o.Method, u.path+"?no=1", u.body))
		if o.ID == "newToken" {
			got := r.ask("alice", o.Method, u.path, `{"label": " ", "scope": "read"}`)
			require.Equal(t, http.StatusUnprocessableEntity, got.StatusCode)
			requireAnswer(t, doc, op, got)
		}
		if o.Body {
			requireAnswer(t, doc, op, r.ask("noc", o.Method, u.path, `{"no": 1}`))
			requireAnswer(t, doc, op, r.ask("noc", o.Method, u.path, `{"reason": "`+strings.Repeat("x", 70_000)+`"}`))
		}
		r.house.Fail(fmt.Errorf("the store is away"))
		requireAnswer(t, doc, op, r.ask("noc", o.Method, u.path, u.body))
	})
}

// requireRequest requires that the body that is used here is one of the document's.
func requireRequest(t *testing.T, doc, op object, o api.Operation, u use) {
	t.Helper()
	if !o.Body {
		return
	}
	body := op["requestBody"].(object)
	if u.body == "" {
		require.Equal(t, false, body["required"])
		return
	}
	var v any
	require.NoError(t, json.Unmarshal([]byte(u.body), &v))
	require.NoError(t, validate(t, doc, at(t, body, "content", "application/json", "schema").(object), v, "body"))
}

func requireAnswer(t *testing.T, doc, op object, got reply) {
	t.Helper()
	response, ok := at(t, op, "responses").(object)[fmt.Sprint(got.StatusCode)].(object)
	require.True(t, ok, "status %d is not in the document: %s", got.StatusCode, got.body)
	content, ok := response["content"].(object)
	if !ok {
		require.Empty(t, got.body)
		return
	}
	schema := at(t, content, got.Header.Get("Content-Type"), "schema").(object)
	var v any
	require.NoError(t, json.Unmarshal([]byte(got.body), &v))
	require.NoError(t, validate(t, doc, schema, v, "answer"), got.body)
}

// validate checks a value against those parts of JSON Schema that the document uses.
func validate(t *testing.T, doc, schema object, v any, where string) error {
	t.Helper()
	if ref, ok := schema["$ref"].(string); ok {
		return validate(t, doc, resolve(t, doc, ref), v, where)
	}
	for keyword := range schema {
		known := []string{"type", "description", "format", "enum", "items", "properties", "required", "additionalProperties", "minimum", "maximum", "maxLength"}
		require.Contains(t, known, keyword, "this test does not know %s", keyword)
	}
	wrong := fmt.Errorf("%s: %v is no %v", where, v, schema["type"])
	switch schema["type"] {
	case "object":
		o, ok := v.(object)
		if !ok {
			return wrong
		}
		return validateObject(t, doc, schema, o, where)
	case "array":
		items, ok := v.([]any)
		if !ok {
			return wrong
		}
		for i, item := range items {
			if err := validate(t, doc, schema["items"].(object), item, fmt.Sprintf("%s[%d]", where, i)); err != nil {
				return err
			}
		}
	case "string":
		s, ok := v.(string)
		if !ok {
			return wrong
		}
		return validateString(schema, s, where)
	case "boolean":
		if _, ok := v.(bool); !ok {
			return wrong
		}
	case "integer", "number":
		return validateNumber(schema, v, where)
	default:
		return fmt.Errorf("%s: type %v", where, schema["type"])
	}
	return nil
}

func validateObject(t *testing.T, doc, schema, o object, where string) error {
	t.Helper()
	if required, ok := schema["required"].([]any); ok {
		for _, name := range required {
			if _, ok := o[name.(string)]; !ok {
				return fmt.Errorf("%s: no %v", where, name)
			}
		}
	}
	properties, ok := schema["properties"].(object)
	if !ok {
		return nil // any object
	}
	for name, v := range o {
		property, ok := properties[name].(object)
		if !ok {
			return fmt.Errorf("%s: %s is not in the schema", where, name)
		}
		if err := validate(t, doc, property, v, where+"."+name); err != nil {
			return err
		}
	}
	return nil
}

func validateString(schema object, s, where string) error {
	if words, ok := schema["enum"].([]any); ok && !slices.Contains(words, any(s)) {
		return fmt.Errorf("%s: %q is none of %v", where, s, words)
	}
	if most, ok := schema["maxLength"].(float64); ok && len([]rune(s)) > int(most) {
		return fmt.Errorf("%s is too long", where)
	}
	if schema["format"] == "date-time" {
		_, err := time.Parse(time.RFC3339, s)
		return err
	}
	return nil
}

func validateNumber(schema object, v any, where string) error {
	n, ok := v.(float64)
	if !ok || schema["type"] == "integer" && n != float64(int64(n)) {
		return fmt.Errorf("%s: %v is no %v", where, v, schema["type"])
	}
	if least, ok := schema["minimum"].(float64); ok && n < least {
		return fmt.Errorf("%s: %v is less than %v", where, n, least)
	}
	if most, ok := schema["maximum"].(float64); ok && n > most {
		return fmt.Errorf("%s: %v is more than %v", where, n, most)
	}
	return nil
}
