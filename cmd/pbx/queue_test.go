package main

import (
	"fmt"
	"testing"
	"time"

	"naisen/cmd/pbx/internal/queue"
	"naisen/provisioning"
)

const simQueueDID = "+81366666666"

// simQueue is a queue of two agents, the first of whom is preferred.
func simQueue(change func(*provisioning.Queue)) []provisioning.Entity {
	q := provisioning.Queue{Number: "7001", Strategy: provisioning.ByRank, Policy: "silent", WrapUp: 10,
		Members: []provisioning.QueueMember{{Agent: "2001"}, {Agent: "2002", Rank: 1}}, Announce: provisioning.QueueAnnounce{Welcome: "queue/wait"}}
	if change != nil {
		change(&q)
	}
	return []provisioning.Entity{q, provisioning.Agent{Number: "2001", SignedIn: true}, provisioning.Agent{Number: "2002", SignedIn: true},
		provisioning.DID{Number: simQueueDID, Queue: "7001"}}
}

// enters is a caller who has come into the queue by its number: the switch has answered.
func (o *stage) enters(did string) side {
	out := o.invite(o.carrier, did, nil)
	a := side{o.carrier, out, o.carrier.ExpectStatus(200, "INVITE"), true}
	o.carrier.Ack(out, a.resp)
	return a
}

// waited compares what the reports will count: "queue outcome agent offers".
func (o *stage) waited(want ...string) {
	o.t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	var got []string
	for _, v := range o.visits {
		got = append(got, fmt.Sprintf("%s %s %s %d", v.Queue, v.Outcome, v.Agent, v.Offers))
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		o.t.Errorf("visits %q, want %q", got, want)
	}
}

func (o *stage) agent(number string) queue.State {
	return o.p.queues.View().Agents[queue.Key{Domain: simDomain, Number: number}].State
}

func (o *stage) agentIs(number string, want queue.State) {
	o.t.Helper()
	if got := o.agent(number); got != want {
		o.t.Errorf("%s is %s, want %s", number, got, want)
	}
}

// A caller waits in music, the first agent refuses and is passed over, the second answers: one call, one recording, one record.
func TestWaitForAnAgent(t *testing.T) {
	onStage(t, "queue-answered", func(o *stage) {
		first, second := o.phones["2001"], o.phones["2002"]
		a := o.enters(simQueueDID)
		in := first.Expect("INVITE")
		o.agentIs("2001", queue.Offered)
		first.Reply(in, 486, nil)
		first.Expect("ACK")
		in = second.Expect("INVITE")
		o.agentIs("2001", queue.Resting)
		b := side{second, in, second.Reply(in, 200, with(second, "0 8 101")), false}
		second.Expect("ACK")
		o.wait(5 * time.Second)
		o.agentIs("2002", queue.Talking)
		b.bye(a)
		o.wait(time.Second)
		o.agentIs("2002", queue.WrapUp)
		o.wait(10 * time.Second)
		o.agentIs("2002", queue.Ready)
		o.waited("7001 answered 2002 2")
		o.records(" > " + simQueueDID + " 2002 200 OK by called")
		if n := len(o.tape.recordings); n != 1 {
			t.Errorf("%d recordings", n)
		}
	}, simQueue(nil)...)
}

// A caller who hangs up while an agent is rung is lost by nobody: the telephone stops, the agent is free at once.
func TestCallerGivesUpInQueue(t *testing.T) {
	onStage(t, "queue-abandoned", func(o *stage) {
		first := o.phones["2001"]
		a := o.enters(simQueueDID)
		in := first.Expect("INVITE")
		first.Reply(in, 180, nil)
		o.wait(time.Second)
		a.do("BYE", 200, nil)
		first.Reply(first.Expect("CANCEL"), 200, nil)
		first.Reply(in, 487, nil)
		first.Expect("ACK")
		o.wait(time.Second)
		o.agentIs("2001", queue.Ready)
		o.waited("7001 abandoned  1")
	}, simQueue(nil)...)
}

// Nobody is signed in: the caller goes where the queue says, by the rights of its payer.
func TestQueueOverflows(t *testing.T) {
	entities := simQueue(func(q *provisioning.Queue) {
		q.Overflow = provisioning.QueueOverflow{NoAgents: toExt("2003"), Payer: "2001"}
	})
	for i, e := range entities {
		if x, ok := e.(provisioning.Agent); ok {
			x.SignedIn = false
			entities[i] = x
		}
	}
	onStage(t, "queue-overflow", func(o *stage) {
		third := o.phones["2003"]
		a := o.enters(simQueueDID)
		in := third.Expect("INVITE")
		b := side{third, in, third.Reply(in, 200, with(third, "0 8 101")), false}
		third.Expect("ACK")
		o.wait(time.Second)
		b.bye(a)
		o.waited("7001 no-agents  0")
	}, entities...)
}

