package watermark

import "math/bits"

// The code: rate 1/3, constraint length 9 (the generators of 3GPP TS 25.212 section 4.2.3.1), tail-biting: it begins in the state in which it ends,
// so that no bits are spent on an end.
const (
	messageBits = 72
	rate        = 3
	codedBits   = rate * messageBits
	memory      = 8
	states      = 1 << memory
)

var generators = [rate]uint{0o557, 0o663, 0o711}

// encode gives 1 for each bit 0 of the code and -1 for each 1.
func encode(m [messageBits]uint8) (out [codedBits]int8) {
	state := uint(0)
	for _, b := range m[messageBits-memory:] {
		state = (state<<1 | uint(b)) & (states - 1)
	}
	for i, b := range m {
		register := state<<1 | uint(b)
		for j := range generators {
			out[rate*i+j] = 1 - 2*int8(parity(register, j))
		}
		state = register & (states - 1)
	}
	return out
}

func parity(register uint, generator int) uint {
	return uint(bits.OnesCount(register&generators[generator]) & 1)
}

// outputs is, for each content of the register, its three bits as one number.
var outputs = func() (t [2 * states]uint8) {
	for register := range t {
		for j := range generators {
			t[register] |= uint8(parity(uint(register), j)) << j
		}
	}
	return t
}()

// decode is the message whose code agrees best with soft values (positive: 1 of encode). The circle is gone round three times, and the second
// time counts: by then the state at which it really begins is found (Viterbi, wrapped around).
func decode(soft *[codedBits]float64) (m [messageBits]uint8) {
	const laps = 3
	var path [laps * messageBits][states]uint8 // the bit that left the register on the best way here
	var now, next [states]float64
	for step := range path {
		var metric [1 << rate]float64
		for pattern := range metric {
			for j := range rate {
				v := soft[rate*(step%messageBits)+j]
				if pattern>>j&1 == 1 {
					v = -v
				}
				metric[pattern] += v
			}
		}
		for s := range next {
			zero := now[s>>1] + metric[outputs[s]]
			one := now[s>>1|states/2] + metric[outputs[s|states]]
			next[s], path[step][s] = zero, 0
			if one > zero {
				next[s], path[step][s] = one, 1
			}
		}
		now = next
	}
	state := 0
	for s := range now {
		if now[s] > now[state] {
			state = s
		}
	}
	for step := len(path) - 1; step >= messageBits; step-- {
		if step < (laps-1)*messageBits {
			m[step-messageBits] = uint8(state & 1)
		}
		state = state>>1 | int(path[step][state])<<(memory-1)
	}
	return m
}
