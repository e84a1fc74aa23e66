package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"naisen/provisioning"
	"naisen/provisioning/identity"
	"naisen/provisioning/policy"
	"naisen/provisioning/store"
	"naisen/recorder"
	"naisen/recorder/catalogue"
)

// asker is whoever the header says; what the store says of them now, if it knows them, is what they may.
type asker struct {
	store *store.Store
	acr   string
	at    time.Time // of the sign-in
}

func (a asker) Current(s provisioning.Subject) (provisioning.Subject, error) {
	err := a.store.View(context.Background(), func(r provisioning.Reader) error {
		u, _, err := provisioning.Get[provisioning.User](r, s.Domain, s.User)
		if errors.Is(err, provisioning.ErrNotFound) {
			return nil
		}
		if s.Roles = u.Roles; u.Disabled {
			err = &identity.Error{Status: http.StatusUnauthorized}
		}
		return err
	})
	return s, err
}

func (a asker) Request(r *http.Request) (provisioning.Subject, error) {
	name, roles, _ := strings.Cut(r.Header.Get("X-Who"), "+")
	s := provisioning.Subject{Domain: keepDomain, User: name, ACR: a.acr, AuthTime: a.at}
	for role := range strings.SplitSeq(roles, "+") {
		s.Roles = append(s.Roles, provisioning.Role(role))
	}
	return s, nil
}

// door is a gate before one store, with a clock.
type door struct {
	gate
	store *store.Store
	now   time.Time
}

func newDoor(t *testing.T) *door {
	d := &door{store: openAudit(t), now: time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC)}
	d.gate = gate{asker{store: d.store}, policy.New(), stepUp{}, d.store, "naisen", rate.NewLimiter(rate.Inf, 1), func() time.Time { return d.now }, slog.New(slog.DiscardHandler)}
	d.put(t, provisioning.User{Name: "taro", Roles: []provisioning.Role{provisioning.RoleListener}})
	return d
}

func (d *door) drop(t *testing.T, user string) {
	t.Helper()
	if err := d.store.Update(t.Context(), provisioning.Subject{System: true}, func(w provisioning.Writer) error {
		return provisioning.Delete[provisioning.User](w, keepDomain, user, "")
	}); err != nil {
		t.Fatal(err)
	}
}

