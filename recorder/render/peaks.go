package render

import (
	"naisen/recorder"
)

// peaks follow the loudest sample of each channel, step by step. When there are too many steps two become one: a recording of any length has as much
// detail as a screen shows, in one pass.
type peaks struct {
	step   int64 // samples
	filled int64 // of the step that is open
	now    [2]int
	done   [2][]byte
}

// firstStepsPerSecond is how fine it begins.
const firstStepsPerSecond = 50

// newPeaks begins; rate in Hz.
func newPeaks(rate int) *peaks { return &peaks{step: int64(rate / firstStepsPerSecond)} }

// take goes on with samples before they are cut to 16 bits.
func (p *peaks) take(left, right []int32) {
	for i := range left {
		p.now[0], p.now[1] = max(p.now[0], loud(left[i])), max(p.now[1], loud(right[i]))
		if p.filled++; p.filled == p.step {
			p.close()
		}
	}
}

func (p *peaks) close() {
	for c := range p.now {
		p.done[c] = append(p.done[c], byte(p.now[c]>>7))
		p.now[c] = 0
	}
	p.filled = 0
	if len(p.done[0]) < recorder.MaxPeaks {
		return
	}
	for c, d := range p.done {
		for i := range len(d) / 2 {
			d[i] = max(d[2*i], d[2*i+1])
		}
		p.done[c] = d[:len(d)/2]
	}
	p.step *= 2
}

// loud is a sample's distance from silence, 0 to 32,767.
func loud(s int32) int {
	v := int(clip(s))
	if v < 0 {
		v = -v - 1
	}
	return v
}

// end gives them; nil: there is no sound.
func (p *peaks) end(rate int) *recorder.Peaks {
	if p.filled > 0 {
		p.close()
	}
	if len(p.done[0]) == 0 {
		return nil
	}
	return &recorder.Peaks{StepUS: p.step * 1_000_000 / int64(rate), Left: p.done[0], Right: p.done[1]}
}
