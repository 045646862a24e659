package api

import (
	"net/netip"
	"reflect"
	"strings"
	"time"
)

// schemas are JSON schemas by name.
type schemas map[string]object

// of is the schema of a type: for structs a reference to one that has a name.
func (s schemas) of(t reflect.Type) object {
	if plain := plainSchema(t); plain != nil {
		return plain
	}
	if words, ok := enums()[t]; ok {
		return object{"type": "string", "enum": words}
	}
	switch t.Kind() {
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Int, reflect.Int64:
		return object{"type": "integer"}
	case reflect.Uint16, reflect.Uint64:
		return object{"type": "integer", "minimum": 0}
	case reflect.Float64:
		return object{"type": "number"}
	case reflect.Slice:
		return object{"type": "array", "items": s.of(t.Elem())}
	case reflect.Map:
		return object{"type": "object"}
	case reflect.Struct:
		return object{"$ref": "#/components/schemas/" + s.structure(t)}
	}
	return object{"type": "string"}
}

// plainSchema is that of types that are text in JSON.
func plainSchema(t reflect.Type) object {
	switch t {
	case reflect.TypeFor[time.Time]():
		return object{"type": "string", "format": "date-time"}
	case reflect.TypeFor[netip.Addr]():
		return object{"type": "string", "description": "An IP address, or nothing."}
	case reflect.TypeFor[netip.Prefix]():
		return object{"type": "string", "description": "An IP address with the length of its prefix, or nothing."}
	case reflect.TypeFor[netip.AddrPort]():
		return object{"type": "string", "description": "An IP address and a port."}
	}
	return nil
}

// structure adds the schema of a struct and returns its name.
func (s schemas) structure(t reflect.Type) string {
	name := schemaName(t)
	if s[name] != nil {
		return name
	}
	properties, required := object{}, []string{}
	schema := object{"type": "object", "additionalProperties": false, "properties": properties}
	s[name] = schema // before its fields, which may be of its type
	for _, f := range fieldsOf(t) {
		properties[f.name] = s.field(f)
		if f.required {
			required = append(required, f.name)
		}
	}
	if len(required) > 0 {
		schema["required"] = required
	}
	return name
}

// field is the schema of a field, with what its tags say.
func (s schemas) field(f field) object {
	schema := s.of(f.typ)
	if f.doc != "" && schema["$ref"] == nil {
		schema["description"] = f.doc
	}
	switch f.typ.Kind() {
	case reflect.String:
		if f.most > 0 {
			schema["maxLength"] = f.most
		}
	case reflect.Int:
		if f.most > 0 {
			schema["minimum"], schema["maximum"] = f.least, f.most
		}
	}
	return schema
}

// schemaName is a type's name in the document. That of a list is made of what it has.
func schemaName(t reflect.Type) string {
	if items, ok := t.FieldByName("Items"); ok && items.Type.Kind() == reflect.Slice {
		return schemaName(items.Type.Elem()) + "List"
	}
	name := t.Name()
	return strings.ToUpper(name[:1]) + name[1:]
}