// Nobody is signed in: the caller leaves a message, which nobody pays for. A mailbox that takes none is a way out that is closed.
func TestQueueOverflowsToAMailbox(t *testing.T) {
	for _, off := range []bool{false, true} {
		entities := []provisioning.Entity{provisioning.Mailbox{Number: "7100", Off: off}}
		for _, e := range simQueue(func(q *provisioning.Queue) {
			q.Overflow = provisioning.QueueOverflow{NoAgents: &provisioning.Destination{Voicemail: "7100"}}
		}) {
			if x, ok := e.(provisioning.Agent); ok {
				x.SignedIn = false
				e = x
			}
			entities = append(entities, e)
		}
		name := "queue-voicemail"
		if off {
			name = ""
		}
		onStage(t, name, func(o *stage) {
			a := o.enters(simQueueDID)
			if off {
				a.hungUp()
				o.waited("7001 no-agents  0")
				return
			}
			o.wait(10 * time.Second)
			a.p.Send(a.request("BYE"))
			a.p.ExpectStatus(200, "BYE")
			if n := o.boxes.count("7100"); n.New != 1 {
				t.Errorf("%+v messages", n)
			}
			o.records(" > " + simQueueDID + " queue:7001 200 OK by caller") // who answered first
			o.waited("7001 no-agents  0")
		}, entities...)
	}
}

// An agent who takes a call of its own while it is rung is left alone, and the caller keeps the first place.
func TestAgentCallsMeanwhile(t *testing.T) {
	onStage(t, "", func(o *stage) {
		first, second, other := o.phones["2001"], o.phones["2002"], o.phones["2003"]
		a := o.enters(simQueueDID)
		rung := first.Expect("INVITE")
		first.Reply(rung, 180, nil)
		out := o.invite(first, "2003", nil)
		in := other.Expect("INVITE")
		first.Reply(first.Expect("CANCEL"), 200, nil)
		first.Reply(rung, 487, nil)
		first.Expect("ACK")
		o.agentIs("2001", queue.Busy)
		again := second.Expect("INVITE")
		b := side{second, again, second.Reply(again, 200, with(second, "0 8 101")), false}
		second.Expect("ACK")
		other.Reply(in, 486, nil)
		other.Expect("ACK")
		first.Ack(out, first.ExpectStatus(486, "INVITE"))
		o.wait(time.Second)
		b.bye(a)
		o.waited("7001 answered 2002 2")
	}, simQueue(nil)...)
}

// A queue is dialled inside too, and who transfers a caller there is let go.
func TestTransferIntoQueue(t *testing.T) {
	onStage(t, "queue-transfer", func(o *stage) {
		third, first := o.phones["2003"], o.phones["2001"]
		a, b := o.talk(o.carrier, third, simPlain)
		b.refer("sip:7001@" + simDomain)
		in := first.Expect("INVITE")
		b.notified("200 OK")
		b.hungUp()
		c := side{first, in, first.Reply(in, 200, with(first, "0 8 101")), false}
		first.Expect("ACK")
		o.wait(time.Second)
		c.bye(a)
		o.waited("7001 answered 2001 1")
	}, simQueue(nil)...)
}

// TestAgentAtADesk: an agent whose only telephone is the desk at which it is signed in takes calls there.
func TestAgentAtADesk(t *testing.T) {
	onStage(t, "", func(o *stage) {
		desk := o.phones["2001"]
		o.phones["2004"].Register(0)
		o.wait(time.Second)
		o.agentIs("2004", queue.Ready)
		a := o.enters(simQueueDID)
		in := desk.Expect("INVITE")
		b := side{desk, in, desk.Reply(in, 200, with(desk, "0 8 101")), false}
		desk.Expect("ACK")
		o.wait(5 * time.Second)
		o.agentIs("2004", queue.Talking)
		b.bye(a)
		o.wait(time.Second)
		o.waited("7001 answered 2004 1")
		desk.Register(0)
		o.wait(time.Second)
		o.agentIs("2004", queue.Unreachable)
	}, provisioning.Extension{Number: "2001", Display: "Desk", AllowMD5: true, Media: "srtp-preferred", HotDesk: &provisioning.HotDesking{}},
		provisioning.HotDesk{Desk: "2001", Person: "2004", Since: time.Unix(0, 0), Until: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)},
		provisioning.Queue{Number: "7001", Members: []provisioning.QueueMember{{Agent: "2004"}}}, provisioning.Agent{Number: "2004", SignedIn: true},
		provisioning.DID{Number: simQueueDID, Queue: "7001"})
}
