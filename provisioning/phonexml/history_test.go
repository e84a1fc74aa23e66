package phonexml

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
)

// TestHistory: every make's telephone shows the calls of its own extension as a list that it can dial from, page by page; who withheld the number, or is
// shown to others only, is not told; and an account without an extension has no calls.
func TestHistory(t *testing.T) {
	var asked []provisioning.CDRQuery
	noon := time.Date(2026, 11, 30, 3, 0, 0, 0, time.UTC)
	calls := func(n int) (list []provisioning.CDR) {
		for i := range n {
			list = append(list, provisioning.CDR{ID: fmt.Sprint("c", i), From: fmt.Sprint("+8131234", 5000+i), To: "2001", Started: noon})
		}
		return list
	}
	records := func(_ context.Context, domain string, q provisioning.CDRQuery) ([]provisioning.CDR, error) {
		asked = append(asked, q)
		switch {
		case domain != "pbx.example.jp":
			return nil, errors.New("another domain")
		case q.After == "gone":
			return nil, provisioning.ErrNotFound
		case q.After == "broken":
			return nil, errors.New("disk")
		case q.Part == provisioning.PartReceived:
			return calls(q.Limit), nil
		case q.Part == provisioning.PartPlaced:
			return []provisioning.CDR{{ID: "p", From: "2001", To: "09011112222", Withheld: "anonymous", Started: noon}}, nil
		}
		return []provisioning.CDR{
			{ID: "a", From: "+81312345678", To: "2001", Started: noon}, {ID: "b", From: "+442071838750", To: "2001", Started: noon.Add(-time.Hour)},
			{ID: "c", From: "2009", To: "2001", Withheld: "payphone", Started: noon.Add(-24 * time.Hour)}, {ID: "d", From: "110110", To: "2001", Started: noon},
		}, nil
	}
	at := func(extension, language string) http.Handler {
		return New(func() Directory { return office{people(), extension, language} }, records, nil, slog.New(slog.DiscardHandler))
	}
	h := at("2001", "ja")
	for format, c := range map[string]struct{ name, number string }{"yealink": {"Name", "Telephone"}, "grandstream": {"LastName", "phonenumber"}, "cisco.xml": {"Name", "Telephone"},
		"panasonic.xml": {"Name", "PhoneNum"}, "poly": {"ln", "ct"}} {
		w := ask(h, "pbx.example.jp/"+format+"/missed", nil)
		got := texts(t, w.Body.String())
		if w.Code != 200 || strings.Join(got[c.number], "|") != "0312345678|+442071838750|110110" {
			t.Errorf("%s: %d, numbers %v", format, w.Code, got[c.number])
		}
		names := strings.Join(got[c.name], "|")
		want := "11/30 12:00 山田 太郎|11/30 11:00 +442071838750|11/29 12:00 公衆電話|11/30 12:00 110110"
		if format == "cisco.xml" || format == "poly" { // an entry is a number there
			want = strings.Replace(want, "|11/29 12:00 公衆電話", "", 1)
		}
		if names != want {
			t.Errorf("%s: names %q", format, names)
		}
	}
	if q := asked[0]; q.Extension != "2001" || q.Part != provisioning.PartMissed {
		t.Errorf("asked for %+v", q)
	}
	got := texts(t, ask(h, "pbx.example.jp/cisco/received", nil).Body.String())
	if len(got["Telephone"]) != 32 || got["Title"][0] != "着信履歴" || len(got["URL"]) != 1 || !strings.HasSuffix(got["URL"][0], "/phonebook/pbx.example.jp/cisco/received?after=c31&limit=32") {
		t.Errorf("a page: %d %v %v", len(got["Telephone"]), got["Title"], got["URL"])
	}
	if w := ask(at("2001", "en"), "pbx.example.jp/cisco/placed", nil); !strings.Contains(w.Body.String(), "<Title>Placed calls</Title>") || !strings.Contains(w.Body.String(), "<Telephone>09011112222</Telephone>") {
		t.Errorf("placed: %s", w.Body)
	}
	for path, want := range map[string]int{"yealink/missed?after=gone": 404, "yealink/missed?after=broken": 500, "yealink/all": 404, "nokia/missed": 404, "yealink/missed?limit=0": 400} {
		if w := ask(h, "pbx.example.jp/"+path, nil); w.Code != want || strings.Contains(w.Body.String(), "disk") {
			t.Errorf("%s: %d %s, want %d", path, w.Code, w.Body, want)
		}
	}
	before := len(asked)
	for name, c := range map[string]struct {
		h      http.Handler
		change func(*http.Request)
		want   int
	}{
		"without an extension": {at("", "ja"), nil, 403}, "a wrong secret": {h, func(r *http.Request) { r.SetBasicAuth("desk", "wrong") }, 401},
		"in the open": {h, func(r *http.Request) { r.TLS = nil }, 403},
	} {
		if w := ask(c.h, "pbx.example.jp/yealink/missed", c.change); w.Code != c.want {
			t.Errorf("%s: %d, want %d", name, w.Code, c.want)
		}
	}
	if len(asked) != before {
		t.Error("records were read for somebody who may not see them")
	}
}
