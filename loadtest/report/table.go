package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// row is one figure.
type row struct {
	what, unit string
	values     []float64 // one for each run
	target     string
	note       string
}

// table is the figures of a section, in the order in which they first came.
type table struct{ rows []*row }

// add notes one run's value of a figure.
func (t *table) add(what, unit, target string, value float64) *row {
	for _, r := range t.rows {
		if r.what == what {
			r.values = append(r.values, value)
			return r
		}
	}
	r := &row{what: what, unit: unit, target: target, values: []float64{value}}
	t.rows = append(t.rows, r)
	return r
}

// ratio adds the medians of two figures, one by the other; nothing if one of them is not there.
func (t *table) ratio(what, target, over, under string) {
	if a, b := t.median(over), t.median(under); a > 0 && b > 0 {
		t.add(what, "", target, a/b)
	}
}

// difference adds what one figure's median is above another's.
func (t *table) difference(what, unit, target, more, less string) {
	if a, b := t.median(more), t.median(less); a > 0 && b > 0 {
		t.add(what, unit, target, a-b)
	}
}

// median of a figure; 0 if there is none.
func (t *table) median(what string) float64 {
	for _, r := range t.rows {
		if r.what == what {
			return median(slices.Sorted(slices.Values(r.values)))
		}
	}
	return 0
}

// String is the table in markdown.
func (t *table) String() string {
	var b strings.Builder
	b.WriteString("| figure | median | min to max | target | note |\n|---|---|---|---|---|\n")
	for _, r := range t.rows {
		v := slices.Sorted(slices.Values(r.values))
		spread := "one run"
		if len(v) > 1 {
			spread = number(v[0]) + " to " + number(v[len(v)-1])
		}
		fmt.Fprintf(&b, "| %s | %s %s | %s | %s | %s |\n", r.what, number(median(v)), r.unit, spread, r.target, r.note)
	}
	return b.String()
}

func median(sorted []float64) float64 {
	n := len(sorted)
	if n == 0 {
		return math.NaN()
	}
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// number writes three digits that mean something.
func number(v float64) string {
	switch a := math.Abs(v); {
	case v == math.Trunc(v) || a >= 100:
		return fmt.Sprintf("%.0f", v)
	case a >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}
