package traffic

import "slices"

// Frames are the payloads that legs with this voice send, over and over, for whoever looks for them elsewhere.
func (v *Voice) Frames() [][]byte {
	out := make([][]byte, len(v.frames))
	for i, f := range v.frames {
		out[i] = slices.Clone(f)
	}
	return out
}
