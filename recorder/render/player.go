package render

import (
	"context"
	"fmt"
	"io"
	"slices"

	"naisen/media"
	"naisen/media/codec"
	"naisen/recorder/journal"
)

const (
	// behind is how far the output stays behind the newest arrival: frames of another party, or late ones, may come that much later.
	behind = 12 * tickRate
	// maxPending bounds the frames that wait for one stream: 12 s of 10 ms packets and a burst.
	maxPending = 4000
	// maxEvents bounds the telephone-events remembered, and the frames of which nothing was kept: half of them are more than missing looks back.
	maxEvents = 8192
)

// player is the second pass.
type player struct {
	s       *surveyed
	out     *output
	gaps    gaps
	voices  map[key]*voice
	order   []*voice // in order of appearance, so that mixing is the same each time
	newest  int64    // ticks
	lost    int64
	scratch []int16
	free    [][]byte
	alone   *uint8 // nothing but this party's voice is played; nil: everybody
}

// voice is a stream on its way to a channel.
type voice struct {
	key
	channel int
	learned *stream // from the survey
	again   stream
	pending []packet

	run      int
	delay    int64 // the one in use
	follows  bool  // the delay is being moved towards the edge
	started  bool
	next     int64 // samples: the end of what was placed
	seq      uint16
	steps    int      // frames put, for the slow following of the delay
	events   []uint16 // sequence numbers that were telephone-events
	last     int16
	codec    media.Codec
	decoder  codec.Decoder
	widen    *upsampler
	pcm, wid []int16
}

type packet struct {
	place
	sequence uint16
	at       int64
	codec    media.Codec
	payload  []byte
}

func newPlayer(s *surveyed, out *output) *player {
	p := &player{s: s, out: out, voices: map[key]*voice{}}
	p.gaps = gaps{rate: int64(s.rate), scale: int64(s.scale), party: [2]string{"caller", "called"}}
	out.covered = p.gaps.see
	return p
}

func (p *player) play(ctx context.Context, r *journal.Reader) error {
	var rec journal.Record
	for n := 0; ; n++ {
		if n%4096 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		err := r.Next(&rec)
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if rec.Kind != journal.KindFrame {
			continue
		}
		if err := p.take(&rec.Frame); err != nil {
			return err
		}
	}
	if err := p.advance(p.s.total + 1); err != nil {
		return err
	}
	p.gaps.end(p.s.total * int64(p.s.scale))
	p.gaps.explain(p.s)
	return nil
}

func (p *player) take(f *journal.Frame) error {
	k := key{f.Party, f.Played}
	if p.alone != nil && k != (key{party: *p.alone}) {
		return nil
	}
	v := p.voices[k]
	if v == nil {
		learned := p.s.streams[k]
		if learned == nil {
			return nil
		}
		v = &voice{key: k, learned: learned, run: -1}
		// A party's voice goes to its own side; a prompt to the other side, which is where its listener heard it.
		if p.alone == nil && p.s.parties[k.party].right() != k.played {
			v.channel = 1
		}
		p.voices[k] = v
		p.order = append(p.order, v)
	}
	if f.Event {
		v.again.skip(f)
		if v.events = append(v.events, f.Sequence); len(v.events) > maxEvents {
			v.events = slices.Delete(v.events, 0, maxEvents/2)
		}
		return nil
	}
	if f.Codec == "" || len(f.Payload) == 0 {
		return nil
	}
	at := ticks(f.At)
	pl := v.again.place(f)
	v.insert(packet{place: pl, sequence: f.Sequence, at: at, codec: f.Codec, payload: append(p.buffer(), f.Payload...)})
	p.newest = max(p.newest, at)
	if len(v.pending) >= maxPending {
		p.flush(v, v.pending[len(v.pending)/2].at)
	}
	if p.newest-behind > p.out.at/int64(p.s.scale)+tickRate {
		return p.advance(p.newest - behind)
	}
	return nil
}

// insert keeps the waiting frames in the order of their clock; a repeated one is left out.
func (v *voice) insert(x packet) {
	i := len(v.pending)
	for i > 0 && after(v.pending[i-1], x) {
		i--
	}
	if i > 0 && v.pending[i-1].run == x.run && v.pending[i-1].ext == x.ext {
		return
	}
	v.pending = slices.Insert(v.pending, i, x)
}

func after(a, b packet) bool {
	if a.run != b.run {
		return a.run > b.run
	}
	return a.ext > b.ext
}

