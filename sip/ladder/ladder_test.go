package ladder

import (
	"testing"
	"time"
)

func TestDraw(t *testing.T) {
	ms := time.Millisecond
	for _, c := range []struct {
		name  string
		lanes []string
		rungs []Rung
		want  string
	}{
		{"a call", []string{"alice", "pbx", "bob"}, []Rung{
			{0, 0, 1, "INVITE", false}, {10*ms + 999, 1, 0, "100 Trying", false}, {12 * ms, 1, 2, "INVITE", true}, {512 * ms, 1, 2, "INVITE", false},
			{63040 * ms, 2, 1, "BYE", true},
		}, "" +
			"          alice             pbx               bob\n" +
			"       0m | INVITE -------->|                 |\n" +
			"      10m |<---- 100 Trying |                 |\n" +
			"      12m |                 | INVITE --------x|\n" +
			"     512m |                 | INVITE -------->|\n" +
			"   63040m |                 |x----------- BYE |\n"},
		{"a long label, over two lanes", []string{"a", "b", "c"}, []Rung{
			{0, 1, 0, "481 Call/Transaction Does Not Exist", false}, {0, 0, 2, "481 Call/Transaction Does Not Exist", false}}, "" +
			"          a                 b                 c\n" +
			"       0m |<- 481 Call/Tran |                 |\n" +
			"       0m | 481 Call/Transaction Does Not E ->|\n"},
		{"not in the ladder", []string{"a", "b"}, []Rung{{0, 0, 0, "INVITE", false}, {0, -1, 1, "INVITE", false}, {0, 0, 2, "INVITE", false}}, "" +
			"          a                 b\n" +
			"       0m |                 |\n" +
			"       0m |                 |\n" +
			"       0m |                 |\n"},
		{"hostile words", []string{"a\x1b[2J", "b"}, []Rung{{0, 0, 1, "200 \x1b]0;\u202eé\n", false}}, "" +
			"          a?[2J             b\n" +
			"       0m | 200 ?]0;??? --->|\n"},
		{"nobody", nil, []Rung{{0, 0, 1, "INVITE", false}}, "\n       0m  \n"},
	} {
		if got := Draw(c.lanes, c.rungs); got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", c.name, got, c.want)
		}
	}
}
