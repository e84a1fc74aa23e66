package render

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"

	"naisen/media"
	"naisen/recorder"
)

// Voices are the parties that have a track of their own: where more than two spoke, all of them. Of two, each has a channel of the stereo copy to
// itself, and a track would only say it again.
func (r *Rendering) Voices() []int {
	var out []int
	for i := range r.s.parties {
		if len(r.s.parties[i].codecs) > 0 {
			out = append(out, i)
		}
	}
	if len(out) <= 2 {
		return nil
	}
	return out
}

// Track writes the voice of one party as a WAV file of its own: nobody else, nothing that was played. It is another pass over the journal, so that any
// number of parties needs the memory of one.
func (r *Rendering) Track(ctx context.Context, party int, w io.Writer) (recorder.Track, error) {
	s := *r.s
	who := &s.parties[party]
	s.rate, s.scale = tickRate, 1
	for _, c := range who.codecs {
		if wide(media.Codec(c)) {
			s.rate, s.scale = 2*tickRate, 2
		}
	}
	digest := sha256.New()
	out := &output{w: io.MultiWriter(w, digest), mono: true}
	name := "L16"
	if len(who.codecs) == 1 && s.scale == 1 {
		out.law, name = media.Codec(who.codecs[0]), who.codecs[0]
	}
	p := newPlayer(&s, out)
	alone := uint8(party)
	p.alone = &alone
	if err := r.render(ctx, p); err != nil {
		return recorder.Track{}, err
	}
	return recorder.Track{Parties: who.says, Codecs: who.codecs, Format: fmt.Sprintf("audio/wav; codec=%s; rate=%d; channels=1", name, s.rate),
		AudioSHA256: hex.EncodeToString(digest.Sum(nil)), AudioBytes: out.written}, nil
}

// wide says that a codec's samples are taken at 16 kHz.
func wide(c media.Codec) bool { return c == media.G722 || c == media.Opus }
