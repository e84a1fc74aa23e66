package main

import (
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"naisen/cmd/pbx/internal/app"
	"naisen/cmd/pbx/internal/queue"
	"naisen/provisioning"
)

// simKept is the queue with an offer to call back, and a place that was kept before the switch was started.
func simKept(more ...provisioning.Entity) []provisioning.Entity {
	return append(simQueue(func(q *provisioning.Queue) {
		q.Title, q.Policy = "税務", "after"
		q.CallBack = provisioning.QueueCallBack{Offer: true, After: 5, Payer: "2004", Tries: 2, Minutes: 1}
		q.Announce.Every = 15
	}), more...)
}

var simPlace = provisioning.CallBack{ID: "before-q1", Queue: "7001", Number: "+819011112222", Arrived: time.Date(1999, 12, 31, 23, 0, 0, 0, time.UTC),
	After: time.Date(2000, 1, 1, 0, 0, 10, 0, time.UTC)}

// filed are the changes that wait for the store, as text.
func (o *stage) filed() (out []string) {
	for len(o.p.queues.desk) > 0 {
		switch c := (<-o.p.queues.desk).(type) {
		case queue.Keep:
			out = append(out, "keep "+c.CallBack.Number)
			o.p.queues.Kept(c.Call, true)
		case queue.Change:
			out = append(out, "change "+c.CallBack.Number)
		case queue.Drop:
			out = append(out, "drop "+c.ID)
		}
	}
	return out
}

func (o *stage) files(want ...string) {
	o.t.Helper()
	if got := o.filed(); !slices.Equal(got, want) {
		o.t.Errorf("the store is asked for %q, want %q", got, want)
	}
}

// A place kept before a restart is called when an agent is free: the agent first, then the customer, who hears the notice and is recorded.
func TestCallBackFromQueue(t *testing.T) {
	onStage(t, "queue-call-back", func(o *stage) {
		first := o.phones["2001"]
		o.wait(8 * time.Second)
		in := first.Expect("INVITE")
		if from := in.From(); from.URI.User != "09011112222" || from.Display != "折り返し 税務" {
			t.Errorf("the agent's phone shows %v", from)
		}
		o.agentIs("2001", queue.Offered)
		a := o.acked(side{first, in, first.Reply(in, 200, with(first, "0 8 101")), false})
		in = o.carrier.Expect("INVITE")
		o.carrier.Reply(in, 180, nil)
		o.wait(3 * time.Second)
		b := o.acked(side{o.carrier, in, o.carrier.Reply(in, 200, with(o.carrier, "0 8 101")), false})
		o.wait(6 * time.Second)
		o.agentIs("2001", queue.Busy)
		b.bye(a)
		o.wait(time.Second)
		o.agentIs("2001", queue.Ready)
		o.waited("7001 called-back 2001 1")
		o.files("drop before-q1")
		o.records("2001 > 09011112222 09011112222 200 OK by called")
		if r := o.tape.recordings; len(r) != 1 || r[0].of.Notice == nil || r[0].of.DID != "7001" || len(r[0].links) != 1 || r[0].links[0].Call != "before" {
			t.Errorf("recordings %+v", r)
		}
	}, simKept(simPlace)...)
}

// An agent who does not answer is no try of the customer's; a customer who does not answer is one, and the next comes later.
func TestCallBackInVain(t *testing.T) {
	onStage(t, "", func(o *stage) {
		first, second := o.phones["2001"], o.phones["2002"]
		o.wait(8 * time.Second)
		in := first.Expect("INVITE")
		first.Reply(in, 486, nil)
		first.Expect("ACK")
		in = second.Expect("INVITE")
		o.files()
		a := o.acked(side{second, in, second.Reply(in, 200, with(second, "0 8 101")), false})
		in = o.carrier.Expect("INVITE")
		o.carrier.Reply(in, 486, nil)
		o.carrier.Expect("ACK")
		a.hungUp()
		o.wait(time.Second)
		o.files("change +819011112222")
		if got := o.library.heard(); got != "call/busy" {
			t.Errorf("the agent heard %q", got)
		}
		o.records("2001 > 09011112222  486 Busy Here by switch", "2002 > 09011112222  486 Busy Here by switch")
	}, simKept(simPlace)...)
}

