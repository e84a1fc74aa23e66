package provisioning

import (
	"slices"
	"testing"
)

func TestPart(t *testing.T) {
	for _, c := range []struct {
		name string
		cdr  CDR
		want map[string]string // by extension
	}{
		{"answered by the one called", CDR{From: "2001", To: "2002", AnsweredBy: "2002", Rang: []Ring{{"2002", "answered"}}}, map[string]string{"2001": "placed", "2002": "received", "2003": ""}},
		{"nobody answers", CDR{From: "+81312345678", To: "2002", Rang: []Ring{{"2002", "missed"}}}, map[string]string{"2002": "missed"}},
		{"two ring, one answers", CDR{From: "+81312345678", To: "+81300000000", AnsweredBy: "2003", Rang: []Ring{{"2002", "elsewhere"}, {"2003", "answered"}}},
			map[string]string{"2002": "elsewhere", "2003": "received"}},
		{"two ring, nobody answers", CDR{From: "+81312345678", To: "+81300000000", Rang: []Ring{{"2002", "missed"}, {"2003", "busy"}}}, map[string]string{"2002": "missed", "2003": "missed"}},
		{"voicemail", CDR{From: "2001", To: "2002", AnsweredBy: "voicemail:2002", Rang: []Ring{{"2002", "missed"}}}, map[string]string{"2002": "missed"}},
		{"no telephone", CDR{From: "2001", To: "2002"}, map[string]string{"2002": "missed"}},
		{"forwarded", CDR{From: "2001", To: "2002", AnsweredBy: "2005", Rang: []Ring{{"2005", "answered"}}}, map[string]string{"2002": "elsewhere", "2005": "received"}},
		{"transferred to one who answers", CDR{From: "2001", To: "2002", AnsweredBy: "2002", Rang: []Ring{{"2002", "answered"}, {"2003", "answered"}}}, map[string]string{"2003": "received"}},
		{"transferred to one who does not", CDR{From: "2001", To: "2002", AnsweredBy: "2002", Rang: []Ring{{"2002", "answered"}, {"2003", "missed"}}}, map[string]string{"2003": "missed"}},
		{"picked up", CDR{From: "2001", To: "2002", AnsweredBy: "2003", Rang: []Ring{{"2002", "elsewhere"}}}, map[string]string{"2002": "elsewhere", "2003": "received"}},
		{"a page that is heard", CDR{From: "2001", To: "6500", AnsweredBy: "2002", Page: "c1", Rang: []Ring{{"2002", "answered"}}}, map[string]string{"2001": "", "2002": "received"}},
		{"a page that nobody hears", CDR{From: "2001", To: "6500", Page: "c1", Rang: []Ring{{"2002", "missed"}}}, map[string]string{"2001": "", "2002": "missed"}},
		{"nobody's", CDR{}, map[string]string{"": "", "2001": ""}},
	} {
		for ext, want := range c.want {
			if got, _ := c.cdr.Part(ext); got != want {
				t.Errorf("%s: %s has the part %q, want %q", c.name, ext, got, want)
			}
		}
	}
	c := CDR{From: "+81312345678", To: "2002", AnsweredBy: "voicemail:2002", Rang: []Ring{{"2002", "missed"}, {"2003", "missed"}}}
	if got := c.Insiders(); !slices.Equal(got, []string{"2002", "2003"}) {
		t.Errorf("insiders %v", got)
	}
}
