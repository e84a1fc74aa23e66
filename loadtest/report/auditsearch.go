package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"naisen/provisioning"
	"naisen/provisioning/secret"
	"naisen/provisioning/store"
)

const auditSearchMethod = "The audit log of a switch, filled while it does not run, by the store's own code: the year of an office of 2,300 telephones, three in five entries a call that ended, the others recordings and who heard " +
	"them, sign-ins and guesses, telephones, changes. Then the switch runs on one core and an auditor asks by its API, one question after the other, newest first, and goes on to a second page; by the clock of who asks. " +
	"At last it is stopped, and its log verified by the command that an auditor would give."

// auditYear is an audit log and what is in it.
type auditYear struct {
	domain string
	rows   int
	from   time.Time
	step   time.Duration
	rnd    *rand.Rand
}

// entry of the i-th place.
func (y *auditYear) entry(i int) provisioning.AuditEntry {
	e := provisioning.AuditEntry{Time: y.from.Add(time.Duration(i) * y.step), Domain: y.domain, Subject: y.person(), Outcome: "ok", Source: fmt.Sprintf("10.1.%d.%d", y.rnd.IntN(16), y.rnd.IntN(250))}
	switch n := y.rnd.IntN(1000); {
	case n < 600:
		e.Subject, e.Source, e.Action, e.Object = "system", "", "call.ended", fmt.Sprintf("c%012x", uint64(i)*2654435761)
		e.Detail = map[string]any{"from": callerOf(i), "to": numberOf(y.rnd.IntN(departments), y.rnd.IntN(ofDepartment)), "answered_by": deskOf(y.rnd.IntN(departments), y.rnd.IntN(deskCount)), "status": 200}
	case n < 750:
		e.Subject, e.Source, e.Action, e.Object = "system", "", "recording.stored", fmt.Sprintf("r%012x", uint64(i)*2654435761)
		e.Detail = map[string]any{"sha256": fmt.Sprintf("%064x", i), "number": numberOf(y.rnd.IntN(departments), 0)}
	case n < 850:
		e.Action, e.Object, e.Outcome = "recording.listen", fmt.Sprintf("r%012x", uint64(y.rnd.IntN(i+1))*2654435761), "allowed"
		e.Detail = map[string]any{"request": fmt.Sprint("q", i%5000), "purpose": "complaint"}
	case n < 900:
		e.Action, e.Object, e.Client = "sign-in.ok", "user/"+e.Subject, "console"
	case n < 950:
		e.Action, e.Object, e.Client = "device.register", "extension/"+deskOf(y.rnd.IntN(departments), y.rnd.IntN(deskCount)), "Yealink SIP-T46U 108.86.0.20"
	case n < 980:
		e.Subject, e.Action, e.Object, e.Outcome, e.Reason = e.Source, "sip.sign-in", deskOf(y.rnd.IntN(departments), y.rnd.IntN(deskCount)), "denied", "wrong"
	case n < 999:
		e.Action, e.Object, e.Rule = "extension.put", deskOf(y.rnd.IntN(departments), y.rnd.IntN(deskCount)), "telephony: extension.put"
		e.Detail = map[string]any{"display": map[string]any{"from": families[y.rnd.IntN(len(families))] + givens[y.rnd.IntN(len(givens))], "to": families[y.rnd.IntN(len(families))] + givens[y.rnd.IntN(len(givens))]}}
	default:
		e.Action, e.Object, e.Reason, e.Outcome = "listening.break-glass", fmt.Sprint("listening-request/", i), remarks[y.rnd.IntN(len(remarks))], "allowed"
	}
	return e
}

func (y *auditYear) person() string { return fmt.Sprintf("u%04d@%s", y.rnd.IntN(2300), y.domain) }

