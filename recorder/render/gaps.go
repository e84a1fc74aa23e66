package render

import (
	"slices"

	"naisen/recorder"
)

const (
	// leastGap is the shortest stretch that is listed, in ms: a single lost packet is only counted.
	leastGap = 60
	// joinGap joins stretches with less audio than this between them, in ms.
	joinGap = 100
	// maxKnown bounds the stretches whose reason is remembered.
	maxKnown = 1 << 16
)

// gaps collects the stretches in which a channel has no audio.
type gaps struct {
	rate, scale int64
	party       [2]string
	open        [2]int64 // start of the stretch in samples, plus one; 0: there is audio
	known       [2][]span
	list        []recorder.Gap
	omitted     int
}

// see takes a run of samples with or without audio, in order.
func (g *gaps) see(channel int, from, to int64, have bool) {
	switch {
	case !have && g.open[channel] == 0:
		g.open[channel] = from + 1
	case have && g.open[channel] != 0:
		g.close(channel, from)
	}
}

func (g *gaps) close(channel int, to int64) {
	from := g.ms(g.open[channel] - 1)
	g.open[channel] = 0
	end := g.ms(to)
	if end-from < leastGap {
		return
	}
	for i := len(g.list) - 1; i >= 0; i-- {
		if last := &g.list[i]; last.Party == g.party[channel] {
			if from-last.ToMS < joinGap {
				last.ToMS = end
				return
			}
			break
		}
	}
	if len(g.list) >= maxGaps {
		g.omitted++
		return
	}
	g.list = append(g.list, recorder.Gap{Party: g.party[channel], FromMS: from, ToMS: end, Reason: "silence"})
}

// know remembers the reason for a stretch.
func (g *gaps) know(channel int, from, to int64, reason string) {
	if len(g.known[channel]) < maxKnown {
		g.known[channel] = append(g.known[channel], span{channel, g.ms(from), g.ms(to), reason})
	}
}

// end closes what is open at the end of the recording.
func (g *gaps) end(at int64) {
	for c := range g.open {
		if g.open[c] != 0 {
			g.close(c, at)
		}
	}
}

// explain gives each listed gap its reason: what capture knows (dropped, damaged) before what sequence numbers tell (loss) before silence.
func (g *gaps) explain(s *surveyed) {
	slices.SortStableFunc(g.list, func(a, b recorder.Gap) int { return int(a.FromMS - b.FromMS) })
	for i := range g.list {
		gap := &g.list[i]
		channel := 0
		if gap.Party == g.party[1] {
			channel = 1
		}
		for _, k := range g.known[channel] {
			if k.from < gap.ToMS && k.to > gap.FromMS {
				gap.Reason = k.reason
				break
			}
		}
		for _, k := range s.spans {
			if (k.party < 0 || k.party < len(s.parties) && s.parties[k.party].right() == (channel == 1)) &&
				k.from*1000/tickRate < gap.ToMS && k.to*1000/tickRate > gap.FromMS {
				gap.Reason = k.reason
				break
			}
		}
	}
}

func (g *gaps) ms(samples int64) int64 { return samples * 1000 / g.rate }
