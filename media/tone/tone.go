// Package tone holds the call progress tones of countries as data, and makes sources of them. It never decides when one is heard.
package tone

import (
	"math"

	"naisen/media"
	"naisen/media/play"
)

// Kind of tone.
type Kind int

// Kinds.
const (
	Dial Kind = iota
	Ringback
	Busy
	Congestion // the network cannot; "reorder"
	Stutter    // dial tone that says a message waits, or a second dial tone
	Waiting    // a second call
	Beep       // "speak now": once
	RecordBeep // repeated reminder that a recording runs
)

// Cadence is a tone: what sounds, how long, and whether it repeats.
type Cadence struct {
	Hz      []float64 // added together, at equal level
	AM      float64   // full modulation by this frequency, Hz; 0: none
	Pulses  []Pulse   // in turn; empty: continuous
	Once    bool      // the pulses are not repeated
	Decibel float64   // level, dBFS; 0: -16, which is about -13 dBm0
}

// Pulse is a sound and the pause after it, in ms.
type Pulse struct{ On, Off int }

const (
	defaultLevel = -16.0
	rampMillis   = 4 // rise and fall, against clicks
	secondMillis = 1000
	renderRate   = 16000
)

// countries, by ISO 3166 code. What one does not have is taken from Japan.
var countries = map[string]map[Kind]Cadence{
	"jp": { // NTT technical reference for telephone service interfaces
		Dial:       {Hz: []float64{400}},
		Ringback:   {Hz: []float64{400}, AM: 16, Pulses: []Pulse{{1000, 2000}}},
		Busy:       {Hz: []float64{400}, Pulses: []Pulse{{500, 500}}},
		Congestion: {Hz: []float64{400}, Pulses: []Pulse{{500, 500}}},
		Stutter:    {Hz: []float64{400}, Pulses: []Pulse{{240, 240}}},
		Waiting:    {Hz: []float64{400}, AM: 16, Pulses: []Pulse{{500, 0}, {40, 3460}}},
		Beep:       {Hz: []float64{1000}, Pulses: []Pulse{{400, 100}}, Once: true},
		RecordBeep: {Hz: []float64{1400}, Pulses: []Pulse{{400, 14600}}, Decibel: -26},
	},
	"us": { // ANSI T1.401
		Dial:       {Hz: []float64{350, 440}},
		Ringback:   {Hz: []float64{440, 480}, Pulses: []Pulse{{2000, 4000}}},
		Busy:       {Hz: []float64{480, 620}, Pulses: []Pulse{{500, 500}}},
		Congestion: {Hz: []float64{480, 620}, Pulses: []Pulse{{260, 240}}},
		Waiting:    {Hz: []float64{440}, Pulses: []Pulse{{300, 9700}}},
	},
	"gb": { // BT SIN 350
		Dial:       {Hz: []float64{350, 440}},
		Ringback:   {Hz: []float64{400, 450}, Pulses: []Pulse{{400, 200}, {400, 2000}}},
		Busy:       {Hz: []float64{400}, Pulses: []Pulse{{380, 380}}},
		Congestion: {Hz: []float64{400}, Pulses: []Pulse{{400, 360}, {220, 520}}},
	},
	"eu": { // ETSI TR 101 041-2, the common 425 Hz plan
		Dial:       {Hz: []float64{425}},
		Ringback:   {Hz: []float64{425}, Pulses: []Pulse{{1000, 4000}}},
		Busy:       {Hz: []float64{425}, Pulses: []Pulse{{500, 500}}},
		Congestion: {Hz: []float64{425}, Pulses: []Pulse{{240, 240}}},
	},
}

// Of gives a country's tone, Japan's where the country or the kind is not known.
func Of(country string, k Kind) Cadence {
	if c, ok := countries[country][k]; ok {
		return c
	}
	return countries["jp"][k]
}

// PCM renders one period, 16 bit at 16 kHz. Repeating it is seamless: all frequencies have whole cycles in it.
func (c Cadence) PCM() []int16 {
	pulses := c.Pulses
	if len(pulses) == 0 {
		pulses = []Pulse{{secondMillis, 0}}
	}
	var out []int16
	for _, p := range pulses {
		out = c.pulse(out, p, len(c.Pulses) > 0)
	}
	return out
}

func (c Cadence) pulse(out []int16, p Pulse, shaped bool) []int16 {
	level := c.Decibel
	if level == 0 {
		level = defaultLevel
	}
	peak := 32767 * math.Pow(10, level/20)
	n, ramp := renderRate/1000*p.On, renderRate/1000*rampMillis
	for i := range n {
		v, t := 0.0, float64(i)/renderRate
		for _, hz := range c.Hz {
			v += math.Sin(2 * math.Pi * hz * t)
		}
		v *= peak / math.Max(float64(len(c.Hz)), 1)
		if c.AM > 0 {
			v *= 0.5 - 0.5*math.Cos(2*math.Pi*c.AM*t)
		}
		if edge := min(i, n-1-i); shaped && edge < ramp {
			v *= float64(edge) / float64(ramp)
		}
		out = append(out, int16(math.Round(v)))
	}
	return append(out, make([]int16, renderRate/1000*p.Off)...)
}

// Clip encodes one period; codec.ErrUnknown. Make it once per codec and share it.
func (c Cadence) Clip(codec media.Codec) (*play.Clip, error) {
	if c.Once {
		return play.FromPCM(codec, c.PCM(), renderRate)
	}
	return play.PeriodFromPCM(codec, c.PCM(), renderRate)
}

// Source plays a country's tone: once, or until it is stopped. codec.ErrUnknown.
func Source(country string, k Kind, codec media.Codec) (media.Source, error) {
	cadence := Of(country, k)
	clip, err := cadence.Clip(codec)
	if err != nil {
		return nil, err
	}
	if cadence.Once {
		return clip.Play(), nil
	}
	return clip.Loop(), nil
}