// The lock of the payer's telephone is for who dials there: a kept place is called all the same. Who wants to hear it is judged by its queue.
func TestCallBackOfALockedPayer(t *testing.T) {
	place := simPlace
	place.DID = simAnswered
	onStage(t, "", func(o *stage) {
		first := o.phones["2001"]
		o.wait(8 * time.Second)
		in := first.Expect("INVITE")
		a := o.acked(side{first, in, first.Reply(in, 200, with(first, "0 8 101")), false})
		in = o.carrier.Expect("INVITE")
		b := o.acked(side{o.carrier, in, o.carrier.Reply(in, 200, with(o.carrier, "0 8 101")), false})
		o.wait(6 * time.Second)
		_, seen := o.p.monitors.find(t.Context(), app.Wish{Domain: simDomain, Agent: "2001"})
		if seen.Queue != "7001" || !slices.Contains(seen.Called, simAnswered) {
			t.Errorf("it is judged by %+v", seen)
		}
		b.bye(a)
		o.wait(time.Second)
		o.files("drop before-q1")
	}, simKept(place, provisioning.Settings{Extension: "2004", Locked: true})...)
}

// A place that we may not call costs the customer no try: it comes again later, and the operator hears of it.
func TestCallBackIsRefused(t *testing.T) {
	place := simPlace
	place.Tries = 1 // of two
	closed := provisioning.Rights{Classes: []string{provisioning.ClassNational}}
	entities := append([]provisioning.Entity{provisioning.Extension{Number: "2005", Rights: &closed}}, simKept(place)...)
	for i, e := range entities {
		if q, ok := e.(provisioning.Queue); ok {
			q.CallBack.Payer = "2005"
			entities[i] = q
		}
	}
	onStage(t, "", func(o *stage) {
		o.wait(20 * time.Second)
		select {
		case cmd := <-o.p.queues.desk:
			if c, ok := cmd.(queue.Change); !ok || c.CallBack.Tries != 1 || !c.CallBack.After.After(place.After) {
				t.Errorf("the store is asked for %+v", cmd)
			}
		default:
			t.Error("the place is not put off")
		}
		o.agentIs("2001", queue.Ready)
		if list := o.p.alarms.Alarms(simDomain); len(list) != 1 || list[0].Name != "call-back-refused" || list[0].Object != "7001" {
			t.Errorf("alarms %+v", list)
		}
	}, entities...)
}

// A waiting caller is offered it, hears the number, may give another one, and is kept; what is stored is the place of the arrival.
func TestQueueOffersCallBack(t *testing.T) {
	entities := simKept()
	for i, e := range entities {
		if x, ok := e.(provisioning.Agent); ok {
			x.Paused = "lunch"
			entities[i] = x
		}
	}
	for name, c := range map[string]struct {
		keys  []string
		kept  string
		heard string
	}{
		"own number":    {[]string{"1", "", "1"}, "keep +819033334444", "queue/callback-number " + spelled("09033334444") + " queue/callback-confirm"},
		"other number":  {[]string{"1", "", "0312345678#"}, "keep +81312345678", "queue/callback-confirm"},
		"a colleague":   {[]string{"1", "", "2003#"}, "keep 2003", "queue/callback-confirm"},
		"abroad first":  {[]string{"1", "", "00108612345678#", "", "1"}, "keep +819033334444", "ivr/invalid queue/callback-confirm"},
		"premium first": {[]string{"1", "", "0990123456#", "", "1"}, "keep +819033334444", "ivr/invalid"},
		"110 first":     {[]string{"1", "", "110#", "", "1"}, "keep +819033334444", "ivr/invalid"},
	} {
		t.Run(name, func(t *testing.T) {
			onStage(t, map[string]string{"own number": "queue-offer"}[name], func(o *stage) {
				r := o.carrier.NewRequest("INVITE", simQueueDID)
				r.SetBody("application/sdp", description(o.carrier, "0 8 101"))
				from := r.From()
				from.URI.User = "+819033334444"
				r.SetFrom(from)
				o.carrier.Send(r)
				a := side{o.carrier, r, o.carrier.ExpectStatus(200, "INVITE"), true}
				o.carrier.Ack(r, a.resp)
				o.wait(21 * time.Second) // the notice, the welcome, then the first interval
				for _, keys := range c.keys {
					for _, k := range keys {
						a.inform(string(k))
					}
					o.wait(3500 * time.Millisecond)
				}
				o.files(c.kept)
				a.hungUp()
				got := o.library.heard()
				if !strings.Contains(got, c.heard) || !strings.HasSuffix(got, " queue/callback-accepted") {
					t.Errorf("heard %q, want %q in it and the confirmation at its end", got, c.heard)
				}
				o.waited("7001 call-back  0")
			}, entities...)
		})
	}
}

