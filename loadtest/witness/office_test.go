package witness

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"naisen/loadtest/peer"
)

const (
	desks   = 5 // calls go on at once, each at its own desk
	perDesk = 4 // telephones with a voice
)

// desk is four people who call each other: the first one's calls are recorded, the others' are not.
type desk struct {
	p          *peer.PBX
	a, b, c, d *phone
	bell       *phone // rings, and nobody answers
	room       string // conference
	queue      string // served by b
	lot, slot  string

	done []deed
}

// deed is one thing that was done, and what was said meanwhile.
type deed struct {
	what     string
	from, to time.Time
	recorded bool
	said     map[int]int // by voice

	recordings []string
	lost       int             // packets that never came to the switch, as it says
	heard      []map[int]Heard // in each of them, by voice
}

// TestOfficeIsRecorded: calls that are answered, held, transferred in both ways, parked, queued, in conference and cancelled, at several desks at once. What
// was said in a recorded call is in its recordings, every packet once; of all other calls there is nothing.
func TestOfficeIsRecorded(t *testing.T) {
	t.Parallel()
	p := newPBX(t, "")
	c := newChoir()
	t.Cleanup(c.close)
	var all []*desk
	for i := range desks {
		all = append(all, furnish(t, p, c, i))
	}
	t.Run("day", func(t *testing.T) {
		for i, d := range all {
			t.Run(fmt.Sprint("desk", i), func(t *testing.T) {
				t.Parallel()
				d.day(t, rand.New(rand.NewPCG(uint64(i), 4)), *calls/desks)
			})
		}
	})
	began := time.Now()
	fresh := allStored(t, p, time.Time{}, nil)
	stored := time.Since(began)
	for _, rec := range fresh {
		_, pcm, err := channels(t.Context(), p, rec.ID)
		must(t, err)
		assign(t, all, rec, pcm)
	}
	for _, d := range all {
		for i := range d.done {
			d.done[i].judge(t)
		}
	}
	t.Logf("%d things done, %d recordings, all stored %v after the last call", *calls/desks*desks, len(fresh), stored.Round(time.Millisecond))
	reconciled(t, p)
}

// furnish makes a desk.
func furnish(t *testing.T, p *peer.PBX, c *choir, i int) *desk {
	t.Helper()
	first := 1 + i*perDesk
	recorded := staff(t, p, c, first, 1, "all")
	others := staff(t, p, c, first+1, perDesk-1, "")
	bell, err := hire(t.Context(), p, c, fmt.Sprint(3900+i), Voices, "", true)
	must(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = bell.Close(ctx)
	})
	d := &desk{p: p, a: recorded[0], b: others[0], c: others[1], d: others[2], bell: bell,
		room: fmt.Sprint(8000 + i), queue: fmt.Sprint(7000 + i), lot: fmt.Sprint(6000 + 100*i), slot: fmt.Sprint(6001 + 100*i)}
	for _, ph := range []*phone{d.a, d.b, d.c, d.d} {
		ph.shy = true
	}
	put(t, p, "queues/"+d.queue, map[string]any{"number": d.queue, "title": "Counter", "members": []map[string]any{{"agent": d.b.number}}})
	put(t, p, "agents/"+d.b.number+"/state", map[string]any{"signed_in": true})
	put(t, p, "parking-lots/"+d.lot, map[string]any{"number": d.lot, "title": "Desk", "first_slot": d.slot})
	put(t, p, "conferences/"+d.room, map[string]any{"number": d.room, "title": "Room"})
	return d
}

// day does one thing after the other.
func (d *desk) day(t *testing.T, r *rand.Rand, n int) {
	deeds := []struct {
		what     string
		recorded bool
		do       func(t *testing.T) []*leg
	}{
		{"answer", true, d.answer}, {"unrecorded", false, d.unrecorded}, {"cancel", false, d.cancel}, {"hold", true, d.hold}, {"blind", true, d.blind},
		{"attended", true, d.attended}, {"park", true, d.park}, {"queue", true, d.queued}, {"conference", true, d.conference},
	}
	for i := range n {
		k := i % len(deeds)
		if i >= len(deeds) {
			k = r.IntN(len(deeds))
		}
		done := deed{what: deeds[k].what, recorded: deeds[k].recorded, from: time.Now(), said: map[int]int{}}
		for _, l := range deeds[k].do(t) {
			done.said[l.voice] += l.said()
		}
		done.to = time.Now()
		d.done = append(d.done, done)
		for _, ph := range []*phone{d.a, d.b, d.c, d.d} {
			ph.drop()
		}
		if t.Failed() {
			t.Fatalf("at %s, deed %d", deeds[k].what, i)
		}
		pass(t, 100*time.Millisecond)
	}
}

