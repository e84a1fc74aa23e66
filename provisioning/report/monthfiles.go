package report

import (
	"encoding/csv"
	"io"
	"strconv"

	"naisen/provisioning/table"
)

// CSV writes the report in a language, "ja" or "en"; no cell is a formula.
func (m Month) CSV(w io.Writer, language string) error {
	if _, err := io.WriteString(w, bom); err != nil {
		return err
	}
	out := csv.NewWriter(w)
	rows := m.head(language)
	for _, s := range m.Sections {
		rows = append(rows, nil, []string{Label{s.JA, s.EN}.in(language)}, s.top(language))
		for _, l := range s.Lines {
			rows = append(rows, append(append([]string{}, l.By...), strconv.FormatInt(l.Count, 10)))
		}
		rows = append(rows, s.bottom(language))
	}
	for _, row := range rows {
		cells := make([]string, len(row))
		for i := range row {
			cells[i] = table.Guarded(row[i])
		}
		if err := out.Write(cells); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

func (s Section) top(language string) (row []string) {
	for _, c := range s.Columns {
		row = append(row, c.in(language))
	}
	return append(row, monthWord("count", language))
}

func (s Section) bottom(language string) []string {
	row := make([]string, len(s.Columns)+1)
	row[0], row[len(s.Columns)] = monthWord("total", language), strconv.FormatInt(s.Total, 10)
	return row
}

// pdfLines bounds the lines of one section on paper; the CSV has all.
const pdfLines = 60

// PDF writes the report in a language, "ja" or "en".
func (m Month) PDF(w io.Writer, language string) error {
	p := &pdf{font: openFont(), foot: monthWord("title", language) + " " + m.Domain + " " + m.Month}
	for i, row := range m.head(language) {
		if i == 0 {
			p.heading(row[0], titleSize)
			continue
		}
		widths := []int{120, pageWidth - 2*margin - 120}
		if len(row) == 1 {
			widths = []int{pageWidth - 2*margin}
		}
		p.row(row, widths)
	}
	for _, s := range m.Sections {
		widths := make([]int, len(s.Columns)+1)
		for i := range s.Columns {
			widths[i] = (pageWidth - 2*margin - 70) / len(s.Columns)
		}
		widths[len(s.Columns)] = 70
		p.line(lineHeight)
		p.heading(Label{s.JA, s.EN}.in(language), fontSize+2)
		p.row(s.top(language), widths)
		p.rule()
		for i, l := range s.Lines {
			if i == pdfLines {
				p.row(append(make([]string, len(s.Columns)), "… CSV"), widths)
				break
			}
			p.row(append(append([]string{}, l.By...), strconv.FormatInt(l.Count, 10)), widths)
		}
		if len(s.Lines) == 0 {
			p.row([]string{monthWord("none", language)}, []int{pageWidth - 2*margin})
			continue
		}
		p.row(s.bottom(language), widths)
	}
	return p.write(w, p.foot)
}
