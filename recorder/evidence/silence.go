package evidence

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"slices"

	"naisen/recorder"
)

// wav is where the samples of a WAV file lie, and how.
type wav struct {
	data, end       int64 // of the samples, in octets from the start of the file
	channels, width int
	rate            int
	silence         byte // the octet that silence is made of
}

// readWAV reads the head of a file as the recorder writes it; recorder.ErrIntegrity for any other.
func readWAV(r io.ReaderAt, size int64) (wav, error) {
	bad := fmt.Errorf("evidence: not a WAV file of the recorder: %w", recorder.ErrIntegrity)
	head := make([]byte, 58)
	n, err := r.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return wav{}, err
	}
	le := binary.LittleEndian
	if n < 44 || string(head[:4]) != "RIFF" || string(head[8:16]) != "WAVEfmt " {
		return wav{}, bad
	}
	w := wav{channels: int(le.Uint16(head[22:])), rate: int(le.Uint32(head[24:])), width: int(le.Uint16(head[34:])) / 8}
	length := le.Uint32(head[16:])
	at := 20 + int64(length)
	switch tag := le.Uint16(head[20:]); {
	case tag == 1 && length == 16 && w.width == 2:
	case tag == 7 && length == 18 && w.width == 1:
		w.silence = 0xFF
	case tag == 6 && length == 18 && w.width == 1:
		w.silence = 0xD5
	default:
		return wav{}, bad
	}
	if length == 18 { // a fact chunk stands between
		if at+12+8 > int64(n) || string(head[at:at+4]) != "fact" {
			return wav{}, bad
		}
		at += 12
	}
	if w.channels < 1 || w.channels > 2 || w.rate < 8000 || w.rate > 48000 || string(head[at:at+4]) != "data" {
		return wav{}, bad
	}
	w.data = at + 8
	w.end = w.data + int64(le.Uint32(head[at+4:]))
	if w.end > size {
		return wav{}, bad
	}
	return w, nil
}

// span is a stretch of samples that is silence.
type span struct {
	from, to int64 // frames
	channel  int   // -1: all
}

// spans of a file of a recording, by channel and place, none of which meets another one of its channel: many redactions of one stretch cost as
// much as one. A track is silent where the side of any of its parties is: who was neither caller nor called is never let through
// by a mistake of roles.
func spans(w wav, list []Redaction, parties []recorder.Party) []span {
	var out []span
	for _, r := range list {
		s := span{from: r.FromMS * int64(w.rate) / 1000, to: (r.ToMS*int64(w.rate) + 999) / 1000, channel: -1}
		switch {
		case r.Side == Both:
		case w.channels == 2 && r.Side == Caller:
			s.channel = 0
		case w.channels == 2:
			s.channel = 1
		case !onSide(r.Side, parties):
			continue
		}
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b span) int { return cmp.Or(cmp.Compare(a.channel, b.channel), cmp.Compare(a.from, b.from)) })
	joined := out[:0]
	for _, s := range out {
		if n := len(joined) - 1; n >= 0 && joined[n].channel == s.channel && s.from <= joined[n].to {
			joined[n].to = max(joined[n].to, s.to)
			continue
		}
		joined = append(joined, s)
	}
	return joined
}

func onSide(side string, parties []recorder.Party) bool {
	for _, p := range parties {
		if p.Role == side || p.Role != Caller && p.Role != Called {
			return true
		}
	}
	return len(parties) == 0
}

// quiet reads a WAV file with silence where spans say.
type quiet struct {
	r    io.ReaderAt
	at   int64
	size int64
	w    wav
	list []span
}

// Read implements io.Reader.
func (q *quiet) Read(p []byte) (int, error) {
	if q.at >= q.size {
		return 0, io.EOF
	}
	n, err := q.r.ReadAt(p[:min(int64(len(p)), q.size-q.at)], q.at)
	for _, s := range q.list {
		each(q.w, s, q.at, int64(n), func(i int64) bool { p[i] = q.w.silence; return true })
	}
	q.at += int64(n)
	if err == io.EOF && (n > 0 || q.at >= q.size) {
		err = nil
	}
	if n == 0 && err == nil {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// each calls fn for every octet of a span within n octets from at on, by its distance from at, until fn says false.
func each(w wav, s span, at, n int64, fn func(i int64) bool) {
	block := int64(w.channels * w.width)
	from, to := max(w.data+s.from*block, at), min(w.data+s.to*block, at+n, w.end)
	for i := from; i < to; i++ {
		if s.channel >= 0 && int((i-w.data)%block)/w.width != s.channel {
			continue
		}
		if !fn(i - at) {
			return
		}
	}
}

// firstSound looks for a sample in a span that is no silence; -1: there is none. It gives the place in milliseconds.
func firstSound(r io.ReaderAt, w wav, list []span) (int64, error) {
	block := int64(w.channels * w.width)
	buf := make([]byte, 64<<10)
	for _, s := range list {
		for at, end := w.data+s.from*block, min(w.data+s.to*block, w.end); at < end; {
			n := min(int64(len(buf)), end-at)
			if _, err := r.ReadAt(buf[:n], at); err != nil && err != io.EOF {
				return 0, err
			}
			found := int64(-1)
			each(w, s, at, n, func(i int64) bool {
				if buf[i] != w.silence {
					found = at + i
				}
				return found < 0
			})
			if found >= 0 {
				return (found - w.data) / block * 1000 / int64(w.rate), nil
			}
			at += n
		}
	}
	return -1, nil
}
