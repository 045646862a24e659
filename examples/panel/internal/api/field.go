package api

import (
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/account"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/audit"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/model"
)

// field is a field of a struct as JSON and schemas have it.
type field struct {
	name     string
	typ      reflect.Type
	index    []int
	required bool
	// doc, least and most are of the tags of those names. most is of characters or a value.
	doc         string
	least, most int
}

// fieldsOf are the fields of a struct, with those of embedded ones.
func fieldsOf(t reflect.Type) (fields []field) {
	for _, f := range reflect.VisibleFields(t) {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" || !f.IsExported() || f.Anonymous && name == "" {
			continue
		}
		least, _ := strconv.Atoi(f.Tag.Get("least")) // none is zero
		most, _ := strconv.Atoi(f.Tag.Get("most"))
		fields = append(fields, field{
			name: name, typ: f.Type, index: f.Index, doc: f.Tag.Get("doc"), least: least, most: most,
			required: !strings.Contains(options, "omitempty") && !strings.Contains(options, "omitzero"),
		})
	}
	return fields
}

// enums are the types that have few values. The first is that of what was left empty.
func enums() map[reflect.Type][]string {
	return map[reflect.Type][]string{
		reflect.TypeFor[model.Power]():       {string(model.PowerUnknown), string(model.PowerOff), string(model.PowerOn)},
		reflect.TypeFor[model.PowerAction](): {string(model.SwitchOn), string(model.SwitchOff), string(model.Cycle)},
		reflect.TypeFor[model.Class](): {
			string(model.Off), string(model.Asking), string(model.Loading), string(model.Up), string(model.Stalled), string(model.Dead),
		},
		reflect.TypeFor[model.ProxyHeader](): {string(model.NoHeader), string(model.V1), string(model.V2)},
		reflect.TypeFor[model.Kind]():        {string(model.PiKind), string(model.DomainKind), string(model.SiteKind)},
		reflect.TypeFor[account.Role]():      {string(account.Customer), string(account.Operator)},
		reflect.TypeFor[account.Scope]():     {string(account.Read), string(account.Write)},
		reflect.TypeFor[audit.Outcome](): {
			string(audit.Allowed), string(audit.Done), string(audit.Failed), string(audit.Denied),
		},
		reflect.TypeFor[audit.Means](): {
			string(audit.System), string(audit.Password), string(audit.Passkey), string(audit.Session), string(audit.Token),
		},
	}
}

// complete is an answer in which empty lists are lists, and no value of few is empty.
func complete(answer any) any {
	v := reflect.New(reflect.TypeOf(answer)).Elem()
	v.Set(reflect.ValueOf(answer))
	fill(v)
	return v.Interface()
}

func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Slice:
		if v.IsNil() {
			v.Set(reflect.MakeSlice(v.Type(), 0, 0))
		}
		for i := range v.Len() {
			fill(v.Index(i))
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return
		}
		for _, f := range fieldsOf(v.Type()) {
			field := v.FieldByIndex(f.index)
			if words, ok := enums()[f.typ]; ok && f.required && field.String() == "" {
				field.SetString(words[0])
				continue
			}
			fill(field)
		}
	}
}

// kindWord is a type in words.
func kindWord(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64, reflect.Uint64:
		return "whole number"
	}
	return "text"
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
