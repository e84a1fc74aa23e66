package app

import (
	"context"
	"slices"
	"strconv"
	"time"

	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/queue"
	"naisen/cmd/pbx/internal/route"
	"naisen/provisioning"
	"naisen/sip"
)

// Queues is the part of queue.Distributor that a waiting call needs, and the queue as it is set now.
type Queues interface {
	Queue(domain, number string) (provisioning.Queue, bool)
	Join(queue.Caller) *queue.Seat
	Refused(call, agent string)
	Answered(call, agent string)
	WantKept(call, number string)
	Place(call string) (queue.Place, bool)
	// Reach is the number as it is kept for a call-back of a queue; false: nobody is called back there.
	Reach(domain, queue, number string) (string, bool)
}

const (
	promptFull     = "queue/full"
	promptClosed   = "greeting/closed"
	promptOffer    = "queue/callback-offer"
	promptAccepted = "queue/callback-accepted"
	keepKey        = "1"
	saidAtMost     = 10 // places and minutes above it are said as more than ten
)

// waits is what a queueing script waits for to end.
type waits int

const (
	waitsNothing waits = iota
	waitsSaid          // a sentence, then music again
	waitsGoodbye       // the last sentence, then the end
)

// queueing is a caller in a queue: it answers, plays music, says what is to be said, and rings whom the distributor names. When its caller is
// gone the distributor learns it from the call itself.
type queueing struct {
	from    Programs
	conf    provisioning.Queue
	seat    *queue.Seat
	ringing []string // agents whose report is owed
	waits   waits
	keeping bool      // the caller asked to be called back
	asking  bool      // at which number is being asked
	number  string    // of the caller, as it can be called back; empty: it cannot
	why     sip.Cause // told at the end
}

// On implements call.Script.
func (q *queueing) On(f call.Facts, c call.Cue) []call.Order {
	switch c := c.(type) {
	case call.Began:
		return q.begin(f)
	case call.Played:
		return q.played(f)
	case call.Elapsed:
		return q.remind(f)
	case call.Gathered:
		return q.pressed(f, c.Keys.Reveal())
	case call.Result:
		notes, _ := c.Value.([]queue.Command)
		return q.hear(f, notes)
	case call.Unanswered:
		q.refuse(f)
	case call.Reached:
		q.from.Queues.Answered(f.Call, c.Extension)
		q.leave()
	case call.Refused: // the way out is closed
		return q.goodbye(f, promptFull, c.Cause)
	case call.Left:
		q.leave()
	}
	return nil
}

func (q *queueing) begin(f call.Facts) []call.Order {
	q.conf, _ = q.from.Queues.Queue(f.Domain, f.Run.Name)
	if q.number = f.Number; f.Trunk == "" {
		q.number = f.Extension
	}
	q.number, _ = q.from.Queues.Reach(f.Domain, f.Run.Name, q.number)
	boost, _ := strconv.Atoi(f.Run.Data["boost"])
	caller := queue.Caller{Call: f.Call, Queue: queue.Key{Domain: f.Domain, Number: f.Run.Name}, From: f.Number, Language: f.Language,
		Closed: f.Run.Data["closed"] != "", Boost: boost, DID: f.Run.Data["did"]}
	q.seat = q.from.Queues.Join(caller)
	orders := []call.Order{call.PickUp{}, q.listen(), call.Wake{After: q.every()}}
	if q.conf.Announce.Welcome == "" {
		return append(orders, q.music(f))
	}
	return append(orders, q.say(f, Say(q.conf.Announce.Welcome)))
}

// listen waits for the distributor.
func (q *queueing) listen() call.Order {
	seat := q.seat
	return call.Beside{Work: func(ctx context.Context) any { return seat.Wait(ctx) }}
}

func (q *queueing) every() time.Duration {
	if n := q.conf.Announce.Every; n > 0 {
		return time.Duration(n) * time.Second
	}
	return 45 * time.Second
}

func (q *queueing) music(f call.Facts) call.Order {
	q.waits = waitsNothing
	if q.conf.Announce.Music != "" {
		return call.Play{Program: q.from.Loop(f.Domain, q.conf.Announce.Music)}
	}
	return call.Play{Program: q.from.Music(f.Domain)}
}

func (q *queueing) say(f call.Facts, what ...Phrase) call.Order {
	q.waits = waitsSaid
	return call.Play{Program: q.from.Speak(f.Domain, f.Language, what...)}
}

// goodbye says the last sentence and ends.
func (q *queueing) goodbye(f call.Facts, prompt string, cause sip.Cause) []call.Order {
	q.leave()
	play := q.say(f, Say(prompt))
	q.waits, q.why = waitsGoodbye, cause
	return []call.Order{call.Wake{}, play}
}

