package table

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Filter says which objects a list or a file has. The zero value: all.
type Filter []condition

type condition struct {
	path     string
	value    string
	contains bool // the value is somewhere in the field, in either case
}

// ParseFilter reads conditions that must all hold: "field=value" is exactly that value, or one of a list; "field~text" has the text in it, whatever its case. An
// empty value is that of a field that is not there.
func ParseFilter(texts []string, columns []Column) (Filter, error) {
	var out Filter
	for _, text := range texts {
		i := strings.IndexAny(text, "=~")
		if i < 0 {
			return nil, fmt.Errorf("%q is neither field=value nor field~text", clip(text))
		}
		c := condition{text[:i], text[i+1:], text[i] == '~'}
		if !slices.ContainsFunc(columns, func(col Column) bool { return col.Path == c.path }) {
			return nil, fmt.Errorf("%q is no field", clip(c.path))
		}
		if c.contains {
			c.value = strings.ToLower(c.value)
		}
		out = append(out, c)
	}
	return out, nil
}

// Matches says that an object, which is JSON, is among those of the filter.
func (f Filter) Matches(object []byte) bool {
	if len(f) == 0 {
		return true
	}
	fields, err := decode(object)
	if err != nil {
		return false
	}
	for _, c := range f {
		if !c.holds(at(fields, c.path)) {
			return false
		}
	}
	return true
}

func (c condition) holds(v any) bool {
	switch v := v.(type) {
	case []any:
		return len(v) == 0 && c.value == "" || slices.ContainsFunc(v, c.holds)
	case string:
		return c.is(v)
	case json.Number:
		return c.is(v.String())
	case bool:
		return c.is(fmt.Sprint(v))
	case nil:
		return c.value == "" || c.value == "false" && !c.contains // what is false is left out
	}
	return false
}

func (c condition) is(s string) bool {
	if c.contains {
		return strings.Contains(strings.ToLower(s), c.value)
	}
	return s == c.value
}
