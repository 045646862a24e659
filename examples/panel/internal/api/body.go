package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"
)

// readBody reads a request's body into a struct, strictly. An empty body is an empty
// object.
func readBody(w http.ResponseWriter, r *http.Request, into any) error {
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, mostBody))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return &wrong{http.StatusRequestEntityTooLarge, "", "a body has 64 KiB at most"}
	}
	if err != nil {
		return badField("", "the body did not come whole")
	}
	if len(data) == 0 {
		data = []byte("{}")
	} else if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/json" {
		return &wrong{http.StatusUnsupportedMediaType, "", "a body is application/json"}
	}
	return decode(data, into)
}

// decode reads an object into a struct. Names are compared exactly; all fields without
// omitempty must be there, and none twice.
func decode(data []byte, into any) error {
	fields, err := split(data)
	if err != nil {
		return err
	}
	v := reflect.ValueOf(into).Elem()
	for _, f := range fieldsOf(v.Type()) {
		raw, ok := fields[f.name]
		delete(fields, f.name)
		switch {
		case !ok && f.required:
			return badField(f.name, "field %q is missing", f.name)
		case !ok:
			continue
		}
		field := v.FieldByIndex(f.index)
		if string(raw) == "null" || json.Unmarshal(raw, field.Addr().Interface()) != nil {
			return badField(f.name, "field %q is no %s", f.name, kindWord(f.typ))
		}
		if err := checkValue(f, field); err != nil {
			return err
		}
	}
	for _, name := range sortedKeys(fields) {
		return badField(name, "field %q is unknown", name)
	}
	return nil
}

// split reads the fields of an object.
func split(data []byte) (map[string]json.RawMessage, error) {
	notObject := badField("", "the body is no JSON object")
	d := json.NewDecoder(bytes.NewReader(data))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, notObject
	}
	fields := map[string]json.RawMessage{}
	for d.More() {
		t, err := d.Token()
		name, ok := t.(string)
		var raw json.RawMessage
		if err != nil || !ok || d.Decode(&raw) != nil {
			return nil, notObject
		}
		if _, twice := fields[name]; twice {
			return nil, badField(name, "field %q is there twice", name)
		}
		fields[name] = raw
	}
	if _, err := d.Token(); err != nil {
		return nil, notObject
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, badField("", "there is something after the body's object")
	}
	return fields, nil
}

// checkValue checks what the schema says of a field beyond its type.
func checkValue(f field, v reflect.Value) error {
	if words, ok := enums()[f.typ]; ok && !slices.Contains(words, v.String()) {
		return badField(f.name, "field %q is one of %s", f.name, strings.Join(words, ", "))
	}
	switch v.Kind() {
	case reflect.String:
		if n := utf8.RuneCountInString(v.String()); f.most > 0 && n > f.most {
			return badField(f.name, "field %q has %d characters at most", f.name, f.most)
		}
	case reflect.Int, reflect.Int64:
		if n := v.Int(); n < int64(f.least) || f.most > 0 && n > int64(f.most) {
			return badField(f.name, "field %q is from %d to %d", f.name, f.least, f.most)
		}
	}
	return nil
}
