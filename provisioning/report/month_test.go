package report

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"naisen/provisioning"
	"naisen/provisioning/audit"
)

var jst = time.FixedZone("JST", 9*3600)

// monthEntries are of three months and two domains.
func monthEntries(n int) (out []provisioning.AuditEntry) {
	r := rand.New(rand.NewPCG(3, 3))
	var actions []string
	for a := range audit.Events() {
		actions = append(actions, a)
	}
	for i := range n {
		e := provisioning.AuditEntry{Seq: int64(i + 1), Time: time.Date(2026, 9, 30, 14, 59, 59, 999, time.UTC).Add(time.Duration(r.IntN(63*24)) * time.Hour), Domain: "a.example", Subject: fmt.Sprint("u", r.IntN(9), "@a.example"),
			Action: actions[r.IntN(len(actions))], Object: fmt.Sprint("=o", r.IntN(5)), Outcome: []string{"ok", "allowed", "denied", "failed"}[r.IntN(4)], Reason: []string{"", "苦情"}[r.IntN(2)], Rule: "not-granted"}
		if r.IntN(5) == 0 {
			e.Domain = "b.example"
		}
		if e.Kind = string(audit.KindOf(e.Action)); r.IntN(3) == 0 {
			e.Kind = "" // of before
		}
		out = append(out, e)
	}
	return append(out, provisioning.AuditEntry{Time: time.Date(2026, 10, 5, 0, 0, 0, 0, time.UTC), Domain: "a.example", Subject: "many", Action: "sip.sign-in", Object: "many", Outcome: "denied", Reason: "wrong",
		Detail: map[string]any{"count": 4000.0}})
}

func october(t *testing.T, entries []provisioning.AuditEntry) Month {
	t.Helper()
	from, until, err := MonthOf("2026-10", jst)
	if err != nil {
		t.Fatal(err)
	}
	c := NewCounter("a.example", "2026-10", from, until, until)
	for _, e := range entries {
		c.Add(e)
	}
	c.Open("listening-request", "q1", "u1@a.example", from.Add(-time.Hour), nil)
	c.Open("listening-request", "q2", "u2@a.example", from, &provisioning.Review{At: until})
	c.Open("listening-request", "q3", "u3@a.example", from, &provisioning.Review{At: until.Add(-1)})
	c.Open("emergency-sign-in", "e1", "u4@a.example", until, nil)
	return c.Month()
}

// TestMonthIsARecount: each number of the report is what a recount of the entries, by other means, comes to.
func TestMonthIsARecount(t *testing.T) {
	entries := monthEntries(20_000)
	m := october(t, entries)
	want := map[string]int64{}
	var all int64
	for _, e := range entries {
		if at := e.Time.In(jst); e.Domain != "a.example" || at.Year() != 2026 || at.Month() != time.October {
			continue
		}
		all++
		n := int64(1)
		if e.Subject == "many" {
			n = 4000
		}
		kind := string(audit.Events()[e.Action])
		want["all|"+kind+"|"+e.Outcome] += n
		if kind == "sign-in" {
			want["sign-ins|"+e.Action+"|"+e.Outcome] += n
		}
		if e.Outcome == "denied" {
			why := e.Reason
			if why == "" {
				why = e.Rule
			}
			want["refusals|"+e.Action+"|"+why] += n
		}
		words := strings.Split(e.Action, ".")
		last := words[len(words)-1]
		if kind == "admin" && e.Outcome == "ok" && last != "read" && last != "watch" && last != "report" && last != "hear" {
			want["changes|"+words[0]+"|"+e.Subject] += n
		}
		switch {
		case e.Outcome == "allowed" && regexp.MustCompile(`^(recording\.(listen|download)|message\.listen|call\.monitor)$`).MatchString(e.Action):
			want["listenings|"+e.Action+"|"+e.Subject] += n
		case e.Outcome == "allowed" && e.Action == "recording.export":
			want["exports|"+e.Subject] += n
		case e.Action == "recording.destroyed":
			want["destructions|"+e.Subject] += n
		case e.Outcome == "allowed" && e.Action == "listening.break-glass":
			why := e.Reason
			if why == "" {
				why = e.Rule
			}
			want["break-glass|"+e.Subject+"|"+why] += n
		case e.Outcome != "denied" && e.Action == "listening.review":
			want["reviews|"+e.Subject] += n
		case e.Action == "device.register":
			want["devices|"+e.Object] += n
		case e.Action == "call.emergency":
			want["emergency|"+e.Object] += n
		case e.Action == "alarm.raised":
			want["alarms|"+e.Object] += n
		}
	}
	want["open-reviews|listening-request|q1|u1@a.example"], want["open-reviews|listening-request|q2|u2@a.example"] = 1, 1
	got := map[string]int64{}
	for _, s := range m.Sections {
		sum := int64(0)
		for _, l := range s.Lines {
			got[s.Key+"|"+strings.Join(l.By, "|")] += l.Count
			sum += l.Count
		}
		if sum != s.Total || len(s.Lines) == 0 || s.JA == "" || s.EN == "" {
			t.Errorf("%s: lines come to %d, the total says %d", s.Key, sum, s.Total)
		}
	}
	if m.Entries != all || len(got) != len(want) {
		t.Errorf("%d entries, recounted %d; %d lines, recounted %d", m.Entries, all, len(got), len(want))
	}
	for k, n := range want {
		if got[k] != n {
			t.Errorf("%s: %d, recounted %d", k, got[k], n)
		}
	}
}