// least is how many packets somebody says who speaks: fewer do not tell whose voice it is.
const least = 10

// speak has legs say something together. Two of them begin when each hears the other, as people do, and are silent again when the last word has arrived:
// how long a full machine needs for either, no clock knows. More than two hear a mixture, which tells nobody apart.
func speak(t *testing.T, legs ...*leg) {
	t.Helper()
	connected(t, legs)
	before := make([]int, len(legs))
	for i, l := range legs {
		before[i] = l.said()
		l.goOn()
	}
	pass(t, 400*time.Millisecond)
	if err := peer.Until(15*time.Second, func() bool {
		for i, l := range legs {
			if l.said()-before[i] < least {
				return false
			}
		}
		return true
	}); err != nil {
		t.Error("nobody speaks")
	}
	for _, l := range legs {
		l.silence()
	}
	connected(t, legs)
}

// connected waits until what legs send now is heard.
func connected(t *testing.T, legs []*leg) {
	t.Helper()
	if len(legs) != 2 {
		pass(t, 300*time.Millisecond)
		return
	}
	a, b := legs[0], legs[1]
	fromA, fromB := a.knocking(true), b.knocking(true)
	if err := peer.Until(15*time.Second, func() bool { return a.hears(b, fromB) && b.hears(a, fromA) }); err != nil {
		t.Errorf("voices %d and %d do not hear each other", a.voice, b.voice)
	}
	a.knocking(false)
	b.knocking(false)
}

// call has one phone call a number.
func (d *desk) call(t *testing.T, from *phone, number string) *talk {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	call, err := from.dial(ctx, number)
	must(t, err)
	t.Cleanup(func() { from.choir.leave(call.leg) })
	return call
}

// reached waits until a phone has got one more call than before.
func reached(t *testing.T, ph *phone, before int) *leg {
	t.Helper()
	must(t, peer.Until(15*time.Second, func() bool { return ph.count() > before }))
	pass(t, 150*time.Millisecond) // its ACK, and whoever is let go
	return ph.newest()
}

// end hangs up, and waits until the other phone knows.
func end(t *testing.T, c *talk) {
	t.Helper()
	c.Hangup()
	pass(t, 60*time.Millisecond)
}

func (d *desk) answer(t *testing.T) []*leg {
	c := d.call(t, d.a, d.b.number)
	other := reached(t, d.b, 0)
	speak(t, c.leg, other)
	end(t, c)
	return []*leg{c.leg, other}
}

func (d *desk) unrecorded(t *testing.T) []*leg {
	c := d.call(t, d.c, d.d.number)
	other := reached(t, d.d, 0)
	speak(t, c.leg, other)
	end(t, c)
	return []*leg{c.leg, other}
}

// cancel: the recorded phone gives up while the other one rings.
func (d *desk) cancel(t *testing.T) []*leg {
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := d.a.dial(ctx, d.bell.number); err == nil {
		t.Error("a bell answered")
	}
	return nil
}

func (d *desk) hold(t *testing.T) []*leg {
	c := d.call(t, d.a, d.b.number)
	other := reached(t, d.b, 0)
	speak(t, c.leg, other)
	c.Offer(c.leg.describe("sendonly"))
	pass(t, 300*time.Millisecond)
	c.Offer(c.leg.describe("sendrecv"))
	pass(t, 200*time.Millisecond)
	speak(t, c.leg, other)
	end(t, c)
	return []*leg{c.leg, other}
}

func (d *desk) blind(t *testing.T) []*leg {
	c := d.call(t, d.a, d.b.number)
	other := reached(t, d.b, 0)
	speak(t, c.leg, other)
	c.Transfer(d.c.number, nil)
	third := reached(t, d.c, 0)
	speak(t, other, third)
	d.c.hangUp()
	pass(t, 60*time.Millisecond)
	return []*leg{c.leg, other, third}
}

