package render

import (
	"cmp"
	"slices"

	"naisen/recorder"
	"naisen/recorder/journal"
)

// hush notes where a stretch of which nothing is kept begins or ends, whyever; unhush ends those that last to the end, and silences them all.
func (s *surveyed) hush(rec *journal.Record) {
	if rec.Kind == journal.KindPause {
		s.pause(rec.Pause)
	} else {
		s.mask(rec.Mask)
	}
}

func (s *surveyed) unhush() {
	s.unmask()
	s.unpause()
}

// mask notes where a stretch that is not kept begins or ends.
func (s *surveyed) mask(m journal.Mask) {
	n := len(s.masks)
	open := n > 0 && s.masks[n-1].ToMS < 0
	switch {
	case m.On && !open && n < maxMasks:
		s.masks = append(s.masks, recorder.Mask{FromMS: m.At.Milliseconds(), ToMS: -1, By: m.By})
	case !m.On && open:
		s.masks[n-1].ToMS = m.At.Milliseconds()
	}
}

// unmask ends what is masked until the end, and gives the gaps their reason.
func (s *surveyed) unmask() {
	var spans []span
	for i := range s.masks {
		m := &s.masks[i]
		if m.ToMS < 0 {
			m.ToMS = s.total / (tickRate / 1000)
		}
		spans = append(spans, span{-1, m.FromMS * tickRate / 1000, m.ToMS * tickRate / 1000, "masked"})
	}
	s.silence(spans)
}

// pause notes where somebody paused the recording, or let it go on.
func (s *surveyed) pause(m journal.Pause) {
	n := len(s.pauses)
	open := n > 0 && s.pauses[n-1].ToMS < 0
	switch {
	case m.On && !open && n < maxPauses:
		s.pauses = append(s.pauses, recorder.Pause{FromMS: m.At.Milliseconds(), ToMS: -1, Paused: m.Order})
	case !m.On && open:
		s.pauses[n-1].ToMS, s.pauses[n-1].Resumed = m.At.Milliseconds(), m.Order
	}
}

// unpause ends what is paused until the end.
func (s *surveyed) unpause() {
	end := s.total / (tickRate / 1000)
	var spans []span
	for i := range s.pauses {
		p := &s.pauses[i]
		if p.ToMS < 0 {
			p.ToMS = end
		}
		p.FromMS, p.ToMS = min(p.FromMS, end), min(p.ToMS, end)
		spans = append(spans, span{-1, p.FromMS * tickRate / 1000, p.ToMS * tickRate / 1000, "paused"})
	}
	s.silence(spans)
}

// silence takes stretches of which nothing is heard. They are the reason of the gaps there before any other.
func (s *surveyed) silence(spans []span) {
	s.spans = append(spans, s.spans...)
	s.mute = append(s.mute, spans...)
	slices.SortFunc(s.mute, func(a, b span) int { return cmp.Compare(a.from, b.from) })
}

// mix adds samples but for those in a stretch of which nothing is heard: a packet that was on its way when the stretch began or ended holds some.
func (p *player) mix(channel int, at int64, pcm []int16) {
	scale := int64(p.s.scale)
	for _, m := range p.s.mute {
		from, to, end := m.from*scale, m.to*scale, at+int64(len(pcm))
		if from >= end {
			break
		}
		if to <= at {
			continue
		}
		if from > at {
			p.out.mix(channel, at, pcm[:from-at])
		}
		if to >= end {
			return
		}
		pcm, at = pcm[to-at:], to
	}
	p.out.mix(channel, at, pcm)
}
