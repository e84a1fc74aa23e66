package watermark

import (
	"context"
	"math"
	"slices"
)

// place says which row a step is in: step i is in row (i+at)/rowSteps where that is a whole number. z is how well the cells without a bit agree:
// of sound without a mark it is above z in exp(-z²/2) of all cases at most (Hoeffding), since the signs are random to whoever has not the key.
type place struct {
	at int
	z  float64
}

const (
	places    = rows * rowSteps
	tries     = 8   // places that are decoded
	plausible = 4.5 // z of a place that is
	certain   = 6.5 // z of a place that has a mark, readable or not: 65,536 places have one by chance once in 20,000 times
)

// grid is what all places are tried with at once: the signs of the cells without a bit, band by band, as a spectrum over the 17 minutes.
type grid struct {
	fft   *fourier
	signs [bands][]complex128
}

func (k *Key) makeGrid() *grid {
	g := &grid{fft: newFourier(rows)}
	for b := range g.signs {
		g.signs[b] = make([]complex128, rows)
		for row := range k.cells {
			if c := k.cells[row][b]; c.bit == syncBit {
				g.signs[b][row] = complex(float64(c.sign), 0)
			}
		}
		g.fft.forward(g.signs[b])
	}
	return g
}

// search looks everywhere and returns the best places, the best one first. All sums over the cells without a bit are one correlation; every other step is
// looked at, one as the real part and one as the imaginary part, and those between where it is worth it.
func (k *Key) search(ctx context.Context, x evidence) ([]place, error) {
	g := k.grid()
	sums, z := make([]complex128, rows), make([]complex128, rows)
	for b := range bands {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		clear(z)
		for i := 0; i < len(x); i += rowSteps {
			var between float32
			if i+rowSteps/2 < len(x) {
				between = x[i+rowSteps/2][b]
			}
			z[i/rowSteps] = complex(float64(x[i][b]), -float64(between))
		}
		g.fft.forward(z)
		for i, v := range z {
			sums[i] += g.signs[b][i] * complex(real(v), -imag(v))
		}
	}
	g.fft.back(sums)
	scale, scaleBetween := x.scale(0), x.scale(rowSteps/2)
	var found []place
	for first, v := range sums {
		for _, p := range []place{{first * rowSteps, real(v) * scale}, {(first*rowSteps - rowSteps/2 + places) % places, imag(v) * scaleBetween}} {
			if p.z > plausible-1 {
				found = keep(found, p)
			}
		}
	}
	for i, p := range found {
		found[i] = k.refine(x, p.at, 1)
	}
	found = slices.DeleteFunc(found, func(p place) bool { return p.z < plausible })
	slices.SortFunc(found, better)
	return found, nil
}

// scale makes a z of a sum over the cells without a bit, at every row of which the first is a given step.
func (x evidence) scale(first int) float64 {
	power := 1e-12
	for i := first; i < len(x); i += rowSteps {
		for _, v := range x[i] {
			power += float64(v) * float64(v)
		}
	}
	return 1 / math.Sqrt(power*syncCells/periodCells)
}

func better(a, b place) int {
	switch {
	case a.z > b.z:
		return -1
	case a.z < b.z:
		return 1
	}
	return 0
}

// keep enters a place among the best ones; of neighbours, which share most of their cells, only the better one.
func keep(found []place, p place) []place {
	for i, q := range found {
		if d := (p.at - q.at + places) % places; d <= rowSteps || d >= places-rowSteps {
			if p.z > q.z {
				found[i] = p
			}
			return found
		}
	}
	if len(found) < tries {
		return append(found, p)
	}
	worst := 0
	for i, q := range found {
		if q.z < found[worst].z {
			worst = i
		}
	}
	if p.z > found[worst].z {
		found[worst] = p
	}
	return found
}

// refine is the best place at most so many steps away.
func (k *Key) refine(x evidence, at, around int) place {
	best := place{z: math.Inf(-1)}
	for d := -around; d <= around; d++ {
		if p := k.agree(x, (at+d+places)%places); p.z > best.z {
			best = p
		}
	}
	return best
}

// agree is how well the cells without a bit agree at a place.
func (k *Key) agree(x evidence, at int) place {
	sum, power := 0.0, 1e-12
	each(x, at, func(row int, values *[bands]float32) {
		for _, c := range k.sync[row] {
			v := float64(values[c%bands])
			power += v * v
			if c >= bands {
				v = -v
			}
			sum += v
		}
	})
	return place{at, sum / math.Sqrt(power)}
}

// each calls with every row at a place.
func each(x evidence, at int, do func(row int, values *[bands]float32)) {
	for i := (rowSteps - at%rowSteps) % rowSteps; i < len(x); i += rowSteps {
		do((i+at)/rowSteps%rows, &x[i])
	}
}

// soft is what the cells of each bit say together.
type soft [codedBits]float64

// collect adds up the cells of each bit.
func (k *Key) collect(x evidence, at int) (s soft) {
	each(x, at, func(row int, values *[bands]float32) {
		for b, c := range &k.cells[row] {
			if c.bit != syncBit {
				s[c.bit] += float64(values[b]) * float64(c.sign)
			}
		}
	})
	return s
}

func (s *soft) add(t *soft) {
	for i, v := range t {
		s[i] += v
	}
}

// read decodes; false: what comes out was not made with this key.
func (k *Key) read(s *soft) (ID, bool) {
	return k.idOf(decode((*[codedBits]float64)(s)))
}

// agreement is how well the code of a listening fits: at most the square root of the code's length, and of a listening that has nothing to do
// with it above z in exp(-z²/2) of all cases.
func (k *Key) agreement(s *soft, id ID) float64 {
	sum, power := 0.0, 1e-12
	for i, c := range encode(k.message(id)) {
		sum += s[i] * float64(c)
		power += s[i] * s[i]
	}
	return sum / math.Sqrt(power)
}