func (d *desk) attended(t *testing.T) []*leg {
	c := d.call(t, d.a, d.b.number)
	other := reached(t, d.b, 0)
	speak(t, c.leg, other)
	c.Offer(c.leg.describe("sendonly"))
	pass(t, 200*time.Millisecond)
	consult := d.call(t, d.a, d.c.number)
	third := reached(t, d.c, 0)
	speak(t, consult.leg, third)
	c.Transfer(d.c.number, consult.Call)
	select {
	case <-consult.Ended():
	case <-time.After(15 * time.Second):
		t.Error("the consultation did not end")
	}
	pass(t, 300*time.Millisecond)
	speak(t, other, third)
	d.c.hangUp()
	pass(t, 60*time.Millisecond)
	return []*leg{c.leg, other, consult.leg, third}
}

func (d *desk) park(t *testing.T) []*leg {
	c := d.call(t, d.a, d.b.number)
	other := reached(t, d.b, 0)
	speak(t, c.leg, other)
	c.Transfer(d.lot, nil)
	select {
	case <-c.Ended():
	case <-time.After(20 * time.Second):
		t.Error("who parked is still there")
	}
	pass(t, 200*time.Millisecond)
	back := d.call(t, d.d, d.slot)
	pass(t, 300*time.Millisecond)
	speak(t, other, back.leg)
	end(t, back)
	return []*leg{c.leg, other, back.leg}
}

func (d *desk) queued(t *testing.T) []*leg {
	c := d.call(t, d.a, d.queue)
	other := reached(t, d.b, 0)
	pass(t, 300*time.Millisecond) // the music ends
	speak(t, c.leg, other)
	end(t, c)
	return []*leg{c.leg, other}
}

func (d *desk) conference(t *testing.T) []*leg {
	var legs []*leg
	var in []*talk
	for _, ph := range []*phone{d.a, d.c, d.d} {
		c := d.call(t, ph, d.room)
		in, legs = append(in, c), append(legs, c.leg)
		pass(t, 200*time.Millisecond)
	}
	speak(t, legs...)
	for _, c := range slices.Backward(in) {
		end(t, c)
	}
	return legs
}

// assign gives a recording to the deed that it is of, by the voices in it and the time.
func assign(t *testing.T, all []*desk, rec recording, pcm [][]int16) {
	t.Helper()
	heard := map[int]Heard{}
	for _, channel := range pcm {
		runs := Runs(channel)
		for voice := 1; voice <= desks*perDesk; voice++ {
			if h := Of(runs, voice); h.Packets > 2 {
				sum := heard[voice]
				sum.Packets, sum.Missing = sum.Packets+h.Packets, sum.Missing+h.Missing
				heard[voice] = sum
			}
		}
	}
	for voice := range heard {
		d := all[(voice-1)/perDesk]
		for i := range d.done {
			if k := &d.done[i]; !rec.Started.Before(k.from.Add(-time.Second/20)) && rec.Started.Before(k.to) {
				k.recordings, k.lost = append(k.recordings, rec.ID), k.lost+rec.Lost
				k.heard = append(k.heard, heard)
				return
			}
		}
	}
	t.Errorf("%s, %v: of nobody: %v", rec.ID, rec.Started, heard)
}

// judge compares what was recorded with what was said: every packet of a recorded call once, but for those of which the recording itself says that
// the network lost them; nothing of another call.
func (k *deed) judge(t *testing.T) {
	t.Helper()
	if k.recorded != (len(k.recordings) > 0) {
		t.Errorf("%s: %d recordings of %v", k.what, len(k.recordings), k.said)
		return
	}
	if !k.recorded {
		return
	}
	sum := map[int]int{}
	for _, heard := range k.heard {
		for voice, h := range heard {
			sum[voice] += h.Packets
			if h.Missing > k.lost {
				t.Errorf("%s: voice %d has a gap of %d packets in %v", k.what, voice, h.Missing, k.recordings)
			}
		}
	}
	same, missing := len(sum) == len(k.said), 0
	for voice, n := range k.said {
		same, missing = same && sum[voice] <= n, missing+n-sum[voice]
	}
	if !same || missing > k.lost {
		t.Errorf("%s: said %v, recorded %v in %v, of which %d never came", k.what, k.said, sum, k.recordings, k.lost)
	}
}
