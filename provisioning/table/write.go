package table

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/japanese"
)

// Charsets that a file is written in.
const (
	UTF8     = "utf-8" // with the mark by which spreadsheets know it
	ShiftJIS = "shift_jis"
)

// Writer writes objects as lines. Its first line names the columns.
type Writer struct {
	columns []Column
	out     io.Writer
	charset *encoding.Encoder // nil: UTF-8
	buffer  bytes.Buffer
	csv     *csv.Writer
	cells   []string
}

// NewWriter begins a file in a charset. Each Write goes to out as one piece.
func NewWriter(out io.Writer, columns []Column, charset string) (*Writer, error) {
	w := &Writer{columns: columns, out: out, cells: make([]string, len(columns))}
	w.csv = csv.NewWriter(&w.buffer)
	w.csv.UseCRLF = true // RFC 4180 section 2
	if charset == ShiftJIS {
		w.charset = japanese.ShiftJIS.NewEncoder()
	} else {
		w.buffer.WriteString("\ufeff")
	}
	for i, c := range columns {
		w.cells[i] = c.Path
	}
	return w, w.line()
}

// Unwritable says which field of an object the charset of a file has no signs for.
type Unwritable struct{ Field string }

func (e *Unwritable) Error() string { return "table: " + e.Field + " cannot be written in Shift_JIS" }

// Write adds an object, which is JSON. *Unwritable: nothing of it was written.
func (w *Writer) Write(object []byte) error {
	fields, err := decode(object)
	if err != nil {
		return fmt.Errorf("table: %w", err)
	}
	for i, c := range w.columns {
		s, err := c.cell(at(fields, c.Path))
		if err != nil {
			return err
		}
		if w.charset != nil {
			if _, err := w.charset.String(s); err != nil {
				return &Unwritable{c.Path}
			}
		}
		w.cells[i] = Guarded(s)
	}
	return w.line()
}

func decode(object []byte) (fields map[string]any, err error) {
	d := json.NewDecoder(bytes.NewReader(object))
	d.UseNumber()
	err = d.Decode(&fields)
	return fields, err
}

func (w *Writer) line() error {
	if err := w.csv.Write(w.cells); err != nil {
		return err
	}
	if w.csv.Flush(); w.csv.Error() != nil {
		return w.csv.Error()
	}
	whole := w.buffer.Bytes()
	if w.charset != nil {
		var err error
		if whole, err = w.charset.Bytes(whole); err != nil {
			return fmt.Errorf("table: %w", err)
		}
	}
	_, err := w.out.Write(whole)
	w.buffer.Reset()
	return err
}

func (c Column) cell(v any) (string, error) {
	switch v := v.(type) {
	case nil:
		return "", nil
	case string:
		if c.form != deep {
			return v, nil
		}
	case json.Number:
		return v.String(), nil
	case bool:
		if v {
			return "true", nil
		}
		return "false", nil
	case []any:
		if s, ok := joined(v); ok && c.form == list {
			return s, nil
		}
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return strings.TrimSuffix(b.String(), "\n"), err
}

// joined is a list of texts as one cell, where that can be taken apart again.
func joined(v []any) (string, bool) {
	texts := make([]string, len(v))
	for i, one := range v {
		s, ok := one.(string)
		if !ok || s == "" || strings.TrimSpace(s) != s || strings.ContainsAny(s, ";；\n") || (i == 0 && s[0] == '[') {
			return "", false
		}
		texts[i] = s
	}
	return strings.Join(texts, ";"), true
}

// formula begins what a spreadsheet would carry out.
const formula = "=+-@\t\r"

// Guarded is a cell that no spreadsheet takes for a formula: what begins like one gets an apostrophe, as do cells that begin with one before such a sign, so
// that Bare undoes it.
func Guarded(s string) string {
	if bare := strings.TrimLeft(s, "'"); bare != "" && strings.IndexByte(formula, bare[0]) >= 0 {
		return "'" + s
	}
	return s
}

// Bare undoes Guarded.
func Bare(s string) string {
	if bare := strings.TrimLeft(s, "'"); bare != s && bare != "" && strings.IndexByte(formula, bare[0]) >= 0 {
		return s[1:]
	}
	return s
}