func (d *door) put(t *testing.T, e provisioning.Entity) {
	t.Helper()
	if err := d.store.Update(t.Context(), provisioning.Subject{System: true}, func(w provisioning.Writer) error {
		_, err := w.Put(keepDomain, e, "")
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

func (d *door) request(t *testing.T, id string) provisioning.ListeningRequest {
	t.Helper()
	var q provisioning.ListeningRequest
	if err := d.store.View(t.Context(), func(r provisioning.Reader) (err error) {
		q, _, err = provisioning.Get[provisioning.ListeningRequest](r, keepDomain, id)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return q
}

// knock asks for a permit as a listener.
func (d *door) knock(action recorder.Action, i recorder.Item) (recorder.Permit, error) {
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("X-Who", "taro+recording-listener")
	return d.Permit(r, action, i)
}

// trail is the audit log's words for what was heard: action, outcome, and some of the detail.
func (d *door) trail(t *testing.T) (out []string) {
	t.Helper()
	if err := d.store.View(t.Context(), func(r provisioning.Reader) error {
		all, err := r.Audit(keepDomain, provisioning.AuditQuery{Action: "recording."})
		for _, e := range all {
			line := e.Action + " " + e.Outcome + " " + e.Object + " " + e.Subject
			if e.Rule != "" {
				line += " rule=" + e.Rule
			}
			for _, k := range []string{"purpose", "approved_by", "from_ms", "to_ms"} {
				if v, ok := e.Detail[k]; ok {
					line += fmt.Sprintf(" %s=%v", k, v)
				}
			}
			out = append(out, line)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return out
}

func (d *door) ask(t *testing.T, id string, change func(*provisioning.ListeningRequest)) {
	t.Helper()
	q := provisioning.ListeningRequest{ID: provisioning.ListeningID("taro", d.now, id), By: "taro", Purpose: "complaint", Reason: "x", Recordings: []string{"r1"},
		Asked: d.now, Until: d.now.Add(24 * time.Hour), Plays: 1, State: provisioning.ListeningGranted, DecidedBy: "kacho@" + keepDomain}
	if err := d.store.View(t.Context(), func(r provisioning.Reader) (err error) {
		q.Person, err = provisioning.PersonOf(r, keepDomain, q.By)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(&q)
	}
	d.put(t, q)
}

var heardItem = recorder.Item{Domain: keepDomain, ID: "r1", Number: "0312345678", Label: recorder.Internal, Groups: []string{"7001"}, Parties: []string{"+819011112222"}}

// Nothing is heard without a request that lets it be heard, and what is heard says under which, for what purpose, by whose word, and which seconds.
func TestHeardUnderARequest(t *testing.T) {
	d := newDoor(t)
	if _, err := d.knock(recorder.Listen, heardItem); !errors.Is(err, recorder.ErrNoApproval) {
		t.Fatalf("without a request: %v", err)
	}
	d.ask(t, "a", func(q *provisioning.ListeningRequest) { q.State, q.DecidedBy = provisioning.ListeningPending, "" })
	if _, err := d.knock(recorder.Listen, heardItem); !errors.Is(err, recorder.ErrNoApproval) {
		t.Errorf("while it waits: %v", err)
	}
	if p, err := d.knock(recorder.List, heardItem); err != nil || p.Begin(t.Context(), map[string]any{}) != nil {
		t.Errorf("what is known of it: %v", err)
	}
	d.ask(t, "b", nil)
	p, err := d.knock(recorder.Listen, heardItem)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Begin(t.Context(), map[string]any{"part": "audio"}); err != nil {
		t.Fatal(err)
	}
	p.Done(recorder.Served{Bytes: 32_000, FromMS: 1000, ToMS: 2000}, io.ErrUnexpectedEOF)
	if terms := p.Terms(); terms.Listener != "taro@"+keepDomain || terms.Purpose != "complaint" || terms.Whole {
		t.Errorf("%+v", terms)
	}
	const who = " r1 taro@" + keepDomain
	want := []string{"recording.listen denied" + who + " rule=no-approval", "recording.listen denied" + who + " rule=no-approval", "recording.list allowed" + who,
		"recording.listen allowed" + who + " rule=recording-listener: recording.listen purpose=complaint approved_by=kacho@" + keepDomain,
		"recording.listen.served failed" + who + " rule=recording-listener: recording.listen purpose=complaint approved_by=kacho@" + keepDomain + " from_ms=1000 to_ms=2000"}
	if got := d.trail(t); !slices.Equal(got, want) {
		t.Errorf("%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// What an approval speaks of by the number of a case grows no more: not by what who listens says belongs to it, nor by what anybody says afterwards.
func TestCaseOfAnApproval(t *testing.T) {
	d := newDoor(t)
	decided := d.now
	d.ask(t, "a", func(q *provisioning.ListeningRequest) {
		q.Recordings, q.Filter, q.Decided, q.Plays = nil, &provisioning.RecordingFilter{Case: "K-1"}, decided, 9
	})
	c, err := catalogue.OpenWith(t.Context(), filepath.Join(t.TempDir(), "c.db"), func() time.Time { return d.now }, catalogueWords())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}()
	writes := annotations{c, d.store}
	for id, by := range map[string]struct {
		who  string
		when time.Duration // from the approval on
		want error
	}{
		"r1": {"hanako", -time.Second, nil},
		"r2": {"taro", -time.Second, recorder.ErrNoApproval},
		"r3": {"taro", time.Second, recorder.ErrNoApproval},
		"r4": {"hanako", time.Second, recorder.ErrNoApproval},
	} {
		d.now = decided.Add(by.when)
		if err := c.Begin(t.Context(), recorder.Case{ID: id, Domain: keepDomain, DID: "0312345678", Started: decided.Add(-time.Hour)}); err != nil {
			t.Fatal(err)
		}
		if err := writes.SetCase(t.Context(), provisioning.Subject{Domain: keepDomain, User: by.who}, keepDomain, id, "K-1"); err != nil {
			t.Fatal(err)
		}
		d.now = decided.Add(time.Minute)
		row, err := c.Get(t.Context(), keepDomain, id)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.knock(recorder.Listen, row.Item()); !errors.Is(err, by.want) {
			t.Errorf("%s: %v", id, err)
		}
	}
}

// As often as a request may be granted at most it can be used, and then it is used up: the entry has room for it.
func TestEveryPlayIsGiven(t *testing.T) {
	d := newDoor(t)
	rules := provisioning.ListeningRules{}
	for plays := 1; ; plays++ { // as many as are permitted
		if rules.MaxPlays = plays; rules.Validate() != nil {
			rules.MaxPlays--
			break
		}
	}
	d.ask(t, "a", func(q *provisioning.ListeningRequest) {
		q.Plays, q.Recordings, q.Filter = rules.MaxPlays, nil, &provisioning.RecordingFilter{From: d.now.Add(-time.Hour)}
	})
	item := heardItem
	item.Started = d.now
	for i := range rules.MaxPlays {
		item.ID = fmt.Sprintf("%s%04d", strings.Repeat("r", 60), i)
		p, err := d.knock(recorder.Listen, item)
		if err == nil {
			err = p.Begin(t.Context(), map[string]any{})
		}
		if err != nil {
			t.Fatalf("play %d of %d: %v", i+1, rules.MaxPlays, err)
		}
	}
	item.ID = "one more"
	if _, err := d.knock(recorder.Listen, item); !errors.Is(err, recorder.ErrNoApproval) {
		t.Errorf("one more: %v", err)
	}
}

// "taro.a" is a name as "taro" is: the requests of one are not the other's, and do not hide them.
func TestRequestsOfLikeNames(t *testing.T) {
	d := newDoor(t)
	for _, age := range []time.Duration{0, 40 * 24 * time.Hour} {
		asked := d.now.Add(-age)
		d.put(t, provisioning.ListeningRequest{ID: provisioning.ListeningID("taro.a", asked, "x"), By: "taro.a", Purpose: "complaint", Reason: "x", Recordings: []string{"r1"},
			Asked: asked, Until: asked.Add(24 * time.Hour), Plays: 1, State: provisioning.ListeningGranted})
	}
	if _, err := d.knock(recorder.Listen, heardItem); !errors.Is(err, recorder.ErrNoApproval) {
		t.Errorf("under another's request: %v", err)
	}
	d.ask(t, "a", nil)
	if _, err := d.knock(recorder.Listen, heardItem); err != nil {
		t.Errorf("beside another's old requests: %v", err)
	}
}

// Plays are counted with their entry: ranges of one hour are one play, and the last one is not given twice, by two at once either.
func TestPlaysAreCounted(t *testing.T) {
	d := newDoor(t)
	d.ask(t, "a", nil)
	for range 3 {
		p, err := d.knock(recorder.Listen, heardItem)
		if err != nil || p.Begin(t.Context(), map[string]any{}) != nil {
			t.Fatal(err)
		}
		d.now = d.now.Add(20 * time.Minute)
		if err := p.Still(t.Context()); err != nil {
			t.Errorf("goes on: %v", err)
		}
	}
	if q := d.request(t, provisioning.ListeningID("taro", d.now.Add(-time.Hour), "a")); len(q.Opened) != 1 {
		t.Errorf("%+v", q.Opened)
	}
	if _, err := d.knock(recorder.Listen, heardItem); !errors.Is(err, recorder.ErrNoApproval) {
		t.Errorf("a second play: %v", err)
	}
	if got := d.trail(t); !strings.Contains(got[len(got)-1], "rule=used-up") {
		t.Errorf("%q", got[len(got)-1])
	}
	if _, err := d.knock(recorder.Look, heardItem); err != nil {
		t.Errorf("the waveform is no play: %v", err)
	}
	d.ask(t, "b", func(q *provisioning.ListeningRequest) { q.Recordings = []string{"r1", "r2"} })
	other := heardItem
	other.ID = "r2"
	one, err1 := d.knock(recorder.Listen, heardItem)
	two, err2 := d.knock(recorder.Listen, other)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	if err := one.Begin(t.Context(), map[string]any{}); err != nil {
		t.Fatal(err)
	}
	if err := two.Begin(t.Context(), map[string]any{}); !errors.Is(err, recorder.ErrNoApproval) {
		t.Errorf("the last play was given twice: %v", err)
	}
}

// An approval that ends, and a listener who is disabled, deleted or may listen no more, or not know of it, end what is heard at that moment.
func TestHeardNoLonger(t *testing.T) {
	for name, end := range map[string]func(*testing.T, *door, string){
		"withdrawn": func(t *testing.T, d *door, id string) {
			q, err := d.request(t, id).Withdraw("kacho@"+keepDomain, d.now)
			if err != nil {
				t.Fatal(err)
			}
			d.put(t, q)
		},
		"over": func(_ *testing.T, d *door, _ string) { d.now = d.now.Add(24 * time.Hour) },
		"disabled": func(t *testing.T, d *door, _ string) {
			d.put(t, provisioning.User{Name: "taro", Roles: []provisioning.Role{provisioning.RoleListener}, Disabled: true})
		},
		"deleted": func(t *testing.T, d *door, _ string) { d.drop(t, "taro") },
		"somebody else of that name": func(t *testing.T, d *door, _ string) {
			d.drop(t, "taro")
			d.put(t, provisioning.User{Name: "taro", Roles: []provisioning.Role{provisioning.RoleListener}})
		},
		"no listener": func(t *testing.T, d *door, _ string) {
			d.put(t, provisioning.User{Name: "taro", Roles: []provisioning.Role{provisioning.RoleManager}})
		},
		"may not know of it": func(t *testing.T, d *door, _ string) {
			d.put(t, provisioning.RecordingScope{User: "taro", Numbers: []string{"0399999999"}})
		},
	} {
		d := newDoor(t)
		d.ask(t, "a", nil)
		id := provisioning.ListeningID("taro", d.now, "a")
		p, err := d.knock(recorder.Listen, heardItem)
		if err != nil || p.Begin(t.Context(), map[string]any{}) != nil || p.Still(t.Context()) != nil {
			t.Fatal(name, err)
		}
		end(t, d, id)
		if err := p.Still(t.Context()); err == nil {
			t.Errorf("%s: it is heard on", name)
		}
	}
}

// What was approved for somebody who was deleted is nobody's who has the name afterwards.
func TestApprovalOfTheDeleted(t *testing.T) {
	d := newDoor(t)
	d.ask(t, "a", func(q *provisioning.ListeningRequest) { q.Plays = 9 })
	if _, err := d.knock(recorder.Listen, heardItem); err != nil {
		t.Fatal(err)
	}
	d.drop(t, "taro")
	if _, err := d.knock(recorder.Listen, heardItem); !errors.Is(err, recorder.ErrNoApproval) {
		t.Errorf("after the deletion: %v", err)
	}
	d.put(t, provisioning.User{Name: "taro", Roles: []provisioning.Role{provisioning.RoleListener}})
	if _, err := d.knock(recorder.Listen, heardItem); !errors.Is(err, recorder.ErrNoApproval) {
		t.Errorf("by who has the name now: %v", err)
	}
}

// A listening without an approval is an alarm each time, and another one until somebody else has looked at it, over a restart too.
func TestReviewsWait(t *testing.T) {
	d := newDoor(t)
	a := newAlarms(slog.New(slog.DiscardHandler), func() time.Time { return d.now })
	v, err := openReviews(t.Context(), d.store, a)
	if err != nil {
		t.Fatal(err)
	}
	a.watchEach("review-waiting", v.waiting)
	look := func() (out []string) {
		for _, w := range a.watches {
			w()
		}
		for _, al := range a.Alarms(keepDomain) {
			if al.Active {
				out = append(out, al.Name)
			}
		}
		slices.Sort(out)
		return out
	}
	d.ask(t, "a", func(q *provisioning.ListeningRequest) { q.BreakGlass = true })
	q := d.request(t, provisioning.ListeningID("taro", d.now, "a"))
	v.brokenGlass(keepDomain, q)
	if got := look(); !slices.Equal(got, []string{"break-glass", "review-waiting"}) {
		t.Errorf("%q", got)
	}
	if again, err := openReviews(t.Context(), d.store, a); err != nil || len(again.waiting()) != 1 {
		t.Errorf("after a restart: %v", err)
	}
	q, err = q.Close(keepDomain, "kansa@"+keepDomain, "やむを得ない", d.now)
	if err != nil {
		t.Fatal(err)
	}
	d.put(t, q)
	v.brokenGlass(keepDomain, q)
	if got := look(); !slices.Equal(got, []string{"break-glass"}) {
		t.Errorf("after the review: %q", got)
	}
}

// What Begin cannot write down is not heard.
func TestNoEntryNoPlay(t *testing.T) {
	d := newDoor(t)
	d.ask(t, "a", nil)
	p, err := d.knock(recorder.Listen, heardItem)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Begin(ctx, map[string]any{}); err == nil {
		t.Error("it began")
	}
	if q := d.request(t, provisioning.ListeningID("taro", d.now, "a")); len(q.Opened) != 0 {
		t.Errorf("and was counted: %+v", q.Opened)
	}
}
