package report

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
	"naisen/provisioning/table"
)

func at(minute int) time.Time { return time.Date(2026, 4, 1, 0, minute, 0, 0, time.UTC) }

func visit(minute int, how provisioning.Outcome, wait, talk int, change ...func(*provisioning.QueueVisit)) provisioning.QueueVisit {
	v := provisioning.QueueVisit{Queue: "7001", DID: "+81311112222", Arrived: at(minute), Outcome: how, WaitMS: int64(wait) * 1000, TalkMS: int64(talk) * 1000}
	for _, f := range change {
		f(&v)
	}
	return v
}

func by(agent string) func(*provisioning.QueueVisit) {
	return func(v *provisioning.QueueVisit) { v.Agent = agent }
}

var visits = []provisioning.QueueVisit{
	visit(1, provisioning.OutcomeAnswered, 10, 120, by("2001")),
	visit(2, provisioning.OutcomeAnswered, 40, 60, by("2002")),
	visit(3, provisioning.OutcomeAbandoned, 3, 0),
	visit(4, provisioning.OutcomeAbandoned, 90, 0),
	visit(5, provisioning.OutcomeTime, 180, 0),
	visit(6, provisioning.OutcomeKept, 40, 0),
	visit(20, provisioning.OutcomeCalledBack, 900, 0, by("2001")),
	visit(21, provisioning.OutcomeUnreached, 900, 0),
	visit(70, provisioning.OutcomeAnswered, 0, 30, by("2001")),
}

var stints = []provisioning.AgentStint{
	{Agent: "2001", State: "ready", Started: at(0), Ended: at(5)},
	{Agent: "2001", State: "talking", Queue: "7001", Started: at(5), Ended: at(9)},
	{Agent: "2001", State: "wrap-up", Queue: "7001", Started: at(9), Ended: at(10)},
	{Agent: "2001", State: "paused", Reason: "lunch", Started: at(10), Ended: at(15)},
	{Agent: "2001", State: "resting", Started: at(15), Ended: at(16)},
	{Agent: "2001", State: "ready", Started: at(60), Ended: at(61)},
}

func build(t *testing.T, ask Ask) []Line {
	t.Helper()
	if ask.Until.IsZero() {
		ask.From, ask.Until = at(0), at(120)
	}
	table, err := Build(ask, visits, stints)
	if err != nil {
		t.Fatal(err)
	}
	return table.Lines
}

func TestByQueue(t *testing.T) {
	got := build(t, Ask{By: ByQueue})
	level := 33.3
	want := Line{Key: "7001", From: at(0), Offered: 6, Answered: 3, InTime: 2, Level: &level, Abandoned: 1, Short: 1, Overflowed: 1, Kept: 1,
		CalledBack: 1, Unreached: 1, WaitMean: 60, WaitMax: 180, TalkMean: 70, Talk: 210, WrapUp: 60, waits: 6}
	if len(got) != 1 || !reflect.DeepEqual(got[0], want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	strict := build(t, Ask{By: ByQueue, Targets: map[string]provisioning.QueueTarget{"7001": {Seconds: 5, Short: 2}}})
	if strict[0].InTime != 1 || strict[0].Short != 0 || strict[0].Abandoned != 2 || strict[0].Offered != 7 {
		t.Errorf("by the queue's own target: %+v", strict[0])
	}
}

func TestByAgent(t *testing.T) {
	got := build(t, Ask{By: ByAgent})
	if len(got) != 2 || got[0].Key != "2001" || got[1].Key != "2002" {
		t.Fatalf("%+v", got)
	}
	// 17 minutes signed in, 5 of them paused; 4 talking and 1 wrapping up of the other 12.
	if l := got[0]; l.Answered != 2 || l.CalledBack != 1 || l.SignedIn != 17*60 || l.Paused != 300 || l.WrapUp != 60 || l.Missed != 1 || *l.Occupancy != 41.7 {
		t.Errorf("%+v, occupancy %v", l, *l.Occupancy)
	}
	if got[1].Occupancy != nil {
		t.Error("an occupancy without having been signed in")
	}
}

func TestByDIDAndInterval(t *testing.T) {
	tokyo := time.FixedZone("JST", 9*3600)
	got := build(t, Ask{By: ByDID, Interval: time.Hour, Zone: tokyo})
	if len(got) != 2 || got[0].Offered != 5 || got[1].Offered != 1 || !got[1].From.Equal(at(60)) || got[0].WrapUp != 0 {
		t.Errorf("%+v", got)
	}
	day := build(t, Ask{By: ByQueue, Interval: 24 * time.Hour, Zone: tokyo})
	if len(day) != 1 || !day[0].From.Equal(at(0).Add(-9*time.Hour)) {
		t.Errorf("a day in Tokyo begins at %v", day[0].From)
	}
	if part := build(t, Ask{By: ByQueue, From: at(2), Until: at(5)}); part[0].Offered != 2 {
		t.Errorf("only what began in the time: %+v", part)
	}
}

func TestTooMany(t *testing.T) {
	var many []provisioning.QueueVisit
	for i := range maxLines + 1 {
		v := visit(1, provisioning.OutcomeAnswered, 1, 1)
		v.DID = fmt.Sprint("+81", i)
		many = append(many, v)
	}
	if _, err := Build(Ask{By: ByDID, From: at(0), Until: at(5)}, many, nil); !errors.Is(err, ErrTooMany) {
		t.Error(err)
	}
}

// TestCSV: every column is defined and printed, and no cell is a formula.
func TestCSV(t *testing.T) {
	for in, want := range map[string]string{"=1+1": "'=1+1", "+81311112222": "'+81311112222", "-1": "'-1", "@x": "'@x", "\tx": "'\tx", "2001": "2001", "": ""} {
		if got := table.Guarded(in); got != want {
			t.Errorf("%q is written %q", in, got)
		}
	}
	table, err := Build(Ask{By: ByDID, From: at(0), Until: at(120)}, visits, nil)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := table.CSV(&b); err != nil {
		t.Fatal(err)
	}
	r := csv.NewReader(strings.NewReader(strings.TrimPrefix(b.String(), bom)))
	r.FieldsPerRecord = -1
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if rows[1][0] != "'+81311112222" || len(rows[0]) != len(rows[1]) || len(rows) != 3+len(table.Definitions) {
		t.Errorf("%d columns, %d cells, %d rows: %q", len(rows[0]), len(rows[1]), len(rows), rows[1])
	}
	columns := reflect.TypeFor[Line]().NumField() - 3 // without key, from, and what only counts
	if len(table.Definitions) != columns {
		t.Errorf("%d definitions for %d columns", len(table.Definitions), columns)
	}
	for i, d := range table.Definitions {
		tag, _, _ := strings.Cut(reflect.TypeFor[Line]().Field(i+2).Tag.Get("json"), ",")
		if d.Column != tag || d.JA == "" || d.EN == "" {
			t.Errorf("column %d is %s, its definition %+v", i, tag, d)
		}
	}
}
