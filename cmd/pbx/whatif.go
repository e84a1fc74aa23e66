package main

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"naisen/cmd/pbx/internal/route"
	"naisen/provisioning"
	"naisen/provisioning/directory"
)

const (
	whatIfPage     = 20_000 // calls of one question
	whatIfChunk    = 1_000  // records read together
	whatIfExamples = 5
)

// whatIf tries sets of changes on the calls of the last month: the plan of each is made from the directory as it is, and as it would be. Nothing is
// changed: the other directory is read out of a transaction that is given up.
type whatIf struct {
	store     provisioning.Store
	directory *directory.Directory
	clock     func() time.Time
}

// WhatIf implements provisioning.WhatIf. ctx ends it between two calls.
func (t whatIf) WhatIf(ctx context.Context, who provisioning.Subject, domain string, s provisioning.ChangeSet, q provisioning.WhatIfQuery) (out provisioning.WhatIfAnswer, err error) {
	now := t.clock()
	var would *directory.Snapshot
	_, err = provisioning.Rehearse(ctx, t.store, who, domain, s, provisioning.Wish{By: who.User + "@" + who.Domain, At: now}, func(r provisioning.Reader) (err error) {
		would, err = directory.Read(r)
		return err
	})
	if err != nil {
		return out, err
	}
	is := t.directory.Snapshot()
	oldest := now.Add(-provisioning.WhatIfDays * 24 * time.Hour)
	if q.Since.After(oldest) {
		oldest = q.Since
	}
	if q.Limit <= 0 || q.Limit > whatIfPage {
		q.Limit = whatIfPage
	}
	all := newDifferences()
	for out.Calls < q.Limit {
		calls, err := t.calls(ctx, domain, q.After, min(whatIfChunk, q.Limit-out.Calls))
		if err != nil {
			return out, err
		}
		if len(calls) == 0 {
			out.Complete = true
			break
		}
		for _, c := range calls {
			if err := ctx.Err(); err != nil {
				return out, err
			}
			if c.Started.Before(oldest) {
				out.Complete = true
				break
			}
			out.Calls, q.After = out.Calls+1, c.ID
			ask, ok := askedBy(c)
			if !ok {
				out.Skipped++
				continue
			}
			if all.compare(c, outcome(is, ask, c.Started), outcome(would, ask, c.Started)) {
				out.Changed++
			}
		}
		if out.Complete {
			break
		}
	}
	if !out.Complete {
		out.Next = q.After
	}
	out.Kinds = all.list
	return out, nil
}

func (t whatIf) calls(ctx context.Context, domain, after string, limit int) (out []provisioning.CDR, err error) {
	err = t.store.View(ctx, func(r provisioning.Reader) (err error) {
		out, err = r.CDRs(domain, provisioning.CDRQuery{After: after, Limit: limit})
		return err
	})
	return out, err
}

// askedBy is the request that a call began with, as far as its record has it. False: it does not say enough.
func askedBy(c provisioning.CDR) (route.Request, bool) {
	r := route.Request{Domain: c.Domain, Number: c.From, Dialled: c.To, Withheld: c.Withheld}
	switch {
	case c.Page != "", c.To == "", c.CallBack: // a member who hears an announcement dialled nothing, and who calls back after a call for help is a moment's
		return r, false
	case c.Direction == string(route.Inbound):
		r.Trunk = c.Trunk
		return r, c.Trunk != ""
	}
	r.Extension, r.E164, r.Own = c.From, e164(c.To), true
	return r, c.From != ""
}

// fate is what becomes of a call, in words of which each can be compared.
type fate [4]string // as fateNames

var fateNames = [4]string{"destination", "trunk", "recording", "notice"}

// outcome is the fate of a call at its time by a directory: calendars are in the mode that their hours gave then, nobody talks and every telephone is there.
func outcome(dir *directory.Snapshot, ask route.Request, at time.Time) fate {
	if ask.Trunk != "" {
		t, ok := dir.Trunk(ask.Domain, ask.Trunk)
		if !ok || t.Disabled || !t.Carries() {
			return fate{"refused: trunk " + ask.Trunk + " is not in service", "", "none", "none"}
		}
		if p, err := trunkProfile(ask.Domain, t); err == nil {
			ask.Internal, ask.LateMedia = p.Internal, p.AfterAnswer
		}
	}
	p := route.Route(untouched{dir}, ask, at)
	if p.Refuse.Status != 0 {
		return fate{"refused: " + p.Why, "", "none", "none"}
	}
	var to, trunks []string
	for _, s := range p.Steps {
		var step []string
		for _, target := range s.Targets {
			name := target.Number
			if target.Kind == route.ToTrunk {
				name = target.Number + " by trunk"
				trunks = append(trunks, target.Trunk)
			}
			step = append(step, name)
		}
		slices.Sort(step)
		if name := s.Run.String(); name != "" {
			step = append(step, name)
		}
		to = append(to, strings.Join(step, "+"))
	}
	return fate{strings.Join(to, ", then "), strings.Join(trunks, ", "), recordedAs(p.Record), noticeOf(p.Record)}
}

// untouched is a directory whose calendars nobody has switched by hand: what is set now says nothing of last week.
type untouched struct{ *directory.Snapshot }

// Calendar implements route.Directory.
func (u untouched) Calendar(domain, name string) (provisioning.Calendar, bool) {
	c, ok := u.Snapshot.Calendar(domain, name)
	c.Manual, c.Until = "", time.Time{}
	return c, ok
}

func recordedAs(r route.Record) string {
	var words []string
	switch {
	case r.Never != "":
		return "never"
	case r.On:
		words = append(words, "always")
	case r.OnDemand:
		words = append(words, "on demand")
	default:
		return "none"
	}
	words = append(words, r.Policy, "label "+string(r.Label), "days "+days(r.Retention))
	if r.Outside != "" {
		words = append(words, "outside "+r.Outside)
	}
	if r.Refuse {
		words = append(words, "or no call")
	}
	return strings.Join(words, ", ")
}

func days(n int) string {
	if n == 0 {
		return "without end"
	}
	return strconv.Itoa(n)
}

func noticeOf(r route.Record) string {
	if !r.Tells() {
		return "none"
	}
	words := string(r.Notice) + " " + r.Prompt
	if r.Outbound != "" {
		words += ", outbound " + string(r.Outbound) + " " + r.Calling
	}
	return words
}

// differences counts in how many calls something differs, with the first examples.
type differences struct {
	list []provisioning.WhatIfDifference
}

func newDifferences() *differences {
	d := &differences{}
	for _, name := range fateNames {
		d.list = append(d.list, provisioning.WhatIfDifference{Of: name, Examples: []provisioning.WhatIfExample{}})
	}
	return d
}

func (d *differences) compare(c provisioning.CDR, is, would fate) (differs bool) {
	for i := range fateNames {
		if is[i] == would[i] {
			continue
		}
		differs = true
		k := &d.list[i]
		if k.Calls++; len(k.Examples) < whatIfExamples {
			k.Examples = append(k.Examples, provisioning.WhatIfExample{Call: c.ID, At: c.Started, From: c.From, To: c.To, Before: is[i], After: would[i]})
		}
	}
	return differs
}
