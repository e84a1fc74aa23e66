package event

import (
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"naisen/sip/stack"
)

const maxTries = 3 // refusals in a row that may pass, before a subscription is given up

// flush sends what is due: one NOTIFY at a time, so that they cannot overtake each other, and no faster than the interval (RFC 4235
// section 3.10). What changes meanwhile stays due.
func (s *subscription) flush() {
	if s.gone || s.busy || !s.dirty {
		return
	}
	if wait := time.Until(s.next); wait > 0 && !s.urgent {
		if s.pace.stop == nil {
			s.pace.set(s, wait, s.flush)
		}
		return
	}
	if s.why == "" {
		switch s.n.cfg.Judge(s.watcher.AOR, s.resource, s.pkg.Name()) {
		case 200:
		case 404:
			s.why = reasonNoResource
		default:
			s.why = reasonRejected
		}
	}
	to, ok := s.reach()
	if !ok {
		s.orphaned()
		return
	}
	s.pace.clear()
	s.dirty, s.urgent = false, false
	doc := Document{}
	if s.why == "" || s.tell {
		doc = s.view.Document(s.all || s.why != "")
	}
	if doc.Same {
		s.n.coalesced.Add(1)
		return
	}
	s.all, s.dirty = false, doc.Again && s.why == ""
	s.send(to, doc)
}

func (s *subscription) send(to stack.Target, doc Document) {
	r := s.notify()
	state := "terminated;reason=" + s.why
	if s.why == "" {
		state = "active;expires=" + itoa(int(max(time.Until(s.until), 0).Round(time.Second)/time.Second))
	}
	r.Set("Subscription-State", state)
	if len(doc.Body) > 0 {
		r.SetBody(s.pkg.Type(), doc.Body)
	}
	s.busy, s.final, s.next = true, s.why != "", time.Now().Add(s.n.cfg.Interval)
	s.n.sent.Add(1)
	s.n.st.Send(r, to, s.answered)
}

// answered: whoever refuses a NOTIFY, or does not answer it, has no subscription any more (RFC 6665 section 4.2.2, RFC 5057 section 5.2).
func (s *subscription) answered(_ *stack.ClientTx, res stack.Result) {
	if s.gone || res.Response != nil && res.Response.Status < 200 {
		return
	}
	s.busy = false
	switch {
	case s.final:
		s.over()
	case res.Err == nil && res.Response.Status < 300:
		s.tries = 0
		s.flush()
	case errors.Is(res.Err, stack.ErrFlowGone):
		s.dirty, s.all = true, true
		if _, ok := s.reach(); ok {
			s.flush()
			return
		}
		s.orphaned()
	case res.Err == nil && passes(res.Response.Status) && s.tries < maxTries:
		s.tries++
		s.dirty, s.all, s.next = true, true, time.Now().Add(patience(res.Response))
		s.flush()
	default:
		s.n.failed.Add(1)
		status := 0
		if res.Response != nil {
			status = res.Response.Status
		}
		s.n.log.Info("subscription ended: NOTIFY failed", slog.String("watcher", s.watcher.String()), slog.String("event", s.pkg.Name()),
			slog.Int("status", status), slog.Any("error", res.Err))
		s.over()
	}
}

// passes tells which refusals say nothing about the subscription.
func passes(status int) bool { return status == 491 || status == 500 || status == 503 }

// patience is how long the subscriber wants to be left alone: 1 to 30 seconds.
func patience(r *stack.Response) time.Duration {
	v, _, _ := strings.Cut(r.Get("Retry-After"), ";")
	v, _, _ = strings.Cut(v, "(")
	n, err := strconv.Atoi(strings.TrimSpace(v))
	if err != nil {
		n = 2
	}
	return time.Duration(min(max(n, 1), 30)) * time.Second
}
