package relay

import (
	"math"
	"math/rand/v2"
	"time"

	"naisen/media"
	"naisen/media/codec"
	"naisen/media/jitter"
	"naisen/media/rtp"
)

// Transcoding runs on the shard itself, behind the packets: a frame is decoded and encoded only when no socket has anything to be read, and
// the sockets are looked at again after each single one (shard.run). A relayed packet waits for one frame at most, there is nothing to
// hand over and to lock, and when the processor is full it is the transcoded calls that suffer. See the decision in ARCHITECTURE.md.

const (
	hangover   = 100 * time.Millisecond // concealed after the last packet of a voice; then silence is not sent
	muteEvent  = 60 * time.Millisecond  // no audio beside a digit
	noiseFor   = 10 * time.Second       // of comfort noise without another packet
	noiseMost  = 30                     // -dBov: no louder
	maxLabours = 16                     // pieces that make one frame, at most
)

// transcoder turns what one member says into what another one hears. It belongs to the listener and to its shard.
type transcoder struct {
	speaker  uint64 // serial of who speaks
	ssrc     uint32
	from, to kind
	millis   int // of a packet out
	rate     int // of the PCM between, Hz
	clock    int // RTP clock of the speaker, Hz
	buf      *jitter.Buffer
	dec      codec.Decoder
	enc      codec.Encoder
	pcm      []int16 // decoded, not yet encoded
	fade     []int16 // a frame that the next one is blended into
	payload  []byte

	serial  uint64 // of our stream, for the restamper
	head    rtp.Header
	due     int64   // when the next packet is to be made; 0: nobody speaks
	before  int64   // when the last one was
	voiced  int64   // when the last packet was played
	muted   int64   // until then a digit is being sent
	noise   float64 // root mean square of comfort noise; 0: none
	noiseAt int64
	silence bool // the stream paused: its next packet gets the marker (RFC 3551 section 4.1)
}

// newTranscoder makes one for a speaker's codec and a listener's session; nil if the two have no implementation or rate in common.
func (s *shard) newTranscoder(speaker uint64, from kind, sess *session) *transcoder {
	rate := commonRate(codecOf[from], codecOf[sess.audio])
	if rate == 0 {
		return nil
	}
	dec, err := codec.NewDecoderAt(codecOf[from], rate)
	if err != nil {
		return nil
	}
	enc, err := codec.NewEncoderAt(codecOf[sess.audio], rate)
	if err != nil {
		return nil
	}
	clock := codecOf[from].Clock()
	return &transcoder{
		speaker: speaker, from: from, to: sess.audio, millis: packetTime(sess), rate: rate, clock: clock, buf: jitter.New(clock), dec: dec, enc: enc,
		pcm: make([]int16, 0, rate/5), fade: make([]int16, 0, rate/50), payload: make([]byte, 0, 512),
		serial: s.engine.serial.Add(1), head: rtp.Header{Sequence: uint16(random32()), Timestamp: random32()}, silence: true,
	}
}

// commonRate is the rate that two codecs share, so that nothing is resampled: 8 kHz with G.711, 16 kHz between G.722 and Opus; 0: none.
func commonRate(a, b media.Codec) int {
	for _, x := range codec.Rates(a) {
		for _, y := range codec.Rates(b) {
			if x == y {
				return x
			}
		}
	}
	return 0
}

// packetTime is what the listener wants to receive, ms; Opus has no frames of 30 and 50.
func packetTime(sess *session) int {
	if p := sess.agreed.Ptime; sess.audio != kindOpus || p == 10 || p == 40 || p == 60 {
		return p
	}
	return 20
}

// transcode takes a packet of audio or comfort noise that the listener cannot understand. Its turn comes by labour.
func (s *shard) transcode(from, to *endpoint, sess *session, k kind, h rtp.Header, payload []byte, now int64) {
	l := &to.leg
	t := l.trans
	if t == nil || t.speaker != from.serial || t.to != sess.audio || t.millis != packetTime(sess) || k != kindNoise && t.from != k {
		if k == kindNoise {
			return // nobody spoke yet
		}
		if t = s.newTranscoder(from.serial, k, sess); t == nil {
			from.count.unrelayed.Add(1)
			return
		}
		t.ssrc, l.trans = h.SSRC, t
		s.enlist(to)
	}
	if t.ssrc != h.SSRC {
		t.ssrc = h.SSRC
		t.buf.Reset()
	}
	if k == kindNoise {
		t.comfort(payload, now)
	} else if n := codec.Samples(codecOf[k], payload, t.clock); n > 0 {
		t.noise = 0
		t.buf.Put(h.Timestamp, n, payload, now)
	} else {
		from.count.malformed.Add(1)
		return
	}
	s.schedule(t, now)
}

// comfort notes the level of the speaker's background (RFC 3389 section 3.1); its spectrum is left white.
func (t *transcoder) comfort(payload []byte, now int64) {
	if len(payload) == 0 {
		return
	}
	level := max(int(payload[0]&0x7f), noiseMost)
	t.noise, t.noiseAt = 32768*math.Pow(10, -float64(level)/20), now
}

