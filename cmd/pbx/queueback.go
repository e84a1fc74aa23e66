package main

import (
	"errors"
	"strings"
	"time"

	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/queue"
	"naisen/cmd/pbx/internal/route"
	"naisen/provisioning"
)

// Reach implements app.Queues: the number as it is kept, if a queue may call it back. Only numbers of our own people and ordinary numbers of
// the country: who waits in a queue is a stranger, and whatever the payer may call, nobody has abroad or a premium service called by us.
func (q *queues) Reach(domain, number, who string) (string, bool) {
	snap := q.directory.Snapshot()
	conf, ok := snap.Queue(domain, number)
	if !ok || !conf.CallBack.Offer || who == "" {
		return "", false
	}
	if snap.Active(domain, who) {
		return who, true
	}
	kept := e164(who)
	if kept == "" {
		return "", false
	}
	to := national(kept)
	plan := route.Route(snap, route.Request{Domain: domain, Extension: conf.CallBack.Payer, Dialled: to, E164: kept, Standing: true}, time.Now())
	switch {
	case plan.Refuse.Status != 0 || plan.Emergency || route.IsEmergency(to) || plan.Direction != route.Outbound:
		return "", false
	case plan.Charge.Class != provisioning.ClassNational && plan.Charge.Class != provisioning.ClassMobile && plan.Charge.Class != provisioning.ClassTollFree:
		return "", false
	}
	return kept, true
}

// callBack rings an agent and then the customer whose place came, and reports what came of it.
func (q *queues) callBack(c queue.CallBack) {
	snap := q.directory.Snapshot()
	conf, _ := snap.Queue(c.Domain, c.CallBack.Queue)
	domain, _ := snap.Domain(c.Domain)
	told := func(what queue.Tried) { q.Called(c.Domain, c.CallBack.ID, c.Agent.Agent, what) }
	language := domain.Language
	if c.CallBack.Language != "" {
		language = c.CallBack.Language
	}
	now := route.At(snap, time.Now())
	record := route.Recording(now, c.Domain, conf.Policy, conf.Number, language)
	if did, ok := snap.DID(c.Domain, c.CallBack.DID); ok && did.Policy != "" {
		record = route.Recording(now, c.Domain, did.Policy, did.Number, language).And(record)
	}
	_, err := q.origins.begin(wish{domain: c.Domain, first: c.Agent.Agent, payer: conf.CallBack.Payer, to: national(c.CallBack.Number), record: record,
		called: []string{c.CallBack.DID}, queue: c.CallBack.Queue, after: callOfVisit(c.CallBack.ID),
		shown: route.Shown{Number: national(c.CallBack.Number), Display: callBackTo(domain.Language, conf.Title)}, ring: c.Ring, idle: true,
		done: func(o call.Originated) {
			switch {
			case o.Reached:
				told(queue.TriedReached)
			case o.Answered:
				told(queue.TriedNobody)
			default:
				told(queue.TriedAgent)
			}
		}})
	var bad *provisioning.Invalid
	switch {
	case err == nil:
	case errors.As(err, &bad) && bad.Field != "from":
		q.log.Warn("queues: a kept place cannot be called", "domain", c.Domain, "queue", c.CallBack.Queue, "why", bad.Reason)
		q.alarm("call-back-refused", c.Domain, c.CallBack.Queue, "")
		told(queue.TriedRefused)
	default: // the agent's telephone is gone, or the switch has too much to do
		told(queue.TriedAgent)
	}
}

// callOfVisit is the call in which a customer waited: its visits are numbered behind its id.
func callOfVisit(id string) string { return id[:max(strings.LastIndex(id, "-q"), 0)] }

// callBackTo is what the phone of somebody who is rung for a call-back displays.
func callBackTo(language, whom string) string {
	if language == "en" {
		return strings.TrimSpace("Call back: " + whom)
	}
	return strings.TrimSpace("折り返し " + whom)
}

// national is a number of the country as people dial it.
func national(e164 string) string {
	if rest, ok := strings.CutPrefix(e164, "+81"); ok {
		return "0" + rest
	}
	return e164
}