// advance writes the output up to a time, second by second, so that a long silence needs no memory.
func (p *player) advance(to int64) error {
	scale := int64(p.s.scale)
	to = min(to, p.s.total+tickRate)
	for t := p.out.at / scale; t < to; {
		t = min(t+tickRate, to)
		for _, v := range p.order {
			p.flush(v, t)
		}
		if err := p.out.emit(min(t, p.s.total) * scale); err != nil {
			return fmt.Errorf("render: %w", err)
		}
	}
	return nil
}

// flush places what lies before a time.
func (p *player) flush(v *voice, before int64) {
	n := 0
	for n < len(v.pending) {
		if v.position(&v.pending[n]) >= before {
			break
		}
		p.put(v, &v.pending[n])
		p.free = append(p.free, v.pending[n].payload[:0])
		n++
	}
	v.pending = slices.Delete(v.pending, 0, n)
}

// position is where a frame would stand, in ticks.
func (v *voice) position(x *packet) int64 {
	r := &v.learned.runs[x.run]
	if r.loose {
		return x.at
	}
	if x.run == v.run {
		return x.ext + v.delay
	}
	edge := r.delay(x.at)
	if r.cont && v.started && x.run == v.run+1 && abs(edge-v.delay) <= samePath {
		edge = v.delay
	}
	return x.ext + edge
}

// enter moves on to the frame's run and follows the delay's edge within it.
func (v *voice) enter(x *packet, scale int64) {
	r := &v.learned.runs[x.run]
	if x.run != v.run {
		pos := v.position(x)
		if next := v.next / scale; x.seq && v.started && abs(pos-next) <= snap {
			pos = next
		}
		v.run, v.delay, v.follows = x.run, pos-x.ext, false
		return
	}
	if r.loose {
		v.delay = x.at - x.ext
		return
	}
	off := r.delay(x.at) - v.delay
	switch {
	case abs(off) > leap:
		v.delay += off
	case abs(off) > settle:
		v.follows = true
	case abs(off) <= settled:
		v.follows = false
	}
	v.steps++
	switch {
	case !v.follows:
	case abs(off) > far:
		v.delay += 2 * off / abs(off)
	case v.steps%4 == 0:
		v.delay += off / abs(off)
	}
}

// put decodes a frame and mixes it in at its place.
func (p *player) put(v *voice, x *packet) {
	scale := int64(p.s.scale)
	if x.run < v.run { // of a run that is over: its place is taken
		return
	}
	lost := v.missing(x)
	p.lost += int64(lost)
	v.enter(x, scale)
	pcm := p.decode(v, x)
	at := (x.ext + v.delay) * scale
	if v.started && at > v.next {
		if at-v.next <= 24*scale { // the sender's clock is slower than ours: stretch by some samples
			fill := p.scratch[:0]
			for range at - v.next {
				fill = append(fill, v.last)
			}
			p.scratch = fill
			p.mix(v.channel, v.next, fill)
		} else if !v.played && lost > 0 {
			p.gaps.know(v.channel, v.next, at, "loss")
		}
	}
	if v.started && at < v.next { // faster, or late: what is taken stays
		skip := v.next - at
		if skip >= int64(len(pcm)) {
			return
		}
		pcm, at = pcm[skip:], v.next
	}
	if len(pcm) == 0 {
		return
	}
	v.started, v.next, v.last = true, at+int64(len(pcm)), pcm[len(pcm)-1]
	p.mix(v.channel, at, pcm)
}

// missing counts the frames between the last one and this one that never came. Telephone-events are not missing.
func (v *voice) missing(x *packet) int {
	from := v.seq
	v.seq = x.sequence
	if x.run != v.run {
		return x.gap
	}
	n := int(int16(x.sequence-from)) - 1
	if n <= 0 || n > 3000 {
		return 0
	}
	events := 0
	for _, e := range v.events {
		if d := int16(e - from); d > 0 && int(d) <= n {
			events++
		}
	}
	return max(n-events, 0)
}

// decode returns samples at the output's rate. The slice is valid until the voice's next frame.
func (p *player) decode(v *voice, x *packet) []int16 {
	if v.codec != x.codec || v.decoder == nil {
		dec, err := codec.NewDecoder(x.codec)
		if err != nil {
			v.codec, v.decoder = x.codec, nil
			return nil
		}
		v.codec, v.decoder, v.widen = x.codec, dec, nil
		if dec.Rate() < p.s.rate {
			v.widen = &upsampler{}
		}
	}
	v.pcm = v.decoder.Decode(v.pcm[:0], x.payload)
	if v.widen == nil {
		return v.pcm
	}
	v.wid = v.widen.double(v.wid[:0], v.pcm)
	return v.wid
}

func (p *player) buffer() []byte {
	if n := len(p.free); n > 0 {
		b := p.free[n-1]
		p.free = p.free[:n-1]
		return b
	}
	return make([]byte, 0, 256)
}