// schedule says when a stream that paused goes on.
func (s *shard) schedule(t *transcoder, now int64) {
	if t.due != 0 {
		return
	}
	at, ok := t.buf.Start()
	switch {
	case ok:
		t.due = max(at, now)
	case t.noise > 0:
		t.due = now
	default:
		return
	}
	s.nextWork = min(s.nextWork, t.due)
}

// enlist lets a listener's transcoder be served by labour.
func (s *shard) enlist(to *endpoint) {
	for _, e := range s.labours {
		if e == to {
			return
		}
	}
	s.labours = append(s.labours, to)
	s.nextWork = 0
}

// labour makes the one packet that is due for the longest time.
func (s *shard) labour(now int64) {
	var first *endpoint
	second := int64(math.MaxInt64)
	for i := 0; i < len(s.labours); {
		e := s.labours[i]
		t := e.leg.trans
		if t == nil {
			last := len(s.labours) - 1
			s.labours[i], s.labours[last] = s.labours[last], nil
			s.labours = s.labours[:last]
			continue
		}
		i++
		switch {
		case t.due == 0:
		case first == nil || t.due < first.leg.trans.due:
			if first != nil {
				second = min(second, first.leg.trans.due)
			}
			first = e
		default:
			second = min(second, t.due)
		}
	}
	s.nextWork = second
	if first == nil {
		return
	}
	t := first.leg.trans
	if t.due <= now {
		s.produce(first, t, now)
	}
	if t.due != 0 {
		s.nextWork = min(second, t.due)
	}
}

// produce makes and sends one packet, and says when the next one is due.
func (s *shard) produce(to *endpoint, t *transcoder, now int64) {
	tick := t.due
	if t.before != 0 {
		t.head.Timestamp += uint32((tick - t.before) / 1000 * int64(codecOf[t.to].Clock()) / 1_000_000)
	}
	t.before, t.due = tick, tick+int64(t.millis)*int64(time.Millisecond)
	if now-t.due > int64(maxBehind) {
		t.due = now // no burst after a stall; the buffer sees to the rest
	}
	want := t.rate / 1000 * t.millis
	if !s.fill(t, want, now) {
		t.due, t.silence, t.pcm = 0, true, t.pcm[:0]
		return
	}
	sess := to.current(now)
	if sess == nil || !sess.sends || sess.audio != t.to || to.leg.busy() || now < t.muted {
		t.pcm, t.silence = t.pcm[:copy(t.pcm, t.pcm[want:])], true
		return
	}
	t.payload = t.enc.Encode(t.payload[:0], t.pcm[:want])
	t.pcm = t.pcm[:copy(t.pcm, t.pcm[want:])]
	h := t.head
	t.head.Sequence++
	h.PayloadType, h.Marker = sess.agreed.SendPT, t.silence
	h.Start, h.End = rtp.HeaderSize, rtp.HeaderSize+copy(s.out[rtp.HeaderSize:maxDatagram], t.payload)
	if _, sent := s.emit(to, sess, rtp.Source{Owner: t.serial}, h, s.out[:h.End], now); sent {
		t.silence = false
		s.transcoded.Add(1)
	}
}

// fill decodes until there are so many samples; false when the speaker is silent.
func (s *shard) fill(t *transcoder, want int, now int64) bool {
	for range maxLabours {
		if len(t.pcm) >= want {
			return true
		}
		what, length, payload := t.buf.Next(now)
		n := length * (t.rate / 1000) / (t.clock / 1000)
		switch what {
		case jitter.Play:
			at := len(t.pcm)
			t.pcm = t.dec.Decode(t.pcm, payload)
			t.blend(t.pcm[at:])
			t.voiced = now
		case jitter.Merge:
			t.fade = t.dec.Decode(t.fade[:0], payload)
		case jitter.Lost, jitter.Wait:
			t.pcm = t.dec.Conceal(t.pcm, n)
			s.concealed.Add(1)
		case jitter.Dry:
			n = want - len(t.pcm)
			switch {
			case t.noise > 0 && now-t.noiseAt < int64(noiseFor):
				t.hiss(n)
			case t.voiced != 0 && now-t.voiced < int64(hangover):
				t.pcm = t.dec.Conceal(t.pcm, n)
			default:
				return false
			}
		}
	}
	for len(t.pcm) < want {
		t.pcm = append(t.pcm, 0)
	}
	return true
}

// blend glides from the frame that is left out into the one that is played.
func (t *transcoder) blend(pcm []int16) {
	n := min(len(t.fade), len(pcm))
	for i := range n {
		pcm[i] = int16((int(t.fade[i])*(n-i) + int(pcm[i])*i) / n)
	}
	t.fade = t.fade[:0]
}

// hiss appends comfort noise.
func (t *transcoder) hiss(n int) {
	for range n {
		t.pcm = append(t.pcm, int16(t.noise*math.Sqrt(3)*(2*rand.Float64()-1)))
	}
}
