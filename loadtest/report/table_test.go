package main

import (
	"math"
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	var tab table
	for _, v := range []float64{9, 1, 2.5} {
		tab.add("set-up", "ms", "≤ 10 ms", v)
	}
	tab.add("lost", "", "0", 0).note = "of 100"
	tab.add("work", "µs", "", 12)
	tab.ratio("work / set-up", "≤ 1", "work", "set-up")
	tab.ratio("nothing", "", "work", "not there")
	tab.difference("work - set-up", "µs", "", "work", "set-up")
	got := tab.String()
	if strings.Contains(got, "nothing") {
		t.Errorf("a ratio of nothing:\n%s", got)
	}
	for _, want := range []string{"| set-up | 2.50 ms | 1 to 9 | ≤ 10 ms |  |\n", "| lost | 0  | one run | 0 | of 100 |\n",
		"| work / set-up | 4.80  | one run | ≤ 1 |  |\n", "| work - set-up | 9.50 µs | one run |  |  |\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

func TestMedian(t *testing.T) {
	if !math.IsNaN(median(nil)) || median([]float64{1, 2, 10}) != 2 || median([]float64{1, 2, 4, 10}) != 3 {
		t.Error("median")
	}
	for v, want := range map[float64]string{0: "0", 0.123: "0.12", 12.34: "12.3", 123.4: "123", 5000: "5000", -1.5: "-1.50"} {
		if got := number(v); got != want {
			t.Errorf("%v: %s, want %s", v, got, want)
		}
	}
}
