package watermark

import (
	"math"
	"math/bits"
	"math/cmplx"
)

// fourier transforms blocks of one size, a power of two. Not safe for concurrent use of one block; it keeps no state.
type fourier struct {
	twiddles []complex128
	order    []int
}

func newFourier(size int) *fourier {
	f := &fourier{make([]complex128, size/2), make([]int, size)}
	for i := range f.twiddles {
		f.twiddles[i] = cmplx.Rect(1, -2*math.Pi*float64(i)/float64(size))
	}
	shift := 64 - bits.Len(uint(size-1))
	for i := range f.order {
		f.order[i] = int(bits.Reverse64(uint64(i)) >> shift)
	}
	return f
}

// forward transforms in place (radix 2, decimation in time). The race detector would make it ten times as slow, for memory that is the caller's own.
//
//go:norace
func (f *fourier) forward(x []complex128) {
	x = x[:len(f.order)]
	for i, j := range f.order {
		if i < j {
			x[i], x[j] = x[j], x[i]
		}
	}
	for half := 1; half < len(x); half *= 2 {
		stride := len(f.twiddles) / half
		for at := 0; at < len(x); at += 2 * half {
			low, high := x[at:at+half], x[at+half:at+2*half]
			for i := range low {
				t := high[i] * f.twiddles[i*stride]
				low[i], high[i] = low[i]+t, low[i]-t
			}
		}
	}
}

// back undoes forward.
func (f *fourier) back(x []complex128) {
	for i, v := range x {
		x[i] = complex(imag(v), real(v))
	}
	f.forward(x)
	scale := 1 / float64(len(x))
	for i, v := range x {
		x[i] = complex(imag(v)*scale, real(v)*scale)
	}
}

// window is the square root of Hann's: used before and after a transform it adds up to one with its neighbours half a frame away.
func window(size int) []float64 {
	w := make([]float64, size)
	for i := range w {
		w[i] = math.Sin(math.Pi * (float64(i) + 0.5) / float64(size))
	}
	return w
}
