package api

import (
	"net/http"
	"reflect"
	"strconv"
	"time"
)

// readQuery reads a request's parameters into a struct, as strictly as a body.
func readQuery(r *http.Request, into any) error {
	values := r.URL.Query()
	v := reflect.ValueOf(into).Elem()
	for _, f := range fieldsOf(v.Type()) {
		given := values[f.name]
		delete(values, f.name)
		switch len(given) {
		case 0:
			continue
		case 1:
		default:
			return badField(f.name, "parameter %q is there twice", f.name)
		}
		field := v.FieldByIndex(f.index)
		if !setText(field, given[0]) {
			return badField(f.name, "parameter %q is no %s", f.name, parameterWord(f.typ))
		}
		if err := checkValue(f, field); err != nil {
			return err
		}
	}
	for _, name := range sortedKeys(values) {
		return badField(name, "parameter %q is unknown", name)
	}
	return nil
}

// setText sets a value from its text.
func setText(v reflect.Value, text string) bool {
	if at, ok := v.Addr().Interface().(*time.Time); ok {
		parsed, err := time.Parse(time.RFC3339, text)
		*at = parsed
		return err == nil
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Int:
		n, err := strconv.Atoi(text)
		v.SetInt(int64(n))
		return err == nil
	case reflect.Uint64:
		n, err := strconv.ParseUint(text, 10, 64)
		v.SetUint(n)
		return err == nil
	}
	return true
}

func parameterWord(t reflect.Type) string {
	if t == reflect.TypeFor[time.Time]() {
		return "time as 2026-01-31T12:00:00Z"
	}
	return kindWord(t)
}
