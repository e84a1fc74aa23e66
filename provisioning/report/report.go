// Package report counts what queues and agents did. It is pure: rows of the log go in, a table with its definitions comes out. It reads no
// store, and it never decides who may see what.
package report

import (
	"cmp"
	"errors"
	"math"
	"slices"
	"strings"
	"time"

	"naisen/provisioning"
)

// By is what a report has lines for.
type By string

// The reports.
const (
	ByQueue By = "queues"
	ByAgent By = "agents"
	ByDID   By = "dids"
)

// Ask says what is counted.
type Ask struct {
	By          By
	From, Until time.Time
	Interval    time.Duration                       // a line for each; 0: one for the whole time
	Zone        *time.Location                      // in which days and hours begin
	Targets     map[string]provisioning.QueueTarget // by queue; its zero value is the default
}

// ErrTooMany says that the table would have too many lines.
var ErrTooMany = errors.New("report: too many lines: ask for a shorter time or a longer interval")

// maxLines bounds a table.
const maxLines = 50_000

// Line is one queue, agent or DID in one interval. Times are seconds.
type Line struct {
	Key        string    `json:"key"`
	From       time.Time `json:"from"`
	Offered    int       `json:"offered"`
	Answered   int       `json:"answered"`
	InTime     int       `json:"in_time"`
	Level      *float64  `json:"service_level,omitempty" doc:"Per cent; absent where nobody was offered"`
	Abandoned  int       `json:"abandoned"`
	Short      int       `json:"short_abandoned"`
	Overflowed int       `json:"overflowed"`
	Kept       int       `json:"call_backs_asked"`
	CalledBack int       `json:"called_back"`
	Unreached  int       `json:"unreached"`
	WaitMean   float64   `json:"wait_mean_s"`
	WaitMax    float64   `json:"wait_max_s"`
	TalkMean   float64   `json:"talk_mean_s"`
	Talk       float64   `json:"talk_s"`
	WrapUp     float64   `json:"wrap_up_s"`
	SignedIn   float64   `json:"signed_in_s,omitempty" doc:"Agents only, as all below"`
	Paused     float64   `json:"paused_s,omitempty"`
	Missed     int       `json:"missed,omitempty" doc:"Calls offered and not answered"`
	Occupancy  *float64  `json:"occupancy,omitempty" doc:"Per cent"`

	waits int // whose waiting is in WaitMean
}

// Table is a report.
type Table struct {
	By          By           `json:"by"`
	From        time.Time    `json:"from"`
	Until       time.Time    `json:"until"`
	Lines       []Line       `json:"lines" nullable:"false"`
	Definitions []Definition `json:"definitions" nullable:"false"`
}

type place struct {
	key  string
	from int64
}

type builder struct {
	ask   Ask
	lines map[place]*Line
}

// Build counts visits and stints that began in the time that was asked for; others are passed over.
func Build(ask Ask, visits []provisioning.QueueVisit, stints []provisioning.AgentStint) (Table, error) {
	if ask.Zone == nil {
		ask.Zone = time.UTC
	}
	b := &builder{ask, map[place]*Line{}}
	for _, v := range visits {
		if l := b.line(b.keyOf(v), v.Arrived); l != nil {
			b.visit(l, v)
		}
	}
	for _, s := range stints {
		key := map[By]string{ByQueue: s.Queue, ByAgent: s.Agent}[ask.By]
		if l := b.line(key, s.Started); l != nil {
			b.stint(l, s)
		}
	}
	if len(b.lines) > maxLines {
		return Table{}, ErrTooMany
	}
	t := Table{By: ask.By, From: ask.From, Until: ask.Until, Lines: make([]Line, 0, len(b.lines)), Definitions: Definitions()}
	for _, l := range b.lines {
		l.finish()
		t.Lines = append(t.Lines, *l)
	}
	slices.SortFunc(t.Lines, func(x, y Line) int { return cmp.Or(x.From.Compare(y.From), strings.Compare(x.Key, y.Key)) })
	return t, nil
}

