package provisioning

import (
	"errors"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"
)

// What loosens a policy waits for one person, what lets a number be recorded that never was for two; what protects more waits for nobody.
func TestWeakened(t *testing.T) {
	year := RecordingPolicy{Record: RecordAlways, Notice: "early-media", OnFailure: "refuse", RetentionDays: 365, Label: LabelInternal, Media: "srtp-required"}
	with := func(f func(*RecordingPolicy)) RecordingPolicy { p := year; f(&p); return p }
	for _, c := range []struct {
		what     string
		old, now RecordingPolicy
		fields   []string
		people   int
	}{
		{"the same", year, year, nil, 0},
		{"longer", year, with(func(p *RecordingPolicy) { p.RetentionDays = 366 }), nil, 0},
		{"without end", year, with(func(p *RecordingPolicy) { p.RetentionDays = 0 }), nil, 0},
		{"shorter", year, with(func(p *RecordingPolicy) { p.RetentionDays = 364 }), []string{"retention_days"}, 1},
		{"an end where there was none", RecordingPolicy{}, RecordingPolicy{RetentionDays: 36500}, []string{"retention_days"}, 1},
		{"a higher label", year, with(func(p *RecordingPolicy) { p.Label = LabelRestricted }), nil, 0},
		{"the highest, as none is written", year, with(func(p *RecordingPolicy) { p.Label = "" }), nil, 0},
		{"a lower label", year, with(func(p *RecordingPolicy) { p.Label = LabelPublic }), []string{"label"}, 1},
		{"a label where there was none", RecordingPolicy{}, RecordingPolicy{Label: LabelInternal}, []string{"label"}, 1},
		{"another notice", year, with(func(p *RecordingPolicy) { p.Notice = "after-answer" }), nil, 0},
		{"a longer pause", year, with(func(p *RecordingPolicy) { p.PauseSeconds = 301 }), []string{"pause_seconds"}, 1},
		{"the usual pause again", with(func(p *RecordingPolicy) { p.PauseSeconds = 60 }), year, []string{"pause_seconds"}, 1},
		{"a shorter pause", year, with(func(p *RecordingPolicy) { p.PauseSeconds = 60 }), nil, 0},
		{"no notice", year, with(func(p *RecordingPolicy) { p.Notice = "none" }), []string{"notice"}, 1},
		{"no notice for whom we call", year, with(func(p *RecordingPolicy) { p.NoticeOutbound = "none" }), []string{"notice_outbound"}, 1},
		{"no notice for whom we call, by that for who calls", RecordingPolicy{Notice: "none", NoticeOutbound: "outbound"}, RecordingPolicy{Notice: "none"}, []string{"notice_outbound"}, 1},
		{"nobody refuses by a key any more", with(func(p *RecordingPolicy) { p.Refusal = &NoticeRefusal{Key: "9"} }), year, []string{"refusal"}, 1},
		{"calls go on that are not recorded", year, with(func(p *RecordingPolicy) { p.OnFailure = "" }), []string{"on_failure"}, 1},
		{"another recorder outside", year, with(func(p *RecordingPolicy) { p.Outside = []string{"a"} }), []string{"outside"}, 1},
		{"none any more", with(func(p *RecordingPolicy) { p.Outside = []string{"a"} }), year, []string{"outside"}, 1},
		{"the other one first", with(func(p *RecordingPolicy) { p.Outside = []string{"a", "b"} }), with(func(p *RecordingPolicy) { p.Outside = []string{"b", "a"} }), []string{"outside"}, 1},
		{"no encryption", year, with(func(p *RecordingPolicy) { p.Media = "srtp-preferred" }), []string{"media"}, 1},
		{"on demand", year, with(func(p *RecordingPolicy) { p.Record = RecordOnDemand }), []string{"record"}, 1},
		{"not recorded", year, with(func(p *RecordingPolicy) { p.Record = "" }), []string{"record"}, 1},
		{"never", year, with(func(p *RecordingPolicy) { p.Record = RecordNever }), []string{"record"}, 1},
		{"always instead of on demand", RecordingPolicy{Record: RecordOnDemand}, RecordingPolicy{Record: RecordAlways}, nil, 0},
		{"never instead of nothing", RecordingPolicy{}, RecordingPolicy{Record: RecordNever}, []string{"record"}, 1}, // of other policies' recordings
		{"never as before", RecordingPolicy{Record: RecordNever}, RecordingPolicy{Record: RecordNever}, nil, 0},
		{"encryption is forbidden", RecordingPolicy{}, RecordingPolicy{Media: "srtp-forbidden"}, []string{"media"}, 1},
		{"encryption is as usual", RecordingPolicy{}, RecordingPolicy{Media: "srtp-preferred"}, nil, 0},
		{"people may refuse", year, with(func(p *RecordingPolicy) { p.Refusal = &NoticeRefusal{Key: "9", Then: RefusalEnds} }), []string{"refusal"}, 1},
		{"by another key", with(func(p *RecordingPolicy) { p.Refusal = &NoticeRefusal{Key: "9"} }), with(func(p *RecordingPolicy) { p.Refusal = &NoticeRefusal{Key: "8"} }), []string{"refusal"}, 1},
		{"and go on", with(func(p *RecordingPolicy) { p.Refusal = &NoticeRefusal{Key: "9", Then: RefusalEnds} }), with(func(p *RecordingPolicy) { p.Refusal = &NoticeRefusal{Key: "9", Then: RefusalGoesOn} }), []string{"refusal"}, 1},
		{"or not", with(func(p *RecordingPolicy) { p.Refusal = &NoticeRefusal{Key: "9", Then: RefusalGoesOn} }), with(func(p *RecordingPolicy) { p.Refusal = &NoticeRefusal{Key: "9", Then: RefusalEnds} }), nil, 0},
		{"leaving never for always", RecordingPolicy{Record: RecordNever}, RecordingPolicy{Record: RecordAlways}, []string{"record"}, 2},
		{"leaving never for on demand", RecordingPolicy{Record: RecordNever}, RecordingPolicy{Record: RecordOnDemand}, []string{"record"}, 2},
		{"leaving never for nothing", RecordingPolicy{Record: RecordNever}, RecordingPolicy{}, []string{"record"}, 2},
		{"much at once", year, RecordingPolicy{Notice: "none", RetentionDays: 1, Label: LabelPublic},
			[]string{"record", "retention_days", "label", "notice", "on_failure", "media"}, 1},
	} {
		var fields []string
		people := 0
		for _, w := range c.old.Weakened(c.now) {
			fields, people = append(fields, w.Field), max(people, w.People)
			if w.Why == "" {
				t.Errorf("%s: %s without a word", c.what, w.Field)
			}
		}
		if !slices.Equal(fields, c.fields) || people != c.people {
			t.Errorf("%s: %v and %d people, want %v and %d", c.what, fields, people, c.fields, c.people)
		}
	}
	short := RecordingPolicy{RetentionDays: 1, Label: LabelPublic, Notice: "none"}
	if got := year.instead(short, year.Weakened(short)); len(got) != 2 || got[0].Field != "record" || got[1].Field != "media" { // of what is not recorded nothing is kept
		t.Errorf("%+v", got)
	}
	if got := (RecordingPolicy{RetentionDays: 365}).instead(short, (RecordingPolicy{RetentionDays: 365}).Weakened(short)); len(got) != 0 {
		t.Errorf("%+v", got)
	}
}

