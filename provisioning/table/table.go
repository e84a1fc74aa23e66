// Package table owns the form in which objects of the API are rows of a CSV file, as spreadsheets read and write it: which columns a kind of object
// has, how a list or an object inside is one cell, UTF-8 and Shift_JIS, and that no cell is a formula. It knows no kind of object, stores nothing
// and asks nobody whether something may be done.
package table

import (
	"encoding"
	"encoding/json"
	"reflect"
	"strings"
)

// Column is one field of an object.
type Column struct {
	Path     string // JSON names with dots between: "forward.busy"
	ReadOnly bool   // written to files, and ignored in what is read
	form     form
}

// form says what a cell of a column is in JSON.
type form int

const (
	text   form = iota
	number      // digits as in JSON
	yes         // true or false
	list        // texts with ";" between, or a JSON array
	deep        // JSON
)

// maxColumns bounds what a recursive type would make endless.
const maxColumns = 256

// Columns are those of a struct, in its order: a struct inside gives a column for each of its fields, a list of texts is one column, what nests deeper is one
// column of JSON. A field with the tag readOnly is one that is not read.
func Columns(t reflect.Type) []Column { return columns(nil, t, "", false) }

func columns(out []Column, t reflect.Type, at string, readOnly bool) []Column {
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" || (!f.IsExported() && !f.Anonymous) || len(out) == maxColumns {
			continue
		}
		inside, fixed := pointed(f.Type), readOnly || f.Tag.Get("readOnly") == "true"
		if f.Anonymous && name == "" && inside.Kind() == reflect.Struct {
			out = columns(out, inside, at, fixed)
			continue
		}
		if name == "" {
			name = f.Name
		}
		kind := formOf(inside)
		if kind == deep && inside.Kind() == reflect.Struct {
			out = columns(out, inside, at+name+".", fixed)
			continue
		}
		out = append(out, Column{at + name, fixed, kind})
	}
	return out
}

func pointed(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}

// formOf a type that is no pointer. What marshals itself says by its zero value what it is.
func formOf(t reflect.Type) form {
	speaksJSON, speaksText := reflect.TypeFor[json.Marshaler](), reflect.TypeFor[encoding.TextMarshaler]()
	switch {
	case t.Implements(speaksJSON), reflect.PointerTo(t).Implements(speaksJSON):
		zero, err := json.Marshal(reflect.New(t).Interface())
		if err != nil || len(zero) == 0 {
			return deep
		}
		return formOfJSON(zero[0])
	case t.Implements(speaksText), reflect.PointerTo(t).Implements(speaksText):
		return text
	}
	switch t.Kind() {
	case reflect.String:
		return text
	case reflect.Bool:
		return yes
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64,
		reflect.Float32, reflect.Float64:
		return number
	case reflect.Slice:
		if formOf(pointed(t.Elem())) == text {
			return list
		}
	}
	return deep
}

func formOfJSON(first byte) form {
	switch {
	case first == '"':
		return text
	case first == 't', first == 'f':
		return yes
	case first == '-', first >= '0' && first <= '9':
		return number
	}
	return deep
}

// at is the value of an object's field, nil where there is none.
func at(object map[string]any, path string) any {
	for {
		name, rest, more := strings.Cut(path, ".")
		v := object[name]
		if !more {
			return v
		}
		inner, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		object, path = inner, rest
	}
}

// set a field, or take it away where v is nil; an object inside that has nothing any more then goes too.
func set(object map[string]any, path string, v any) {
	name, rest, more := strings.Cut(path, ".")
	switch {
	case !more && v == nil:
		delete(object, name)
	case !more:
		object[name] = v
	default:
		inner, ok := object[name].(map[string]any)
		if v == nil && len(inner) == 0 { // also one that is there and has nothing in it
			return
		}
		if !ok {
			inner = map[string]any{}
			object[name] = inner
		}
		if set(inner, rest, v); len(inner) == 0 {
			delete(object, name)
		}
	}
}