// fillAudit enters what is missing to rows in the log of a switch that does not run, and waits until the index has it.
func fillAudit(ctx context.Context, l *lab, s *site) (y *auditYear, filled, indexed time.Duration, err error) {
	keys, err := secret.OpenKeyring(s.Var("keys", "secrets.key"))
	if err != nil {
		return nil, 0, 0, err
	}
	st, err := store.Open(ctx, store.Config{Path: s.Var("pbx.db"), Index: s.Var("audit-index.db"), Sealer: keys})
	if err != nil {
		return nil, 0, 0, err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	rows := scale(l, l.auditRows, 20_000)
	y = &auditYear{domain: s.Domain, rows: rows, step: 365 * 24 * time.Hour / time.Duration(rows), rnd: rand.New(rand.NewPCG(1, 7))}
	y.from = time.Now().Add(-365 * 24 * time.Hour).UTC().Truncate(time.Minute)
	began := time.Now()
	const part = 5000
	for i := 0; i < rows; i += part {
		err := st.Update(ctx, provisioning.Subject{System: true}, func(w provisioning.Writer) error {
			for j := i; j < min(i+part, rows); j++ {
				if err := w.AddAudit(y.entry(j)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return nil, 0, 0, err
		}
	}
	filled = time.Since(began)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for behind := int64(1); behind > 0; <-tick.C {
		if behind, err = st.IndexBehind(ctx); err != nil {
			return nil, 0, 0, err
		}
	}
	return y, filled, time.Since(began), nil
}

// measureAuditSearch fills the log of a switch and searches in it by its API.
func measureAuditSearch(ctx context.Context, l *lab, t *table) error {
	s, err := l.start(ctx)
	if err != nil {
		return err
	}
	defer s.stop()
	if _, err := s.Person(ctx, "kansa", "auditor"); err != nil {
		return err
	}
	if err := s.Terminate(ctx); err != nil {
		return err
	}
	y, filled, indexed, err := fillAudit(ctx, l, s)
	if err != nil {
		return err
	}
	t.add("audit log: entries", "", "10,000,000", float64(y.rows)).note = fmt.Sprintf("log %s, index %s; written in %v, indexed beside it in %v", sizeOf(s.Var("pbx.db")), sizeOf(s.Var("audit-index.db")), filled.Round(time.Second), indexed.Round(time.Second))
	if err := s.Run(ctx); err != nil {
		return err
	}
	for range l.runs {
		if err := s.asksAudit(ctx, t, y); err != nil {
			return err
		}
	}
	if err := s.Terminate(ctx); err != nil {
		return err
	}
	for range l.runs {
		began := time.Now()
		said, err := s.Command(ctx, "", "audit", "verify", "--config", filepath.Join(s.Dir, "pbx.yaml"))
		if err != nil {
			return err
		}
		t.add("audit log: pbx audit verify, each entry and the whole tree", "s", "≤ 60", time.Since(began).Seconds()).note = strings.TrimSpace(said)
	}
	return nil
}

func sizeOf(path string) string {
	info, err := os.Stat(filepath.Clean(path))
	if err != nil {
		return "?"
	}
	return fmt.Sprint(info.Size()>>20, " MiB")
}

// asksAudit asks each kind of question; what is measured is the question's first page and its second one.
func (s *site) asksAudit(ctx context.Context, t *table, y *auditYear) error {
	token, err := s.Login(ctx, "kansa")
	if err != nil {
		return err
	}
	pace := time.NewTicker(25 * time.Millisecond) // the API's own limit
	defer pace.Stop()
	all := &asked{}
	for _, kind := range auditQuestions() {
		one, found := &asked{}, 0.0
		times := scale(s.lab, 60, 5)
		for range times {
			q := url.Values{"newest": {"true"}, "limit": {"50"}}
			kind.make(y, q)
			for range 2 {
				<-pace.C
				took, n, next, err := s.askAudit(ctx, token, q)
				if err != nil {
					return fmt.Errorf("report: audit search by %s: %w", kind.name, err)
				}
				one.took = append(one.took, took)
				if found += float64(n); next == "" {
					break
				}
				q.Set("after", next)
			}
		}
		if kind.finds && found == 0 {
			return fmt.Errorf("report: audit search by %s finds nothing", kind.name)
		}
		t.add("audit search by "+kind.name+", p99", "ms", "", milliseconds(one.took, 0.99)).note = fmt.Sprintf("median %s ms; rows a question %.1f", number(milliseconds(one.took, 0.5)), found/float64(times))
		all.took = append(all.took, one.took...)
	}
	t.add("audit search, all kinds: p50", "ms", "", milliseconds(all.took, 0.5))
	t.add("audit search, all kinds: p99", "ms", "≤ 200", milliseconds(all.took, 0.99))
	t.add("audit search, all kinds: the longest", "ms", "", milliseconds(all.took, 1))
	return ctx.Err()
}

func (s *site) askAudit(ctx context.Context, token string, q url.Values) (took time.Duration, found int, next string, err error) {
	began := time.Now()
	status, answer, err := s.DoAs(ctx, token, http.MethodGet, "audit?"+q.Encode(), nil)
	took = time.Since(began)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("%d %s", status, answer)
	}
	var page struct {
		Items []json.RawMessage
		Next  string
	}
	if err == nil {
		err = json.Unmarshal(answer, &page)
	}
	return took, len(page.Items), page.Next, err
}

// auditQuestion is a kind of question to the log.
type auditQuestion struct {
	name  string
	finds bool
	make  func(y *auditYear, q url.Values)
}

func auditQuestions() []auditQuestion {
	span := func(y *auditYear, q url.Values, length time.Duration) {
		at := y.from.Add(time.Duration(y.rnd.IntN(y.rows)) * y.step)
		q.Set("since", at.Format(time.RFC3339))
		q.Set("until", at.Add(length).Format(time.RFC3339))
	}
	set := func(pairs ...string) func(*auditYear, url.Values) {
		return func(_ *auditYear, q url.Values) {
			for i := 0; i < len(pairs); i += 2 {
				q.Set(pairs[i], pairs[i+1])
			}
		}
	}
	desk := func(y *auditYear) string { return deskOf(y.rnd.IntN(departments), y.rnd.IntN(deskCount)) }
	const day = 24 * time.Hour
	return []auditQuestion{
		{"nothing: the newest", true, set()},
		{"nothing: the oldest", true, set("newest", "false")},
		{"a day", true, func(y *auditYear, q url.Values) { span(y, q, day) }},
		{"person", true, func(y *auditYear, q url.Values) { q.Set("subject", y.person()) }},
		{"person and a month", false, func(y *auditYear, q url.Values) { q.Set("subject", y.person()); span(y, q, 30*day) }},
		{"kind", true, set("kind", "listening")},
		{"kind and a day", true, func(y *auditYear, q url.Values) { q.Set("kind", "admin"); span(y, q, day) }},
		{"action", true, set("action", "recording.listen")},
		{"action's beginning", true, set("action", "recording.")},
		{"object", true, func(y *auditYear, q url.Values) { q.Set("object", desk(y)) }},
		{"outcome", true, set("outcome", "denied")},
		{"address", true, func(y *auditYear, q url.Values) {
			q.Set("source", fmt.Sprintf("10.1.%d.%d", y.rnd.IntN(16), y.rnd.IntN(250)))
		}},
		{"text: a caller's number", false, func(y *auditYear, q url.Values) { q.Set("text", callerOf(y.rnd.IntN(y.rows))) }},
		{"text: a name", true, func(y *auditYear, q url.Values) {
			q.Set("text", families[y.rnd.IntN(len(families))]+givens[y.rnd.IntN(len(givens))])
		}},
		{"text: two words and an action", false, func(y *auditYear, q url.Values) {
			q.Set("text", "山田 "+desk(y))
			q.Set("action", "extension.put")
		}},
		{"text that nobody wrote", false, set("text", "太山郎田")},
		{"two that never meet", false, set("subject", "system", "outcome", "denied")},
		{"everything at once", false, func(y *auditYear, q url.Values) {
			set("kind", "listening", "action", "recording.listen", "outcome", "allowed", "text", "complaint")(y, q)
			q.Set("subject", y.person())
			span(y, q, 90*day)
		}},
	}
}
