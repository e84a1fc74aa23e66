package storetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"naisen/provisioning"
)

// testHistory: an extension's calls, by part and in pages; a record that comes twice counts once.
func testHistory(t *testing.T, open Open) {
	s := fresh(t, open)
	update(t, s, system(), func(w provisioning.Writer) error {
		for i := range 20 {
			c := record(domA, fmt.Sprintf("h%02d", i), i)
			c.From, c.To, c.AnsweredBy = "+81311112222", "2001", ""
			switch i % 4 {
			case 0:
				c.Rang = []provisioning.Ring{{Extension: "2001", Outcome: "missed"}}
			case 1:
				c.AnsweredBy, c.Rang = "2001", []provisioning.Ring{{Extension: "2001", Outcome: "answered"}}
			case 2:
				c.AnsweredBy, c.Rang = "2002", []provisioning.Ring{{Extension: "2001", Outcome: "elsewhere"}, {Extension: "2002", Outcome: "answered"}}
			case 3:
				c.From, c.To = "2001", "0312345678"
			}
			for range 2 {
				if err := w.AddCDR(c); err != nil {
					return err
				}
			}
		}
		return nil
	})
	read := func(q provisioning.CDRQuery) (ids []string) {
		view(t, s, func(r provisioning.Reader) error {
			list, err := r.CDRs(domA, q)
			for _, c := range list {
				ids = append(ids, c.ID)
			}
			return err
		})
		return ids
	}
	for part, want := range map[string]string{"missed": "h16 h12 h08 h04 h00", "received": "h17 h13 h09 h05 h01", "elsewhere": "h18 h14 h10 h06 h02", "placed": "h19 h15 h11 h07 h03"} {
		if got := read(provisioning.CDRQuery{Extension: "2001", Part: part}); fmt.Sprint(got) != "["+want+"]" {
			t.Errorf("%s: %v, want %s", part, got, want)
		}
	}
	var all []string
	for after := ""; ; {
		list := read(provisioning.CDRQuery{Extension: "2001", After: after, Limit: 7})
		all = append(all, list...)
		if len(list) < 7 {
			break
		}
		after = list[len(list)-1]
	}
	if len(all) != 20 || !slices.IsSortedFunc(all, func(a, b string) int { return strings.Compare(b, a) }) {
		t.Errorf("in pages: %v", all)
	}
	for ext, want := range map[string]int{"2002": 5, "9999": 0, "+81311112222": 0, "\x00": 0} {
		if got := read(provisioning.CDRQuery{Extension: ext}); len(got) != want {
			t.Errorf("%s: %v", ext, got)
		}
	}
}
