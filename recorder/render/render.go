// Package render turns a journal into one stereo timeline: the caller left, the called right, gaps explicit.
// It owns the mapping of RTP time to the recording's time. It never stores anything: its output goes straight into whatever the caller gives
// it (the seal), and it keeps some seconds of a recording in memory, however long that is.
//
// It reads the journal twice. The first pass learns what only the whole recording tells: how long it is, and for each run of a stream
// (same SSRC, no jump of its clock) how late its earliest packets are, second by second. That lower edge of the delay is the sender's clock
// seen through the network without its jitter; it carries the drift of that clock too. The second pass puts each frame at its RTP time
// plus that edge, in order, and mixes.
package render

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"strings"
	"time"

	"naisen/recorder"
	"naisen/recorder/journal"
)

// ticks are the unit of the timeline: 1/8000 s, the RTP clock of every codec that a journal holds (RFC 3551 section 4.5.2 for G.722).
const (
	tick       = time.Second / tickRate
	tickRate   = 8000
	frameTicks = 160 // assumed length of a frame where it is not known
	// MaxDuration bounds one recording: the sizes in a WAV header have 32 bits.
	MaxDuration = 16 * time.Hour
	// maxGaps bounds the list in the manifest.
	maxGaps = 1000
)

// ErrNoCase says that the journal does not even say which recording it is: nothing of it can be rendered.
var ErrNoCase = errors.New("render: journal without its case")

// Rendering is a journal whose first pass is done: what is in it, and where on the timeline.
type Rendering struct {
	s     *surveyed
	r     *journal.Reader
	peaks *recorder.Peaks
}

// Open does the first pass.
func Open(ctx context.Context, r *journal.Reader) (*Rendering, error) {
	s, err := survey(ctx, r)
	if err != nil {
		return nil, err
	}
	return &Rendering{s: s, r: r}, nil
}

// Stereo writes the recording as a WAV file and returns the manifest, complete but for what is sealed and the tracks.
func (r *Rendering) Stereo(ctx context.Context, w io.Writer) (recorder.Manifest, error) {
	digest := sha256.New()
	out := &output{w: io.MultiWriter(w, digest), peaks: newPeaks(r.s.rate)}
	p := newPlayer(r.s, out)
	if err := r.render(ctx, p); err != nil {
		return recorder.Manifest{}, err
	}
	r.peaks = out.peaks.end(r.s.rate)
	return r.s.manifest(p, out, digest), nil
}

// Peaks is the waveform of what Stereo wrote; nil: there was no sound.
func (r *Rendering) Peaks() *recorder.Peaks { return r.peaks }

// render does another pass.
func (r *Rendering) render(ctx context.Context, p *player) error {
	if err := p.out.header(p.s.rate, p.s.total*int64(p.s.scale)); err != nil {
		return fmt.Errorf("render: %w", err)
	}
	r.r.Rewind()
	if err := p.play(ctx, r.r); err != nil {
		return err
	}
	return p.out.end()
}

func (s *surveyed) manifest(p *player, out *output, digest hash.Hash) recorder.Manifest {
	m := recorder.Manifest{Version: 1, Case: s.c, Interrupted: s.stop == nil, Why: "interrupted",
		DurationMS:  s.total / (tickRate / 1000),
		Format:      fmt.Sprintf("audio/wav; rate=%d; channels=2", s.rate),
		AudioSHA256: hex.EncodeToString(digest.Sum(nil)), AudioBytes: out.written,
		Gaps: p.gaps.list, GapsOmitted: p.gaps.omitted, Masks: s.masks, Pauses: s.pauses, Listeners: s.listeners.list,
		Segments: s.chain.segments, Notices: s.chain.notices, Links: s.chain.links, Dropped: s.dropped, Lost: p.lost, Damaged: s.damaged}
	if s.stop != nil {
		m.Why, m.Ended = s.stop.Why, s.stop.Ended
	} else {
		m.Ended = s.c.Started.Add(time.Duration(s.total) * tick)
	}
	m.Parties = nil
	for _, p := range s.parties {
		if len(p.says)+len(p.codecs) == 0 { // it had left before the stretch that was held
			continue
		}
		m.Parties = append(m.Parties, p.says...)
		codecs := "none"
		if len(p.codecs) > 0 {
			codecs = strings.Join(p.codecs, "+")
		}
		m.Codecs = append(m.Codecs, codecs)
	}
	return m
}

// party is one endpoint with what was said about it.
type party struct {
	says   []recorder.Party
	codecs []string
}

// right says whether the party's voice is the right channel.
func (p *party) right() bool { return len(p.says) > 0 && p.says[0].Role != "caller" }

