package sip

import (
	"slices"
	"strings"
	"testing"
)

func TestDiversion(t *testing.T) {
	boss := Address{Display: "Boss", URI: URI{Scheme: "sip", User: "2001", Host: "pbx.example"}}
	desk := Address{URI: URI{Scheme: "sip", User: "2002", Host: "pbx.example"}}
	for want, d := range map[string]Diversion{
		`"Boss" <sip:2001@pbx.example>;reason=deflection;counter=1;privacy=off`: {By: boss, Reason: "deflection"},
		`<sip:2001@pbx.example>;reason=unknown;counter=1;privacy=full`:          {By: boss, Reason: "a b", Private: true},
	} {
		if got := d.String(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	got := ParseDiversions([]string{desk.String() + ";reason=User-Busy, " + boss.String() + ";reason=unknown;privacy=name", "nonsense<"})
	if len(got) != 2 || got[0].By.URI.User != "2001" || got[0].Reason != "" || !got[0].Private || got[1].Reason != "user-busy" || got[1].Private {
		t.Errorf("%+v", got)
	}
	if got := ParseDiversions(slices.Repeat([]string{desk.String()}, 40)); len(got) != maxDiversions {
		t.Errorf("%d were read", len(got))
	}
}

func TestHistory(t *testing.T) {
	way := []Diversion{{By: Address{URI: URI{Scheme: "sip", User: "2001", Host: "pbx.example"}}, Reason: "no-answer"},
		{By: Address{URI: URI{Scheme: "sip", User: "2002", Host: "pbx.example"}}, Reason: "unconditional", Private: true}}
	got := FormatHistory(way, URI{Scheme: "sip", User: "2003", Host: "pbx.example"})
	want := `<sip:2001@pbx.example?Reason=SIP%3Bcause%3D408>;index=1, ` +
		`<sip:2002@pbx.example?Reason=SIP%3Bcause%3D302&Privacy=history>;index=1.1;mp=1, <sip:2003@pbx.example>;index=1.1.1;mp=1.1`
	if got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	back := ParseHistory([]string{got})
	if len(back) != 2 || back[0].Reason != "no-answer" || back[0].By.URI.User != "2001" || back[1].Reason != "unconditional" || !back[1].Private {
		t.Errorf("%+v", back)
	}
	if back := ParseHistory(slices.Repeat([]string{"<sip:x@y?Reason=SIP%3Bcause%3D486>;index=1"}, 30)); len(back) != maxDiversions {
		t.Errorf("%d were read", len(back))
	}
}

func FuzzHistory(f *testing.F) {
	f.Add(`<sip:2001@pbx.example?Reason=SIP%3Bcause%3D408&Privacy=history>;index=1, <sip:x>`)
	f.Add(`"Boss" <sip:2001@pbx.example>;reason=deflection;counter=1;privacy=off`)
	f.Fuzz(func(t *testing.T, s string) {
		for _, list := range [][]Diversion{ParseHistory([]string{s}), ParseDiversions([]string{s})} {
			if len(list) > maxDiversions {
				t.Fatalf("%d", len(list))
			}
			for _, d := range list {
				if v := d.String() + FormatHistory(list, d.By.URI); strings.ContainsAny(v, "\r\n\x00") {
					t.Fatalf("%q", v)
				}
			}
		}
	})
}
