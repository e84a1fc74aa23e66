package traffic

import (
	"fmt"
	"math"

	"naisen/media"
	"naisen/media/codec"
	"naisen/media/rtp"
)

// Voice is a second of speech-like sound in one codec, in frames of 20 ms: what a switch that decodes must get. Legs share it.
type Voice struct {
	codec  media.Codec
	frames [][]byte
	step   uint32 // RTP clock units of a frame
}

// NewVoice makes one. codec.ErrUnsupported and its like: the codec cannot be encoded.
func NewVoice(c media.Codec) (*Voice, error) {
	enc, err := codec.NewEncoder(c)
	if err != nil {
		return nil, fmt.Errorf("traffic: voice: %w", err)
	}
	v := &Voice{codec: c, step: uint32(c.Clock() / 50)}
	pcm := make([]int16, enc.Rate()/50)
	for n := range 50 {
		for i := range pcm {
			t := float64(n*len(pcm)+i) / float64(enc.Rate())
			loud := .55 + .45*math.Sin(2*math.Pi*4*t) // syllables: four a second
			tone := math.Sin(2*math.Pi*130*t) + .5*math.Sin(2*math.Pi*520*t) + .3*math.Sin(2*math.Pi*1430*t)
			pcm[i] = int16(4000 * loud * tone)
		}
		v.frames = append(v.frames, enc.Encode(nil, pcm))
	}
	return v, nil
}

// Speak lets a leg that is not negotiated yet say a voice instead of numbered packets. Who hears it can only count: loss is told, delay is not.
func (l *Leg) Speak(v *Voice) {
	l.voice = v
	l.renew()
}

// say is the payload of the next packet.
func (v *Voice) say(n uint32) []byte { return v.frames[n%uint32(len(v.frames))] }

// hear takes a packet that was made by the switch: its sequence number is all that can be believed of it.
func (l *Leg) hear(h rtp.Header, d *deal, arrived int64) {
	if h.PayloadType != d.agreed.RecvPT {
		l.corrupt++
		return
	}
	if !l.fresh(l.highest + uint32(int32(int16(h.Sequence-uint16(l.highest))))) {
		l.duplicates++
		return
	}
	if l.received > 0 {
		l.gap = max(l.gap, arrived-l.lastAt)
	}
	l.lastAt = arrived
	l.received++
}
