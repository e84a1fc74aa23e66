package queue

import (
	"time"

	"naisen/provisioning"
)

// Today is what a queue did since midnight, by the definitions of the reports.
type Today struct {
	Day        string // as 2006-01-02
	Offered    int    // callers whose waiting ended, without those who gave up at once
	Answered   int
	InTime     int // of them within the target's seconds
	Abandoned  int
	Short      int // gave up within the target's short_seconds
	Overflowed int
	Kept       int // asked to be called back
	CalledBack int
}

func (t *Today) begin(now time.Time) {
	if day := now.Format(time.DateOnly); day != t.Day {
		*t = Today{Day: day}
	}
}

func (t *Today) answered(target provisioning.QueueTarget, waited time.Duration) {
	t.Offered++
	t.Answered++
	if waited <= seconds(target.Seconds, 20) {
		t.InTime++
	}
}

func (t *Today) ended(target provisioning.QueueTarget, how provisioning.Outcome, waited time.Duration) {
	switch how {
	case provisioning.OutcomeAnswered:
		t.answered(target, waited)
		return
	case provisioning.OutcomeCalledBack:
		t.CalledBack++
		return
	case provisioning.OutcomeUnreached:
		return
	case provisioning.OutcomeAbandoned:
		if waited < seconds(target.Short, 5) {
			t.Short++
			return
		}
		t.Abandoned++
	case provisioning.OutcomeKept:
		t.Kept++
	case provisioning.OutcomeTime, provisioning.OutcomeLength, provisioning.OutcomeNoAgents, provisioning.OutcomeClosed,
		provisioning.OutcomeStopped, provisioning.OutcomeMoved:
		t.Overflowed++
	}
	t.Offered++
}

// Restore counts a row of earlier today: after a restart the day goes on.
func (c *Core) Restore(now time.Time, v provisioning.QueueVisit) {
	l := c.lines[Key{v.Domain, v.Queue}]
	if l == nil || v.Ended.In(c.zone).Format(time.DateOnly) != now.In(c.zone).Format(time.DateOnly) {
		return
	}
	c.touched = true
	l.today.begin(now.In(c.zone))
	l.today.ended(l.conf.Target, v.Outcome, time.Duration(v.WaitMS)*time.Millisecond)
}

// View is the live state at one moment: plain values that never change.
type View struct {
	Queues map[Key]QueueView
	Agents map[Key]AgentView
	Places map[string]Place // of waiting callers, by call
}

// QueueView is one queue.
type QueueView struct {
	Waiting  int       // callers in calls
	Kept     int       // places kept for call-backs
	Oldest   time.Time // arrival of the caller who has waited longest; zero: nobody waits
	Agents   map[State]int
	Estimate time.Duration // for one who comes now; negative: no agent works
	Today    Today
}

// AgentView is one agent.
type AgentView struct {
	State  State
	Since  time.Time
	Queue  string   // whose call is offered, talked or wrapped up
	Reason string   // of a pause
	Queues []string // signed in to
}

// Place is where a caller stands in its line.
type Place struct {
	Queue    Key
	Position int           // 1: next
	Estimate time.Duration // negative: nobody knows
}

// View makes one; Settle has told the agents' states.
func (c *Core) View() *View {
	v := &View{Queues: make(map[Key]QueueView, len(c.lines)), Agents: make(map[Key]AgentView, len(c.agents)), Places: map[string]Place{}}
	for k, a := range c.agents { // order does not matter: it fills a map
		x := AgentView{State: a.shown, Since: a.shownSince, Queue: a.shownQueue, Reason: a.shownReason}
		for _, l := range a.lines {
			if a.staffs(l) {
				x.Queues = append(x.Queues, l.key.Number)
			}
		}
		v.Agents[k] = x
	}
	for k, l := range c.lines {
		q := QueueView{Agents: map[State]int{}, Today: l.today, Estimate: estimated(l, len(l.waiting)+1)}
		for i, w := range l.waiting {
			if w.kept != nil {
				q.Kept++
				continue
			}
			q.Waiting++
			if q.Oldest.IsZero() || w.arrived.Before(q.Oldest) {
				q.Oldest = w.arrived
			}
			v.Places[w.call] = Place{k, i + 1, estimated(l, i+1)}
		}
		for _, a := range l.members {
			if a.staffs(l) {
				q.Agents[a.shown]++
			}
		}
		v.Queues[k] = q
	}
	return v
}

func estimated(l *line, place int) time.Duration {
	if d, ok := l.estimate(place); ok {
		return d
	}
	return -1
}