// surveyed is what the first pass learned.
type surveyed struct {
	c       recorder.Case
	parties []party
	stop    *journal.Stop
	streams map[key]*stream
	spans   []span // of drops and of damage
	masks   []recorder.Mask
	pauses  []recorder.Pause
	mute    []span // stretches of both, in order: nothing is heard there, also of what was on its way

	listeners listeners
	chain     chain
	dropped   int64
	damaged   int
	total     int64 // ticks
	rate      int   // of the output
	scale     int   // samples per tick
}

// key names a stream: what a party's endpoint said, or what was played to it.
type key struct {
	party  uint8
	played bool
}

// span is a stretch with a known reason for missing audio.
type span struct {
	party    int // -1: any
	from, to int64
	reason   string
}

const (
	maxParties = 64   // indices in a journal; capture has the same bound
	maxSpans   = 4096 // drops and damage remembered for the reasons of gaps
	maxSays    = 1024 // party marks
	maxMasks   = 256
	maxPauses  = 512
)

// survey is the first pass.
func survey(ctx context.Context, r *journal.Reader) (*surveyed, error) {
	s := &surveyed{streams: map[key]*stream{}, rate: tickRate, scale: 1}
	var rec journal.Record
	var known bool
	var last time.Duration // of the latest frame
	damaged, says := 0, 0
	for n := 0; ; n++ {
		if n%4096 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		err := r.Next(&rec)
		if d := r.Damaged(); d > damaged && known {
			s.span(span{-1, ticks(last), ticks(max(last, rec.Frame.At)) + tickRate, "truncated"})
			damaged = d
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		switch rec.Kind {
		case journal.KindCase:
			s.c, known = rec.Case, true
		case journal.KindParty:
			if i := rec.Party.Index; i >= 0 && i < maxParties && says < maxSays {
				says++
				s.grow(i)
				s.parties[i].describe(rec.Party.Party)
				s.chain.join(rec.Party)
			}
		case journal.KindDrops:
			s.dropped += rec.Drops.N
			s.span(span{rec.Drops.Index, ticks(rec.Drops.From) - tickRate/2, ticks(rec.Drops.To) + tickRate/2, "dropped"})
		case journal.KindMask, journal.KindPause:
			s.hush(&rec)
		case journal.KindListener:
			s.listeners.take(rec.Listener)
		case journal.KindLeft, journal.KindNotice, journal.KindLink, journal.KindKept:
			s.chain.take(&rec, &s.c)
		case journal.KindStop:
			s.stop = new(rec.Stop)
		case journal.KindFrame:
			last = max(last, rec.Frame.At)
			s.frame(&rec.Frame)
		}
	}
	if !known {
		return nil, fmt.Errorf("%w: %w", ErrNoCase, recorder.ErrIntegrity)
	}
	s.damaged = r.Damaged()
	if !r.Complete() {
		s.stop = nil
	}
	s.measure(last)
	s.unhush()
	s.listeners.end(s.total / (tickRate / 1000))
	s.chain.end(s.total / (tickRate / 1000))
	return s, nil
}

func (s *surveyed) span(x span) {
	if len(s.spans) < maxSpans {
		s.spans = append(s.spans, x)
	}
}

func (s *surveyed) grow(i int) {
	for len(s.parties) <= i {
		s.parties = append(s.parties, party{})
	}
}

func (s *surveyed) frame(f *journal.Frame) {
	if int(f.Party) >= maxParties {
		return
	}
	s.grow(int(f.Party))
	k := key{f.Party, f.Played}
	st := s.streams[k]
	if st == nil {
		st = &stream{}
		s.streams[k] = st
	}
	if f.Event {
		st.skip(f)
		return
	}
	if f.Codec == "" || len(f.Payload) == 0 {
		return
	}
	if p := &s.parties[f.Party]; !f.Played && !slices.Contains(p.codecs, string(f.Codec)) {
		p.codecs = append(p.codecs, string(f.Codec))
	}
	if wide(f.Codec) {
		s.rate, s.scale = 2*tickRate, 2
	}
	place := st.place(f)
	st.runs[place.run].observe(ticks(f.At), place.ext)
}

// measure decides how long the recording is: as the call said, unless frames go on for longer than a call's end takes. A frame's time is
// monotonic and the call's may be data, so audio is never cut off for a clock that was set.
func (s *surveyed) measure(last time.Duration) {
	end := ticks(last) + frameTicks
	switch {
	case s.stop == nil:
		s.total = end
		if last == 0 {
			s.total = 0
		}
	case last > s.stop.At+time.Second:
		s.total = end
	default:
		s.total = ticks(s.stop.At)
	}
	if most := int64(MaxDuration / tick); s.total > most {
		s.span(span{-1, most, s.total, "truncated"})
		s.total = most
	}
}

func ticks(d time.Duration) int64 { return int64(d / tick) }