func (q *queueing) leave() {
	if q.seat != nil {
		q.seat.Close()
		q.seat = nil
	}
}

func (q *queueing) played(f call.Facts) []call.Order {
	if q.waits == waitsGoodbye {
		return []call.Order{call.Finish{Cause: q.why}}
	}
	if q.asking { // silence, in which the caller thinks and presses
		return nil
	}
	if q.waits == waitsNothing { // the music cannot be played: silence, and no second try
		return nil
	}
	return []call.Order{q.music(f)}
}

// remind says where the caller stands, and offers to call back.
func (q *queueing) remind(f call.Facts) []call.Order {
	if q.waits == waitsGoodbye {
		return nil
	}
	orders := []call.Order{call.Wake{After: q.every()}}
	if len(q.ringing) > 0 || q.keeping || q.asking {
		return orders
	}
	what := q.status(f)
	after := time.Duration(q.conf.CallBack.After) * time.Second
	if after == 0 {
		after = 30 * time.Second
	}
	offer := q.conf.CallBack.Offer && q.number != "" && f.Now.Sub(f.Began) >= after
	if offer {
		what = append(what, Say(promptOffer))
		orders = append(orders, call.Gather{Max: 1, First: 10 * time.Second, Fresh: true})
	}
	if len(what) == 0 {
		return orders
	}
	return append([]call.Order{q.say(f, what...)}, orders...)
}

func (q *queueing) status(f call.Facts) (what []Phrase) {
	a := q.conf.Announce
	if a.Again != "" {
		what = append(what, Say(a.Again))
	}
	place, ok := q.from.Queues.Place(f.Call)
	if !ok {
		return what
	}
	if a.Position {
		what = append(what, count("queue/position", place.Position)...)
	}
	if a.Estimate && place.Estimate >= 0 {
		what = append(what, count("queue/estimate", int(place.Estimate.Round(time.Minute)/time.Minute))...)
	}
	return what
}

// count says a number between its two halves of a sentence: queue/position, number/3, queue/position-end.
func count(prompt string, n int) []Phrase {
	if n > saidAtMost {
		return []Phrase{Say(prompt + "-many")}
	}
	return []Phrase{Say(prompt), Say("number/" + strconv.Itoa(max(n, 1))), Say(prompt + "-end")}
}

// hear does what the distributor has noted.
func (q *queueing) hear(f call.Facts, notes []queue.Command) (orders []call.Order) {
	if q.seat == nil { // it has left
		return nil
	}
	for _, n := range notes {
		switch n := n.(type) {
		case queue.Offer:
			orders = append(orders, q.offer(n))
		case queue.Withdraw:
			q.ringing = slices.DeleteFunc(q.ringing, func(a string) bool { return a == n.Agent })
			if len(q.ringing) == 0 {
				orders = append(orders, call.Unring{})
			}
		case queue.Answer:
			q.keeping = false
			if n.Kept {
				return append(orders, q.goodbye(f, promptAccepted, sip.CauseNormal)...)
			}
			orders = append(orders, q.say(f, Say("feature/not-possible")))
		case queue.Overflow:
			return append(orders, q.overflow(f, n)...)
		}
	}
	return append(orders, q.listen())
}

func (q *queueing) offer(n queue.Offer) call.Order {
	step := route.Step{Ring: n.Ring}
	for _, a := range n.Agents {
		q.ringing = append(q.ringing, a.Agent)
		step.Targets = append(step.Targets, route.Target{Kind: route.ToExtension, Number: a.Agent})
	}
	return call.Ring{Step: step}
}

// refuse reports that nobody answered.
func (q *queueing) refuse(f call.Facts) {
	for _, a := range q.ringing {
		q.from.Queues.Refused(f.Call, a)
	}
	q.ringing = nil
}

func (q *queueing) overflow(f call.Facts, n queue.Overflow) []call.Order {
	q.ringing = nil
	if n.To != nil {
		q.leave()
		if n.To.Voicemail != "" {
			plan := q.from.Leave(f.Domain, n.To.Voicemail)
			plan.Language = f.Language
			return []call.Order{call.Unring{}, call.Follow{Plan: plan}}
		}
		return []call.Order{call.Unring{}, call.Goto{Number: n.To.Dialled(), For: n.Payer}}
	}
	prompt := promptFull
	if n.Why == provisioning.OutcomeClosed {
		prompt = promptClosed
	}
	return append([]call.Order{call.Unring{}}, q.goodbye(f, prompt, sip.CauseUnavailable)...)
}

// Yields implements call.Yielding: waiting is nobody's secret.
func (*queueing) Yields() {}
