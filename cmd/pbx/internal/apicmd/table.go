package apicmd

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"golang.org/x/text/width"
)

// maxCell is how wide a column of a list may be, in columns of a terminal.
const maxCell = 40

// table prints JSON for people: a list of objects as lines, one object as its fields.
func table(out io.Writer, text []byte) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return err
	}
	switch v := v.(type) {
	case []any:
		return list(out, v)
	case map[string]any:
		if items, ok := v["items"].([]any); ok {
			return list(out, items)
		}
		return fields(out, v)
	}
	_, err := fmt.Fprintln(out, cell(v))
	return err
}

// fields prints one object: names and values.
func fields(out io.Writer, object map[string]any) error {
	names := slices.Sorted(maps.Keys(object))
	wide := 0
	for _, n := range names {
		wide = max(wide, columns(n))
	}
	for _, n := range names {
		if s := cell(object[n]); s != "" {
			if _, err := fmt.Fprintf(out, "%s  %s\n", padded(n, wide), s); err != nil {
				return err
			}
		}
	}
	return nil
}

// list prints objects below the names of the fields that any of them has, what tells them apart first.
func list(out io.Writer, items []any) error {
	seen := map[string]int{} // how wide
	var rows []map[string]string
	for _, item := range items {
		object, ok := item.(map[string]any)
		if !ok {
			object = map[string]any{"value": item}
		}
		row := map[string]string{}
		for name, v := range object {
			if s := cell(v); s != "" && s != "false" && s != "0" {
				row[name] = clipped(s)
				seen[name] = max(seen[name], columns(row[name]), columns(name))
			}
		}
		rows = append(rows, row)
	}
	names := slices.SortedFunc(maps.Keys(seen), func(a, b string) int {
		if d := rank(a) - rank(b); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	var line strings.Builder
	write := func(value func(string) string) error {
		line.Reset()
		for _, n := range names {
			line.WriteString(padded(value(n), seen[n]) + "  ")
		}
		_, err := fmt.Fprintln(out, strings.TrimRight(line.String(), " "))
		return err
	}
	if len(names) == 0 {
		return nil
	}
	if err := write(strings.ToUpper); err != nil {
		return err
	}
	for _, r := range rows {
		if err := write(func(n string) string { return r[n] }); err != nil {
			return err
		}
	}
	return nil
}

// rank puts what names an object before what it says.
func rank(field string) int {
	i := slices.Index([]string{"number", "name", "id", "mac", "list", "extension", "kind", "key", "display", "title"}, field)
	if i < 0 {
		return 99
	}
	return i
}

// cell is a value in one line.
func cell(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return printable(v)
	case []any:
		parts := make([]string, len(v))
		for i, one := range v {
			parts[i] = cell(one)
		}
		return strings.Join(parts, ", ")
	case map[string]any:
		if len(v) == 0 {
			return ""
		}
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		if e.Encode(v) != nil {
			return "?"
		}
		return strings.TrimSpace(b.String())
	}
	return fmt.Sprint(v)
}

// printable keeps a name from commanding the terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return '.'
		}
		return r
	}, s)
}

// text is a JSON value of a difference.
func text(v json.RawMessage) string {
	if len(v) == 0 {
		return "-"
	}
	return printable(string(v))
}

// columns that a text takes on a terminal: kana and kanji take two.
func columns(s string) (n int) {
	for _, r := range s {
		switch width.LookupRune(r).Kind() {
		case width.EastAsianWide, width.EastAsianFullwidth:
			n += 2
		default:
			n++
		}
	}
	return n
}

func padded(s string, wide int) string { return s + strings.Repeat(" ", max(wide-columns(s), 0)) }

func clipped(s string) string {
	if columns(s) <= maxCell {
		return s
	}
	n := 0
	for i, r := range s {
		if n += columns(string(r)); n > maxCell-1 {
			return s[:i] + "…"
		}
	}
	return s
}