// Whoever wants something does not agree to it, nobody agrees twice, and what nobody agreed to in time is over.
func TestAgree(t *testing.T) {
	now := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	by := func(who string, at time.Time) Wish { return Wish{By: who, At: at} }
	p := Propose("did:+81", KindDID, "+81", by("taro", now), []ProposedChange{{Field: "policy"}}, []Weakening{{"policy", "x", twoPeople, ""}})
	refused := func(w Wish) {
		t.Helper()
		var denied *Denied
		if _, _, err := p.Agree(w); !errors.As(err, &denied) || denied.Rule != RuleTwoPeople {
			t.Errorf("%s: %v", w.By, err)
		}
	}
	refused(by("taro", now))
	p, all, err := p.Agree(by("hanako", now))
	if err != nil || all || len(p.Agreed) != 1 {
		t.Fatalf("%+v %t %v", p, all, err)
	}
	refused(by("hanako", now))
	refused(by("taro", now))
	if _, _, err := p.Agree(by("jiro", now.Add(proposalTime))); !errors.Is(err, ErrExpired) {
		t.Errorf("late: %v", err)
	}
	p, all, err = p.Agree(by("jiro", now.Add(proposalTime-1)))
	if err != nil || !all || len(p.Agreed) != 2 {
		t.Errorf("%+v %t %v", p, all, err)
	}
	if again, all, err := p.Agree(by("jiro", now)); err != nil || !all || len(again.Agreed) != 2 {
		t.Errorf("what could not be carried out is tried again: %+v %t %v", again, all, err)
	}
}

// TestModeOfBefore: a stored policy whose mode was a bool keeps its meaning, whatever its texts hold.
func TestModeOfBefore(t *testing.T) {
	for body, want := range map[string]RecordingPolicy{
		`{"name":"a","record":true,"notice":""}`:                            {Name: "a", Record: RecordAlways},
		`{"name":"a","record":false,"notice":""}`:                           {Name: "a"},
		`{"name":"a","record":"on_demand","prompt":"\"record\":true"}`:      {Name: "a", Record: RecordOnDemand, Prompt: `"record":true`},
		`{"name":"a","record":"never","prompt":"{\"record\":false}"}`:       {Name: "a", Record: RecordNever, Prompt: `{"record":false}`},
		`{"name":"\"record\":true","record":true,"prompt":"notice/record"}`: {Name: `"record":true`, Record: RecordAlways, Prompt: "notice/record"},
	} {
		var p RecordingPolicy
		if err := decode(Row{Body: []byte(body)}, &p); err != nil || !reflect.DeepEqual(p, want) {
			t.Errorf("%s: %+v %v", body, p, err)
		}
	}
}

