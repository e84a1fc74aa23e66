package mix

import (
	"slices"

	"naisen/media"
	"naisen/media/codec"
	"naisen/media/codec/resample"
)

const (
	maxPacket    = 120 * maxRate / 1000 // samples of the longest packet, 120 ms (RFC 7587)
	firstPrefill = 40                   // ms that wait before a voice begins
	mostPrefill  = 120                  // ms; more than that is no conversation
	prefillStep  = 20                   // ms
	shortPause   = 15                   // ticks
	longestFill  = 60                   // ms that are made up in one piece
	mostDelay    = 240                  // ms; what waits longer is left out
	review       = 2 * TicksPerSecond   // ticks between two looks at whether too much waits
	tooMuch      = 40                   // ms that waited at every tick of a review
	quiet        = 200 * 200            // power of a frame that nobody misses
)

// at gives the rate at which a codec serves a mixer: the mixer's own if it can, else the codec's best.
func at(c media.Codec, rate int) int {
	rates := codec.Rates(c)
	if len(rates) == 0 || slices.Contains(rates, rate) {
		return rate
	}
	return rates[0]
}

// inlet turns the packets of one voice into an even flow of samples. It grows when packets come late, because what comes late is still
// played, and shrinks when more waits than was ever needed, in a pause if there is one. So it follows the network and both clocks without
// measuring either.
type inlet struct {
	codec  media.Codec
	dec    codec.Decoder // nil: no packet came yet
	widen  *resample.Resampler
	outHz  int
	jitter jitter
	stats  Stats

	pcm  [maxPacket]int16 // of one packet, at the decoder's rate
	fifo []int16          // at the mixer's rate
	span int              // samples of the last packet, at the mixer's rate

	waiting bool // for the prefill
	pause   int  // ticks of waiting
	starved int  // samples made up while nothing came: they may stand for packets that are lost
	least   int  // ms: the least that waited in this review
	ticks   int
	cut     int  // packets to leave out
	gently  bool // only in a pause
}

// tune changes the rate of what comes out. What was waiting in samples is left out; packets stay.
func (in *inlet) tune(rate int) {
	in.outHz, in.span, in.starved = rate, rate/TicksPerSecond, 0
	if in.fifo == nil {
		in.fifo = make([]int16, 0, 2*maxPacket)
	}
	in.fifo, in.dec, in.widen, in.waiting, in.pause = in.fifo[:0], nil, nil, true, shortPause
	if in.codec == "" {
		return
	}
	dec, err := codec.NewDecoderAt(in.codec, at(in.codec, rate))
	if err != nil {
		return
	}
	in.dec = dec
	if dec.Rate() != rate {
		in.widen, _ = resample.NewLive(dec.Rate(), rate) // 8, 16 and 48 kHz: all of them convert
	}
}

func (in *inlet) push(ssrc uint32, seq uint16, payload []byte) {
	switch in.jitter.push(ssrc, seq, payload) {
	case pushLate:
		in.stats.Late++
	case pushDouble:
		in.stats.Doubled++
	case pushAnew: // another stream: what waited is not its beginning
		in.waiting, in.pause = true, shortPause
	case pushKept:
	}
}

// delay is what waits, ms.
func (in *inlet) delay() int {
	return (in.jitter.waiting*in.span + len(in.fifo)) * 1000 / in.outHz
}

// pull fills dst; false if it is silence.
func (in *inlet) pull(dst []int16) bool {
	if in.dec == nil || in.waiting && !in.ready() {
		clear(dst)
		return false
	}
	madeUp := false
	for len(in.fifo) < len(dst) && !in.waiting {
		madeUp = !in.more(len(dst)) || madeUp
	}
	if madeUp {
		in.stats.Concealed++
	}
	n := copy(dst, in.fifo)
	clear(dst[n:])
	in.fifo = in.fifo[:copy(in.fifo, in.fifo[n:])]
	in.look()
	return n > 0
}

// ready says whether enough waits for the voice to begin.
func (in *inlet) ready() bool {
	if in.delay() < in.jitter.prefill {
		in.pause++
		return false
	}
	if in.pause < shortPause { // it was the network, not the speaker: keep more in reserve
		in.jitter.prefill = min(in.jitter.prefill+prefillStep, mostPrefill)
	}
	in.waiting, in.starved, in.least, in.ticks = false, 0, mostDelay, 0
	return true
}