// TestMonthCSV: the file has the same numbers in both languages, and no cell is a formula.
func TestMonthCSV(t *testing.T) {
	m := october(t, monthEntries(500))
	for _, language := range []string{"ja", "en"} {
		var b bytes.Buffer
		if err := m.CSV(&b, language); err != nil {
			t.Fatal(err)
		}
		r := csv.NewReader(strings.NewReader(strings.TrimPrefix(b.String(), bom)))
		r.FieldsPerRecord = -1
		rows, err := r.ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		lines := 0
		for _, row := range rows {
			for _, c := range row {
				if strings.HasPrefix(c, "=") {
					t.Errorf("a formula: %q", c)
				}
			}
			if _, err := strconv.Atoi(row[len(row)-1]); err == nil && len(row) > 1 {
				lines++
			}
		}
		want := 1 + len(m.Sections) // entries, and each section's total
		for _, s := range m.Sections {
			want += len(s.Lines)
		}
		if lines != want || rows[0][0] != monthWord("title", language) {
			t.Errorf("%s: %d lines with a number, want %d", language, lines, want)
		}
	}
}

// TestMonthArchived: a report that lacks entries says so, in each form; one that was made in time does not.
func TestMonthArchived(t *testing.T) {
	from, until, err := MonthOf("2026-10", jst)
	if err != nil {
		t.Fatal(err)
	}
	for archived, want := range map[time.Time]bool{{}: false, from: false, from.Add(1): true, until: true} {
		c := NewCounter("a.example", "2026-10", from, until, until)
		c.Archived(archived)
		var csv bytes.Buffer
		if err := c.Month().CSV(&csv, "ja"); err != nil || c.Month().Archived != want || strings.Contains(csv.String(), monthWord("archived", "ja")) != want {
			t.Errorf("%v: %s %v", archived, csv.String(), err)
		}
	}
}

// TestMonthPDF: the document's table of objects is right, and its text is the report's.
func TestMonthPDF(t *testing.T) {
	m := october(t, monthEntries(500))
	var b bytes.Buffer
	if err := m.PDF(&b, "ja"); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	start := regexp.MustCompile(`startxref\n(\d+)\n%%EOF\n$`).FindStringSubmatch(text)
	if start == nil {
		t.Fatal("no end")
	}
	at, _ := strconv.Atoi(start[1])
	table := strings.Split(text[at:], "\n")
	var size int
	if _, err := fmt.Sscanf(table[1], "0 %d", &size); err != nil || table[0] != "xref" || size < 9 {
		t.Fatalf("%q %v", table[:2], err)
	}
	for i := 1; i < size; i++ {
		offset, err := strconv.Atoi(table[2+i][:10])
		if err != nil || len(table[2+i]) != 19 || !strings.HasPrefix(text[offset:], fmt.Sprintf("%d 0 obj\n", i)) {
			t.Fatalf("object %d is not at %q", i, table[2+i])
		}
	}
	for _, x := range regexp.MustCompile(`/Length (\d+) >>\nstream\n`).FindAllStringSubmatchIndex(text, -1) {
		if n, _ := strconv.Atoi(text[x[2]:x[3]]); !strings.HasPrefix(text[x[1]+n:], "endstream") {
			t.Errorf("a stream is not %d octets long", n)
		}
	}
	var said strings.Builder
	letters := map[uint16]rune{}
	for r, g := range openFont().glyphs {
		letters[uint16(g.cid)] = r
	}
	for _, line := range regexp.MustCompile(`(?m)^BT .* ET$`).FindAllString(text, -1) {
		for _, x := range regexp.MustCompile(`/F([12]) [0-9]+ Tf <([0-9A-F]+)> Tj`).FindAllStringSubmatch(line, -1) {
			var units []uint16
			for i := 0; i < len(x[2]); i += 4 {
				u, err := strconv.ParseUint(x[2][i:i+4], 16, 16)
				if err != nil {
					t.Fatal(err)
				}
				if units = append(units, uint16(u)); x[1] == "1" {
					units = append(units[:len(units)-1], utf16.Encode([]rune{letters[uint16(u)]})...)
				}
			}
			said.WriteString(string(utf16.Decode(units)))
		}
		said.WriteString("\n")
	}
	for _, s := range m.Sections {
		if !strings.Contains(said.String(), s.JA+"\n") || !strings.Contains(said.String(), "合計\n") {
			t.Errorf("%s is not in the document", s.JA)
		}
	}
}

func TestMonthOf(t *testing.T) {
	from, until, err := MonthOf("2026-02", jst)
	if err != nil || !from.Equal(time.Date(2026, 1, 31, 15, 0, 0, 0, time.UTC)) || until.Sub(from) != 28*24*time.Hour {
		t.Errorf("%v %v %v", from, until, err)
	}
	for _, bad := range []string{"", "2026", "2026-13", "2026-1", "2026-01-01", "x"} {
		if _, _, err := MonthOf(bad, jst); !errors.Is(err, ErrMonth) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