// keyOf a visit; empty: it has no line in this report.
func (b *builder) keyOf(v provisioning.QueueVisit) string {
	switch b.ask.By {
	case ByAgent:
		return v.Agent
	case ByDID:
		return v.DID
	case ByQueue:
	}
	return v.Queue
}

func (b *builder) line(key string, at time.Time) *Line {
	if key == "" || at.Before(b.ask.From) || !at.Before(b.ask.Until) {
		return nil
	}
	from := b.ask.From
	if d := b.ask.Interval; d > 0 {
		_, offset := at.In(b.ask.Zone).Zone()
		shift := time.Duration(offset) * time.Second
		from = at.Add(shift).Truncate(d).Add(-shift)
	}
	p := place{key, from.UnixNano()}
	l := b.lines[p]
	if l == nil {
		l = &Line{Key: key, From: from.In(b.ask.Zone)}
		b.lines[p] = l
	}
	return l
}

func (b *builder) visit(l *Line, v provisioning.QueueVisit) {
	target := b.ask.Targets[v.Queue]
	wait := time.Duration(v.WaitMS) * time.Millisecond
	switch v.Outcome {
	case provisioning.OutcomeAnswered:
		l.Answered++
		l.Talk += float64(v.TalkMS) / 1000
		if wait <= time.Duration(cmp.Or(target.Seconds, 20))*time.Second {
			l.InTime++
		}
	case provisioning.OutcomeAbandoned:
		if wait < time.Duration(cmp.Or(target.Short, 5))*time.Second {
			l.Short++
			return
		}
		l.Abandoned++
	case provisioning.OutcomeCalledBack:
		l.CalledBack++
		return
	case provisioning.OutcomeUnreached:
		l.Unreached++
		return
	case provisioning.OutcomeKept:
		l.Kept++
	case provisioning.OutcomeTime, provisioning.OutcomeLength, provisioning.OutcomeNoAgents, provisioning.OutcomeClosed,
		provisioning.OutcomeStopped, provisioning.OutcomeMoved:
		l.Overflowed++
	}
	l.Offered++
	l.waits++
	l.WaitMean += wait.Seconds()
	l.WaitMax = max(l.WaitMax, wait.Seconds())
}

// stint counts what an agent did. Talking is counted from the visits; here it is part of the occupancy.
func (b *builder) stint(l *Line, s provisioning.AgentStint) {
	d := s.Ended.Sub(s.Started).Seconds()
	if s.State == "wrap-up" {
		l.WrapUp += d
	}
	if b.ask.By != ByAgent {
		return
	}
	l.SignedIn += d
	switch s.State {
	case "paused", "unreachable":
		l.Paused += d
	case "talking", "wrap-up":
		if l.Occupancy == nil {
			l.Occupancy = new(float64)
		}
		*l.Occupancy += d
	case "resting":
		l.Missed++
	}
}

// finish makes means and shares of sums.
func (l *Line) finish() {
	if l.Offered > 0 {
		level := tenths(100 * float64(l.InTime) / float64(l.Offered))
		l.Level = &level
	}
	if l.waits > 0 {
		l.WaitMean = tenths(l.WaitMean / float64(l.waits))
	}
	if l.Answered > 0 {
		l.TalkMean = tenths(l.Talk / float64(l.Answered))
	}
	if work := l.SignedIn - l.Paused; work > 0 {
		share := 0.0
		if l.Occupancy != nil {
			share = *l.Occupancy
		}
		share = tenths(100 * share / work)
		l.Occupancy = &share
	}
	for _, f := range []*float64{&l.WaitMax, &l.Talk, &l.WrapUp, &l.SignedIn, &l.Paused} {
		*f = tenths(*f)
	}
}

func tenths(f float64) float64 { return math.Round(10*f) / 10 }