// TestQueueReach: whom a queue may call back.
func TestQueueReach(t *testing.T) {
	closed := provisioning.Rights{Classes: []string{provisioning.ClassNational}}
	d := simDirectory(t, append(simKept(),
		provisioning.Queue{Number: "7002", Members: []provisioning.QueueMember{{Agent: "2001"}}, CallBack: provisioning.QueueCallBack{Payer: "2004"}},
		provisioning.Extension{Number: "2005", Rights: &closed},
		provisioning.Settings{Extension: "2005", Locked: true}, // nobody dials there
		provisioning.Queue{Number: "7003", Members: []provisioning.QueueMember{{Agent: "2001"}}, CallBack: provisioning.QueueCallBack{Offer: true, Payer: "2005"}})...)
	q := &queues{directory: d, log: slog.New(slog.DiscardHandler)}
	for _, c := range []struct {
		queue, who, want string
	}{
		{"7001", "+819033334444", "+819033334444"}, {"7001", "0312345678", "+81312345678"}, {"7001", "2001", "2001"},
		{"7001", "", ""}, {"7001", "999", ""}, {"7001", "+8613912345678", ""}, {"7001", "0108613912345678", ""}, {"7001", "0990123456", ""},
		{"7001", "119", ""}, {"7001", "0570000000", ""}, {"7001", "*97", ""},
		{"7002", "0312345678", ""},                                          // no offer
		{"7003", "0312345678", "+81312345678"}, {"7003", "09033334444", ""}, // the payer may not
		{"7009", "0312345678", ""},
	} {
		if got, ok := q.Reach(simDomain, c.queue, c.who); got != c.want || ok != (c.want != "") {
			t.Errorf("%s calls %q back at %q %v, want %q", c.queue, c.who, got, ok, c.want)
		}
	}
}

// spelled is a number as the library is asked to say it.
func spelled(digits string) string {
	return strings.TrimSpace(regexp.MustCompile(".").ReplaceAllString(digits, "number/$0 "))
}

// TestPlaceSurvivesARestart: what a caller was promised stands in the store, and the next switch of that store waits for an agent with it.
func TestPlaceSurvivesARestart(t *testing.T) {
	data := t.TempDir()
	place := provisioning.CallBack{ID: "c1-q1", Queue: "7001", Number: "+819011112222", Arrived: time.Now().UTC()}
	t.Run("promised", func(t *testing.T) {
		l := newLab(t, func(c *Config) { c.Data = data })
		l.put(provisioning.Queue{Number: "7001", Members: []provisioning.QueueMember{{Agent: "2001"}}, CallBack: provisioning.QueueCallBack{Offer: true, Payer: "2001"}})
		l.p.queues.do(queue.Keep{Call: "c1", Domain: l.p.config.Domain, CallBack: place}) // what waits for the store is written before the switch ends
	})
	t.Run("waits again", func(t *testing.T) {
		l := newLab(t, func(c *Config) { c.Data = data })
		waitFor(t, func() bool {
			return l.p.queues.View().Queues[queue.Key{Domain: l.p.config.Domain, Number: "7001"}].Kept == 1
		})
		if list := l.p.directory.Snapshot().CallBacks(l.p.config.Domain); len(list) != 1 || list[0].Number != place.Number || !list[0].Arrived.Equal(place.Arrived) {
			t.Errorf("the store has %+v", list)
		}
	})
}
