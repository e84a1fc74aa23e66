package report

import (
	"encoding/csv"
	"io"
	"strconv"
	"time"

	"naisen/provisioning/table"
)

// bom tells spreadsheets that the text is UTF-8.
const bom = "\uFEFF"

// CSV writes the table and, below it, its definitions.
func (t Table) CSV(w io.Writer) error {
	if _, err := io.WriteString(w, bom); err != nil {
		return err
	}
	out := csv.NewWriter(w)
	head := []string{"key", "from"}
	for _, d := range t.Definitions {
		head = append(head, d.Column)
	}
	rows := [][]string{head}
	for _, l := range t.Lines {
		rows = append(rows, l.cells())
	}
	rows = append(rows, nil, []string{"definition", "ja", "en"})
	for _, d := range t.Definitions {
		rows = append(rows, []string{d.Column, d.JA, d.EN})
	}
	for _, row := range rows {
		for i := range row {
			row[i] = table.Guarded(row[i])
		}
		if err := out.Write(row); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// cells in the order of the definitions.
func (l Line) cells() []string {
	n := strconv.Itoa
	f := func(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }
	p := func(x *float64) string {
		if x == nil {
			return ""
		}
		return f(*x)
	}
	return []string{l.Key, l.From.Format(time.RFC3339), n(l.Offered), n(l.Answered), n(l.InTime), p(l.Level), n(l.Abandoned), n(l.Short), n(l.Overflowed),
		n(l.Kept), n(l.CalledBack), n(l.Unreached), f(l.WaitMean), f(l.WaitMax), f(l.TalkMean), f(l.Talk), f(l.WrapUp), f(l.SignedIn), f(l.Paused),
		n(l.Missed), p(l.Occupancy)}
}