// What waits stays as it was, with what makes sense only beside it; the rest counts.
func TestHoldBack(t *testing.T) {
	old := RecordingPolicy{Name: "p", Record: RecordAlways, RetentionDays: 365, Prompt: "notice/a"}
	next := RecordingPolicy{Name: "p", Record: RecordOnDemand, PreBuffer: true, RetentionDays: 30, Prompt: "notice/b", Label: LabelRestricted}
	now, changes, err := holdBack(old, next, old.Weakened(next))
	if want := (RecordingPolicy{Name: "p", Record: RecordAlways, RetentionDays: 365, Prompt: "notice/b", Label: LabelRestricted}); err != nil || !reflect.DeepEqual(now, want) {
		t.Errorf("%+v %v", now, err)
	}
	got := ""
	for _, c := range changes {
		got += c.Field + " " + string(c.From) + " " + string(c.To) + "; "
	}
	if want := `record "always" "on_demand"; pre_buffer null true; retention_days 365 30; `; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// Every kind that names a recording policy is looked at, and can be changed by a proposal.
func TestAssignments(t *testing.T) {
	for _, e := range Entities() {
		named := len(assignments(e)) > 0 || slices.Contains([]string{KindPolicy, KindUser, KindListeningRules, KindRecordingScope, KindLifecycle, KindChangeRules, KindSitePolicy, KindDuties}, e.Kind())
		if _, ok := carriers[e.Kind()]; ok != named {
			t.Errorf("%s names policies: %t, and is changed by proposals: %t", e.Kind(), named, ok)
		}
	}
	p, d := "p", &Directions{"p", "p", "p"}
	for _, e := range []Entity{Domain{Recording: d}, Trunk{Recording: d, RecordPolicy: p}, Extension{Recording: d, Record: p}, DID{Policy: p}, Group{Policy: p}, Queue{Policy: p},
		Conference{Policy: p}, PagingGroup{Policy: p}} {
		refs := 0
		for _, r := range e.Refs() {
			if r.Kind == KindPolicy && r.Key == p {
				refs++
			}
		}
		if n := len(assignments(e)); n != refs {
			t.Errorf("%s: %d assignments, %d references to a policy", e.Kind(), n, refs)
		}
		for _, a := range assignments(e) {
			if a.policy != p {
				t.Errorf("%s: %+v", e.Kind(), a)
			}
		}
	}
}

// What counts at once loosens nothing, whatever is asked for together, and with what waits it is what was asked for.
func TestWhatCountsAtOnce(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	pick := func(of ...string) string { return of[rnd.IntN(len(of))] }
	until := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	draw := func() RecordingPolicy {
		p := RecordingPolicy{Name: "p", Record: RecordMode(pick("", "always", "on_demand", "never")), Notice: pick("", "early-media", "after-answer", "none"), NoticeOutbound: pick("", "outbound", "none"),
			OnFailure: pick("", "continue", "refuse"), RetentionDays: rnd.IntN(3) * 30, Label: Label(pick("", "restricted", "internal", "public")), Media: pick("", "srtp-required", "srtp-preferred", "srtp-forbidden"),
			PreBuffer: rnd.IntN(2) == 0, PauseSeconds: rnd.IntN(3) * 250}
		if p.Silent() || rnd.IntN(4) == 0 {
			p.Exception = &NoticeException{pick("a", "b"), until.AddDate(0, rnd.IntN(3), 0)}
		}
		if rnd.IntN(3) == 0 {
			p.Refusal = &NoticeRefusal{Key: pick("8", "9"), Then: pick(RefusalEnds, RefusalGoesOn)}
		}
		if p.Record.Records() && rnd.IntN(3) == 0 {
			p.Outside = []string{pick("a", "b")}
		}
		return p
	}
	waited := 0
	for range 6_000 {
		old, next := draw(), draw()
		if old.Validate() != nil || next.Validate() != nil {
			continue
		}
		lost := old.Weakened(next)
		now, changes, err := holdBack(old, next, lost)
		if err != nil {
			t.Fatal(err)
		}
		if left := old.Weakened(now); len(left) > 0 || len(lost) > 0 && len(changes) == 0 {
			t.Fatalf("%+v\nto %+v\nis %+v at once: %+v", old, next, now, left)
		}
		if err := now.Validate(); err != nil {
			t.Fatalf("%+v\nto %+v\nis %+v at once: %v", old, next, now, err)
		}
		if len(changes) == 0 {
			continue
		}
		waited++
		whole, err := changed(now, changes)
		if a, b := must(fieldsOf(whole)), must(fieldsOf(next)); err != nil || !reflect.DeepEqual(a, b) {
			t.Fatalf("%+v\nto %+v\nis %+v afterwards: %v", old, next, whole, err)
		}
		p := Propose("policy:p", KindPolicy, "p", Wish{}, changes, lost)
		if again := now.Weakened(whole); !p.Stands(again) {
			t.Fatalf("%+v\nto %+v\nasked %q, and at the end %+v", old, next, p.Loosens, again)
		}
	}
	if waited < 1000 {
		t.Errorf("%d waited", waited)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
