package watermark

import (
	"context"
	"math"
	"slices"
	"time"
)

// Windows in which a file is searched, seconds. Each stands for itself, since a clock that is 50 ppm off is 1.6 ms off after one of them.
const (
	windowSeconds = 33
	windowMoves   = 24
	shortest      = 3 // of which something may be found
)

// Mark is what was found in a stretch of a file.
type Mark struct {
	From, To time.Duration
	ID       ID
	Read     bool    // the ID stands; else there is a mark, and it is not readable
	Z        float64 // how clearly it is there
	soft     soft
	tail     int // where the next window should find it
}

// Report is what a search found.
type Report struct {
	Marks    []Mark
	Length   time.Duration
	Sounding time.Duration // of it, how long there was sound in which a mark can be
	Tries    int           // messages decoded: each is taken for a mark that is none once in 2^24
}

// FalseRead bounds the chance that a file without any mark gives this report's number of listenings that never were.
func (r Report) FalseRead() float64 { return math.Min(1, float64(r.Tries)/(1<<tagBits)) }

// Find searches a file: all channels together first, since the mark is the same in each, then one by one, and then all that again as if noise had been added. Errors are those of reading, and ctx's.
func (k *Key) Find(ctx context.Context, f *File) (Report, error) {
	r := Report{Length: f.Length()}
	for i, h := range k.hunts(f) {
		if err := h.run(ctx); err != nil {
			return r, err
		}
		r.Tries += h.tries
		if i == 0 {
			r.Sounding = time.Duration(h.sounding) * step * time.Second / baseRate
		}
		read := slices.ContainsFunc(h.marks, func(m Mark) bool { return m.Read })
		if read || len(r.Marks) == 0 {
			r.Marks = h.marks
		}
		if read {
			break
		}
	}
	return r, nil
}

// noisy is the background of a file to which noise was added since, 25 dB below its voices.
const noisy = 3e-3

// hunts are all ways in which a file is searched, one after the other.
func (k *Key) hunts(f *File) (all []hunt) {
	for _, background := range []float64{0, noisy} {
		for channel := both; channel < f.layout.channels; channel++ {
			if channel == both || f.layout.channels > 1 {
				all = append(all, hunt{key: k, file: f, channel: channel, background: background})
			}
		}
	}
	return all
}

// Agreement is how well an unreadable mark fits a listening; Enough says how well it has to.
func (m Mark) Agreement(k *Key, id ID) float64 { return k.agreement(&m.soft, id) }

// Enough is the agreement that none of so many listenings that have nothing to do with a mark reaches, but once in a million times.
func Enough(listenings int) float64 {
	return math.Sqrt(2 * math.Log(1e6*float64(max(listenings, 1))))
}

// maxMixed bounds the copies that are looked for in one mark.
const maxMixed = 8

// Fit names those of some listenings whose copies a mark is made of: one, or several that were mixed. What the one explains that fits best is taken away before
// the next is looked for, to which it is noise. The listening of a mark that can be read is not named again. Each of all looks names somebody who has nothing to
// do with it once in a million times.
func (m Mark) Fit(k *Key, ids []ID) (fit []ID) {
	left, enough := m.soft, Enough(len(ids))
	if m.Read {
		left.without(k, m.ID)
	}
	for range maxMixed {
		best, found := enough, false
		var next ID
		for _, id := range ids {
			if m.Read && id == m.ID || slices.Contains(fit, id) {
				continue
			}
			if a := k.agreement(&left, id); a > best {
				best, next, found = a, id, true
			}
		}
		if !found {
			break
		}
		fit = append(fit, next)
		left.without(k, next)
	}
	return fit
}

// without takes away what a listening's code explains.
func (s *soft) without(k *Key, id ID) {
	code := encode(k.message(id))
	part := 0.0
	for i, c := range code {
		part += s[i] * float64(c) / codedBits
	}
	for i, c := range code {
		s[i] -= part * float64(c)
	}
}

// hunt is the search of one channel.
type hunt struct {
	key      *Key
	file     *File
	channel  int
	marks    []Mark
	tries    int
	sounding int // steps

	background float64
}

func (h *hunt) run(ctx context.Context) error {
	length := h.file.Length()
	for from := 0; ; from += windowMoves {
		left := length - time.Duration(from)*time.Second
		if left < shortest*time.Second || from > 0 && left <= (windowSeconds-windowMoves)*time.Second {
			return nil // the window before had all of it
		}
		pcm, err := h.file.stretch(from, windowSeconds, h.channel)
		if err != nil {
			return err
		}
		x, sounding := look(pcm, h.background)
		h.count(sounding, left > windowSeconds*time.Second)
		found, err := h.places(ctx, x)
		if err != nil {
			return err
		}
		if m, ok := h.mark(x, found); ok {
			m.From, m.To = time.Duration(from)*time.Second, min(length, time.Duration(from+windowSeconds)*time.Second)
			m.tail = (m.tail + windowMoves*baseRate/step) % places
			h.enter(m)
		}
	}
}

// count adds the steps with sound of a window, without those that the next one counts.
func (h *hunt) count(sounding []bool, more bool) {
	if more {
		sounding = sounding[:windowMoves*baseRate/step]
	}
	for _, s := range sounding {
		if s {
			h.sounding++
		}
	}
}

// places are where to look: where the window before lets expect it, else everywhere.
func (h *hunt) places(ctx context.Context, x evidence) ([]place, error) {
	if n := len(h.marks); n > 0 {
		if p := h.key.refine(x, h.marks[n-1].tail, 2); p.z >= plausible {
			return []place{p}, nil
		}
	}
	return h.key.search(ctx, x)
}

// mark reads a window at the first place where that is possible.
func (h *hunt) mark(x evidence, found []place) (Mark, bool) {
	for _, p := range found {
		s := h.key.collect(x, p.at)
		h.tries++
		if id, ok := h.key.read(&s); ok {
			return Mark{ID: id, Read: true, Z: p.z, soft: s, tail: p.at}, true
		}
	}
	if len(found) == 0 || found[0].z < certain && !h.expected(found[0].at) {
		return Mark{}, false
	}
	return Mark{Z: found[0].z, soft: h.key.collect(x, found[0].at), tail: found[0].at}, true
}

// expected says that the mark before goes on at this place.
func (h *hunt) expected(at int) bool {
	n := len(h.marks)
	if n == 0 {
		return false
	}
	d := (at - h.marks[n-1].tail + places) % places
	return d <= 2 || d >= places-2
}

// enter adds what a window showed: it goes on from the window before, or is another mark.
func (h *hunt) enter(m Mark) {
	n := len(h.marks)
	if n == 0 || h.marks[n-1].To < m.From {
		h.marks = append(h.marks, m)
		return
	}
	last := &h.marks[n-1]
	together := last.soft
	together.add(&m.soft)
	switch {
	case last.Read && m.Read && last.ID == m.ID, last.Read && !m.Read && h.key.agreement(&m.soft, last.ID) >= goesOn:
	case m.Read && !last.Read && h.key.agreement(&last.soft, m.ID) >= goesOn:
		last.ID, last.Read = m.ID, true
	case !m.Read && !last.Read:
		h.tries++
		if id, ok := h.key.read(&together); ok {
			last.ID, last.Read = id, true
		}
	default:
		h.marks = append(h.marks, m)
		return
	}
	last.soft, last.To, last.tail, last.Z = together, m.To, m.tail, max(last.Z, m.Z)
}

// goesOn is the agreement with which an unreadable window belongs to the readable one beside it.
const goesOn = 5.0
