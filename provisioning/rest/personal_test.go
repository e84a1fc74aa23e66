package rest

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
)

// TestPersonalHistory: staff see their own calls and nobody else's, with the names that they may know.
func TestPersonalHistory(t *testing.T) {
	r := newRig(t)
	at := time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)
	must(t, r.store.Update(t.Context(), provisioning.Subject{System: true}, func(w provisioning.Writer) error {
		for i, c := range []provisioning.CDR{
			{ID: "m1", From: "+81311112222", To: "+81312345678", Rang: []provisioning.Ring{{Extension: "2001", Outcome: "missed"}, {Extension: "2002", Outcome: "missed"}}},
			{ID: "e1", From: "+81311112222", To: "2001", AnsweredBy: "2002", TalkMS: 5000, Rang: []provisioning.Ring{{Extension: "2001", Outcome: "elsewhere"}, {Extension: "2002", Outcome: "answered"}}},
			{ID: "w1", From: "", Withheld: "payphone", To: "2001", AnsweredBy: "2001", TalkMS: 7000},
			{ID: "h1", From: "2002", Withheld: "anonymous", To: "2001", AnsweredBy: "2001", TalkMS: 3000},
			{ID: "p1", From: "2001", Withheld: "anonymous", To: "0399990000", AnsweredBy: "0399990000", TalkMS: 1000},
		} {
			c.Domain, c.Started, c.Ended = here, at.Add(time.Duration(i)*time.Minute), at.Add(time.Hour)
			if err := w.AddCDR(c); err != nil {
				return err
			}
		}
		for _, c := range []provisioning.Contact{
			{ID: "ward", Name: "区役所", Numbers: []provisioning.ContactNumber{{Kind: "work", Number: "03-1111-2222"}}},
			{ID: "mayor", Name: "市長", Numbers: []provisioning.ContactNumber{{Kind: "work", Number: "03-9999-0000"}}, Visible: provisioning.Visibility{Departments: []string{"秘書課"}}},
		} {
			if _, err := w.Put(here, c, ""); err != nil {
				return err
			}
		}
		return nil
	}))
	read := func(who, query string) string {
		p := r.do(t, who, "GET", base+"/extensions/2001/history"+query, "")
		if p.status != 200 {
			return fmt.Sprint(p.status)
		}
		var got struct{ Items []provisioning.HistoryItem }
		must(t, json.Unmarshal([]byte(p.body), &got))
		var out []string
		for _, h := range got.Items {
			out = append(out, strings.Join([]string{h.Call, h.Part, h.Number + h.Withheld, h.Name, h.AnsweredBy, fmt.Sprint(h.TalkMS)}, " "))
		}
		return strings.Join(out, "\n")
	}
	const missed = "m1 missed +81311112222 区役所  0"
	all := "p1 placed 0399990000  0399990000 1000\nh1 received anonymous   3000\nw1 received payphone   7000\ne1 elsewhere +81311112222 区役所 2002 5000\n" + missed +
		"\ncdr3 received x   0\ncdr1 placed 2002 2002  0"
	for _, c := range []struct{ who, query, want string }{
		{"alice+staff", "", all}, {"alice+staff", "?part=missed", missed}, {"alice+staff", "?part=received&limit=1", "h1 received anonymous   3000"},
		{"alice+staff", "?after=e1&limit=1", missed}, {"bob+staff", "", "404"}, {"tess+telephony", "", "403"}, {"aud+auditor", "?part=missed", missed},
		{"root+admin", "?part=placed&limit=1", "p1 placed 0399990000 市長 0399990000 1000"}, {"alice+staff", "?part=nonsense", "422"}, {"alice+staff", "?after=none", "404"},
	} {
		if got := read(c.who, c.query); got != c.want {
			t.Errorf("%s %s:\n%s\nwant:\n%s", c.who, c.query, got, c.want)
		}
	}
}
