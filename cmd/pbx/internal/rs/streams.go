package rs

import (
	"strconv"

	"naisen/media"
	"naisen/media/sdp"
	"naisen/recorder"
	"naisen/sip/siprec"
)

// stream is one m= line: the voice of whoever speaks in it, and our leg towards the recorder.
type stream struct {
	id    siprec.ID
	label string
	voice media.Endpoint // the call's; nil: nobody speaks
	leg   media.Endpoint // nil: not made yet
	stop  func()         // ends the copy; nil: nothing is copied
}

// silence ends the copy.
func (st *stream) silence() {
	if st.stop != nil {
		st.stop()
		st.stop = nil
	}
}

func (s *copying) streamAt(endpoint string) *stream {
	for _, st := range s.streams {
		if st.voice != nil && st.voice.ID() == endpoint {
			return st
		}
	}
	return nil
}

// came gives a party a stream: that of somebody who left, or another one.
func (s *copying) came(p recorder.Party, voice media.Endpoint) {
	s.arrived++
	if st := s.streamAt(voice.ID()); st != nil { // it is called otherwise
		s.enter(p, st)
		return
	}
	st := s.place()
	if st == nil {
		s.client.unheard.Add(1)
		s.log.Warn("rs: no stream is left for a party")
		return
	}
	st.voice = voice
	s.enter(p, st)
	s.flow()
}

// place is a stream in which nobody speaks; nil: there are too many.
func (s *copying) place() *stream {
	for _, st := range s.streams {
		if st.voice == nil {
			return st
		}
	}
	if len(s.streams) == maxStreams {
		return nil
	}
	st := &stream{id: siprec.NewID(), label: strconv.Itoa(len(s.streams) + 1)}
	s.streams = append(s.streams, st)
	return st
}

// left: the party's stream is free for who comes next.
func (s *copying) left(endpoint string) {
	st := s.streamAt(endpoint)
	if st == nil {
		return
	}
	st.silence()
	s.part(st)
	st.voice, s.dirty = nil, true
}

// flow copies every voice into its stream, unless the recording is paused.
func (s *copying) flow() {
	for _, st := range s.streams {
		switch {
		case s.paused || s.stopping || st.voice == nil || st.leg == nil || s.phase != phaseUp:
			st.silence()
		case st.stop == nil:
			if c, ok := st.voice.(media.Copier); ok {
				st.stop = c.Copy(st.leg)
			}
		}
	}
}

// endpoints are our legs, in the order of the m= lines.
func (s *copying) endpoints() (out []media.Endpoint) {
	for _, st := range s.streams {
		if st.leg != nil {
			out = append(out, st.leg)
		}
	}
	return out
}

// want of a stream: what the voice speaks, so that its packets pass as they are.
func (s *copying) want(st *stream) media.Want {
	w := media.Want{Security: s.recorder().Security, Direction: media.SendOnly}
	if st.voice != nil && st.voice.Codec().Transcodes() {
		w.Prefer = []media.Codec{st.voice.Codec()}
	}
	for _, c := range []media.Codec{media.PCMU, media.PCMA} { // every recorder has these
		if len(w.Prefer) > 0 && w.Prefer[0] != c {
			w.Prefer = append(w.Prefer, c)
		}
	}
	if s.paused {
		w.Direction = media.Inactive
	}
	return w
}

// offer makes the offer of all streams, and the legs that are missing.
func (s *copying) offer() (media.SDP, error) {
	var labels []string
	for _, st := range s.streams {
		if st.leg == nil {
			leg, err := s.client.cfg.Engine.Endpoint(s.recorder().Profile, func(media.Event) {}) // it hears nobody: there is nothing to be told
			if err != nil {
				return nil, err
			}
			st.leg = leg
		}
		labels = append(labels, st.label)
	}
	return offers(&s.joiner, s.endpoints(), labels, func(i int) media.Want { return s.want(s.streams[i]) })
}

// offered answers the recorder's own re-INVITE: it pauses, goes on, or refreshes the session.
func (s *copying) offered(d media.SDP) {
	if d == nil {
		offer, err := s.offer()
		if err != nil {
			s.session.Refuse(refusal(err))
			return
		}
		s.offering, s.sent = true, s.known // no metadata goes with a response (RFC 7866 section 9.1)
		s.session.Reply(offer)
		return
	}
	answer, err := s.answer(d)
	if err != nil {
		s.log.Warn("rs: the recorder's offer is unusable", "recorder", s.recorder().Name, "err", err)
		s.session.Refuse(refusal(err))
		return
	}
	s.session.Reply(answer)
	s.flow()
}

// answer takes the recorder's offer of the streams that it took. On an error all of them are as they were before (RFC 3261 section 14.1).
func (s *copying) answer(d media.SDP) (media.SDP, error) {
	parts, err := sdp.Split(d)
	if err != nil {
		return nil, err
	}
	if len(parts) != s.lines {
		return nil, media.ErrSDP
	}
	legs := s.endpoints()[:s.lines]
	for i, leg := range legs {
		if err := answerable(leg, parts[i].SDP, s.want(s.streams[i])); err != nil {
			return nil, err
		}
	}
	for i, leg := range legs {
		answer, err := leg.Answer(parts[i].SDP, s.want(s.streams[i]))
		if err != nil {
			return nil, err
		}
		parts[i] = sdp.Part{Label: s.streams[i].label, SDP: answer}
	}
	return s.joiner.Join(parts...)
}

// release lets go of the legs of a session that is over. The streams stay, for the next recorder.
func (s *copying) release() {
	for _, st := range s.streams {
		st.silence()
		if st.leg != nil {
			if err := st.leg.Close(); err != nil {
				s.log.Error("rs: leg", "err", err)
			}
			st.leg = nil
		}
	}
	s.offering, s.lines, s.known, s.joiner = false, 0, siprec.Metadata{}, sdp.Joiner{}
}
