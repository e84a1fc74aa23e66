package table

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/japanese"
)

// MaxFaults bounds the faults that one reading of a file tells.
const MaxFaults = 100

// Fault is what is wrong with one field of one line.
type Fault struct {
	Line   int    // of the file, from 1
	Column string // as the file's first line calls it; empty: the whole line
	Reason string
}

// Record is one line of a file.
type Record struct {
	Line   int
	fields []field
}

type field struct {
	path  string
	value any // nil: the cell is empty
}

// Text is the value of a column of texts; "": the cell is empty, or there is none.
func (r Record) Text(path string) string {
	for _, f := range r.fields {
		if f.path == path {
			s, _ := f.value.(string)
			return s
		}
	}
	return ""
}

// Apply gives an object, which is JSON, what the line says of it. Fields that the file has no columns for stay as they are; an empty cell takes its field away.
func (r Record) Apply(object []byte) ([]byte, error) {
	fields, err := decode(object)
	if err != nil {
		return nil, fmt.Errorf("table: %w", err)
	}
	for _, f := range r.fields {
		set(fields, f.path, f.value)
	}
	return json.Marshal(fields)
}

// Decode is a file's text as UTF-8; false: it is neither that nor Shift_JIS, as Japanese spreadsheets write it.
func Decode(text []byte) ([]byte, bool) {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	if utf8.Valid(text) {
		return text, true
	}
	decoded, err := japanese.ShiftJIS.NewDecoder().Bytes(text)
	return decoded, err == nil && !bytes.ContainsRune(decoded, utf8.RuneError)
}

// Read reads a file whose first line names columns, of which key must be one, and at most rows lines more. Either all lines come back, or the faults: at most
// MaxFaults of them.
func Read(raw []byte, columns []Column, key string, rows int) ([]Record, []Fault) {
	decoded, ok := Decode(raw)
	if !ok {
		return nil, []Fault{{1, "", "is neither UTF-8 nor Shift_JIS"}}
	}
	in := csv.NewReader(bytes.NewReader(decoded))
	in.ReuseRecord = true
	names, err := in.Read()
	if err != nil {
		return nil, []Fault{{1, "", "must name the columns"}}
	}
	head, faults := headOf(names, columns, key)
	if faults != nil {
		return nil, faults
	}
	r := reader{head: head, key: key, seen: map[string]int{}}
	for len(r.faults) < MaxFaults {
		cells, err := in.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		var wrong *csv.ParseError
		switch {
		case errors.As(err, &wrong) && errors.Is(err, csv.ErrFieldCount):
			r.fault(wrong.StartLine, "", fmt.Sprintf("has %d fields, the first line %d", len(cells), len(head)))
			continue
		case errors.As(err, &wrong): // where the next line begins cannot be known
			return nil, append(r.faults, Fault{wrong.StartLine, "", "has a quotation mark in the wrong place"})
		case err != nil:
			return nil, append(r.faults, Fault{1, "", "cannot be read"})
		}
		line, _ := in.FieldPos(0)
		if len(r.records) == rows {
			return nil, append(r.faults, Fault{line, "", fmt.Sprintf("is one more than the %d that a file may have", rows)})
		}
		r.line(line, cells)
	}
	if len(r.faults) > 0 {
		return nil, r.faults
	}
	return r.records, nil
}

func headOf(names []string, columns []Column, key string) ([]Column, []Fault) {
	var head []Column
	for _, name := range names {
		name = Bare(strings.TrimSpace(name))
		i := slices.IndexFunc(columns, func(c Column) bool { return c.Path == name })
		if i < 0 {
			return nil, []Fault{{1, clip(name), "is no column that is known"}}
		}
		if slices.Contains(head, columns[i]) {
			return nil, []Fault{{1, name, "is there twice"}}
		}
		head = append(head, columns[i])
	}
	if !slices.ContainsFunc(head, func(c Column) bool { return c.Path == key }) {
		return nil, []Fault{{1, key, "is missing"}}
	}
	return head, nil
}

func clip(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40])
	}
	return s
}

type reader struct {
	head    []Column
	key     string
	seen    map[string]int // line of each key
	records []Record
	faults  []Fault
}

func (r *reader) fault(line int, column, reason string) {
	r.faults = append(r.faults, Fault{line, column, reason})
}

func (r *reader) line(line int, cells []string) {
	rec := Record{Line: line, fields: make([]field, 0, len(cells))}
	for i, c := range r.head {
		if c.ReadOnly {
			continue
		}
		v, reason := c.value(Bare(strings.Clone(cells[i])))
		if reason != "" {
			r.fault(line, c.Path, reason)
			return
		}
		rec.fields = append(rec.fields, field{c.Path, v})
	}
	key := rec.Text(r.key)
	switch first, double := r.seen[key]; {
	case key == "":
		r.fault(line, r.key, "is empty")
	case double:
		r.fault(line, r.key, fmt.Sprintf("is that of line %d too", first))
	default:
		r.seen[key] = line
		r.records = append(r.records, rec)
	}
}

// value of a cell, nil for an empty one.
func (c Column) value(cell string) (v any, reason string) {
	if cell == "" {
		return nil, ""
	}
	switch c.form {
	case number:
		if n := json.Number(strings.TrimSpace(cell)); json.Valid([]byte(n)) {
			if _, err := n.Float64(); err == nil {
				return n, ""
			}
		}
		return nil, "is no number"
	case yes:
		switch strings.ToLower(strings.TrimSpace(cell)) {
		case "true":
			return true, ""
		case "false":
			return false, ""
		}
		return nil, "must be true or false"
	case list:
		if cell[0] != '[' {
			return parts(cell), ""
		}
		fallthrough
	case deep:
		d := json.NewDecoder(strings.NewReader(cell))
		d.UseNumber()
		if err := d.Decode(&v); err != nil || d.InputOffset() < int64(len(strings.TrimRight(cell, " \r\n\t"))) {
			return nil, "is no JSON"
		}
		return v, ""
	}
	return cell, ""
}

func parts(cell string) any {
	out := []any{}
	for part := range strings.FieldsFuncSeq(cell, func(r rune) bool { return r == ';' || r == '；' || r == '\n' }) {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}