// more adds the next packet, or what stands for it; false if it was made up.
func (in *inlet) more(frame int) bool {
	from := len(in.fifo)
	payload, state := in.jitter.next()
	switch state {
	case slotFull:
		if len(payload) == 0 { // a digit was pressed here
			return true
		}
		in.decode(payload)
		if in.cut > 0 && (!in.gently || power(in.fifo[from:]) < quiet) {
			in.leaveOut(from)
		}
		in.starved = 0
		return true
	case slotLost:
		in.stats.Lost++
		if in.starved >= in.span { // its time has passed already, made up
			in.starved -= in.span
			return false
		}
		in.conceal(in.span)
	case slotEmpty:
		n := frame - from
		in.starved += n
		in.conceal(n)
		if in.starved > in.outHz*longestFill/1000 { // it stopped: begin again with a reserve
			in.waiting, in.pause = true, 0
		}
	}
	return false
}

// leaveOut goes over from the packet that stands in the fifo from a place on to the one behind the next: both together last as long as one.
func (in *inlet) leaveOut(from int) {
	for in.cut > 0 {
		payload, state := in.jitter.next()
		if state == slotEmpty {
			in.cut = 0
			return
		}
		in.cut--
		in.stats.Dropped++
		if state == slotLost || len(payload) == 0 {
			continue
		}
		first := len(in.fifo) - from
		in.decode(payload)
		second := in.fifo[from+first:]
		n := min(first, len(second))
		for i := range n {
			in.fifo[from+i] = int16((int(in.fifo[from+i])*(n-i) + int(second[i])*i) / n)
		}
		in.fifo = in.fifo[:from+n]
	}
}

// decode adds a payload's samples at the mixer's rate.
func (in *inlet) decode(payload []byte) {
	from := len(in.fifo)
	in.add(in.dec.Decode(in.pcm[:0], payload))
	in.span = max(len(in.fifo)-from, 1)
}

// conceal adds what the decoder makes up for so many samples at the mixer's rate.
func (in *inlet) conceal(n int) {
	in.add(in.dec.Conceal(in.pcm[:0], (n*in.dec.Rate()+in.outHz-1)/in.outHz))
}

func (in *inlet) add(pcm []int16) {
	if in.widen == nil {
		in.fifo = append(in.fifo, pcm...)
		return
	}
	in.fifo = in.widen.Process(in.fifo, pcm)
}

// look shortens the delay when more waits than was needed for a while.
func (in *inlet) look() {
	waits := in.delay()
	if over := waits - mostDelay; over > 0 && in.cut == 0 { // a burst after a stall
		in.cut, in.gently = (waits-in.jitter.prefill)*in.outHz/1000/in.span, false
	}
	in.least = min(in.least, waits)
	if in.ticks++; in.ticks < review {
		return
	}
	switch {
	case in.cut > 0: // no pause came in the whole review: cut anyway
		in.gently = false
	case in.least >= tooMuch:
		in.cut, in.gently = 1, true
	default:
		in.jitter.prefill = max(in.jitter.prefill-1, firstPrefill)
	}
	in.least, in.ticks = mostDelay, 0
}

// read fills dst from a source; false at its end.
func (in *inlet) read(src media.Source, dst []int16) bool {
	ok := true
	for len(in.fifo) < len(dst) {
		payload, more := src.Next()
		if !more {
			ok = false
			break
		}
		in.decode(payload)
	}
	n := copy(dst, in.fifo)
	clear(dst[n:])
	in.fifo = in.fifo[:copy(in.fifo, in.fifo[n:])]
	return ok
}

// outlet turns samples into payloads.
type outlet struct {
	codec  media.Codec
	enc    codec.Encoder // nil: nothing was asked for yet
	narrow *resample.Resampler
	fifo   []int16
	buf    []byte
}

func (o *outlet) tune(rate int) {
	if o.codec == "" {
		return
	}
	if o.fifo == nil {
		o.fifo, o.buf = make([]int16, 0, 2*maxFrame+64), make([]byte, 0, 1500)
	}
	o.fifo, o.enc, o.narrow = o.fifo[:0], nil, nil
	enc, err := codec.NewEncoderAt(o.codec, at(o.codec, rate))
	if err != nil {
		return
	}
	o.enc = enc
	if enc.Rate() != rate {
		o.narrow, _ = resample.NewLive(rate, enc.Rate())
	}
}

// encode gives one frame. The resampler looks ahead: its first output is short, and silence stands in front of it.
func (o *outlet) encode(pcm []int16) []byte {
	if o.enc == nil {
		return nil
	}
	n := o.enc.Rate() / TicksPerSecond
	if o.narrow == nil {
		o.buf = o.enc.Encode(o.buf[:0], pcm)
		return o.buf
	}
	o.fifo = o.narrow.Process(o.fifo, pcm)
	if short := n - len(o.fifo); short > 0 {
		o.fifo = o.fifo[:n]
		copy(o.fifo[short:], o.fifo[:n-short])
		clear(o.fifo[:short])
	}
	o.buf = o.enc.Encode(o.buf[:0], o.fifo[:n])
	o.fifo = o.fifo[:copy(o.fifo, o.fifo[n:])]
	return o.buf
}
