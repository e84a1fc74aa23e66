// Package watermark gives each listener an own copy of a recording, whose sound names the listening inaudibly, and finds that name again in a
// file that turned up somewhere. It owns the mark: its key, its shape and its search. It never stores audio, never decides who may listen, and
// puts nobody's name into the sound: a mark is a number, and the audit log says whose.
//
// # How the mark is made
//
// The band from 300 to 3,300 Hz is cut into 24 bands of 125 Hz and time into rows of 32 ms: a cell each. In every cell the sound is made about
// 1 dB louder or softer. Which of the two is the product of a sign that only the key knows and of one bit of the message (or of 1, in the
// third of the cells that serve to find the place). So the mark is always as soft as the sound itself allows: 17.7 dB below it, in the same
// bands at the same time; less where the sound is a pure tone, which hides little; nothing in silence.
//
// The message has 72 bits: when the listening began (30 bits, seconds), a keyed check of who and what (18 bits), and 24 zeroes, all of it mixed by a
// keyed permutation. A convolutional code of rate 1/3 and constraint length 9, tail-biting, makes 216 bits of it, and each is repeated in some 70 cells
// in half a minute. The signs repeat after 17 minutes only, so that a copy cannot be averaged over its own length.
//
// All of it is a function of key, message and the place in the recording: any range of a copy is made alone, and two ranges always fit.
//
// # How it is found
//
// The detector looks at the loudness of cells beside that of their neighbours, tries all places in the 17 minutes, and decodes where the
// known third of the cells agrees. Gain does not matter, nor do µ-law, A-law, another sample rate, a mix of both channels, a crop, or a clock
// that is 50 ppm fast. Changing speed or pitch by a hundredth does, and so does replacing the voice by another one.
package watermark

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"
)

// The geometry of the mark. Times are in samples of 8 kHz. Changing anything here makes marks of before unreadable.
const (
	baseRate  = 8000
	hop       = 128     // from one frame to the next
	frameSize = 2 * hop // 32 ms: bins of 31.25 Hz
	rowHops   = 2       // a row is so many frames
	firstBin  = 10
	bandBins  = 4
	bands     = 24

	periodRows  = 128 // in which every bit of the code has as many cells
	periods     = 256
	rows        = periodRows * periods // after which the signs begin again: 17 minutes and 28 seconds
	periodCells = periodRows * bands
	syncCells   = periodCells / 3
)

// syncBit stands for a cell that carries no bit.
const syncBit = 0xff

// cell is what one band does in one row.
type cell struct {
	bit  uint8 // of the code, or syncBit
	sign int8
}

// Key makes and finds marks. It is immutable and safe for concurrent use; it never prints what it is made of.
type Key struct {
	mixing, check []byte
	cells         [][bands]cell // by row
	grid          func() *grid
	sync          [][]uint8 // by row: the bands without a bit; those of sign -1 are counted from bands on
}

// secretSize is the length of what a key is made of, bytes.
const secretSize = 32

// newKey derives everything from a secret.
func newKey(secret []byte) (*Key, error) {
	if len(secret) != secretSize {
		return nil, fmt.Errorf("watermark: a secret of %d bytes instead of %d", len(secret), secretSize)
	}
	part := func(purpose string) ([]byte, error) {
		return hkdf.Key(sha256.New, secret, nil, "naisen watermark 1 "+purpose, 32)
	}
	k := &Key{}
	var err error
	if k.mixing, err = part("mixing"); err != nil {
		return nil, fmt.Errorf("watermark: %w", err)
	}
	if k.check, err = part("check"); err != nil {
		return nil, fmt.Errorf("watermark: %w", err)
	}
	seed, err := part("cells")
	if err != nil {
		return nil, fmt.Errorf("watermark: %w", err)
	}
	k.draw([32]byte(seed))
	k.grid = sync.OnceValue(k.makeGrid)
	return k, nil
}

// draw lays out the cells: in each period every bit as often as any other, in an order that only the key knows. The generator is ChaCha8
// as C2SP specifies it, and the shuffle is written out, so that no later library draws otherwise.
func (k *Key) draw(seed [32]byte) {
	src := rand.NewChaCha8(seed)
	k.cells, k.sync = make([][bands]cell, rows), make([][]uint8, rows)
	var bits [periodCells]uint8
	for period := range periods {
		for i := range bits {
			bits[i] = syncBit
			if i >= syncCells {
				bits[i] = uint8((i - syncCells) % codedBits)
			}
		}
		for i := len(bits) - 1; i > 0; i-- {
			j := int(src.Uint64() >> 32 * uint64(i+1) >> 32)
			bits[i], bits[j] = bits[j], bits[i]
		}
		for i, bit := range bits {
			row, band := period*periodRows+i/bands, i%bands
			c := cell{bit, 1}
			if src.Uint64()&1 == 1 {
				c.sign = -1
			}
			k.cells[row][band] = c
			if bit == syncBit {
				k.sync[row] = append(k.sync[row], uint8(band)+bands*uint8((1-c.sign)/2))
			}
		}
	}
}

// String keeps the key out of a log.
func (k *Key) String() string { return "[redacted]" }

// GoString keeps the key out of %#v.
func (k *Key) GoString() string { return "[redacted]" }

// LogValue keeps the key out of slog.
func (k *Key) LogValue() slog.Value { return slog.StringValue("[redacted]") }

// Listening is somebody's hearing of a recording, from its first second to its last, however many requests it takes.
type Listening struct {
	Listener  string // as the audit log names them
	Domain    string
	Recording string
	Began     time.Time
}

// ID is the number of a listening: what a mark says.
type ID uint64

const (
	idBits    = 48
	checkBits = 18
	timeBits  = idBits - checkBits
)

// epoch is when IDs begin to count; they can do so for 34 years.
const epoch = 1767225600 // 2026-01-01T00:00:00Z

// ID numbers a listening: the second in which it began, and a keyed check of the rest, so that an entry of an audit log can be held against the mark.
func (k *Key) ID(l Listening) ID {
	seconds := uint64(max(l.Began.Unix()-epoch, 0)) & (1<<timeBits - 1)
	h := hmac.New(sha256.New, k.check)
	for _, s := range []string{l.Listener, l.Domain, l.Recording} {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(s)))
		h.Write(n[:])
		h.Write([]byte(s))
	}
	h.Write(binary.BigEndian.AppendUint64(nil, seconds))
	return ID(seconds<<checkBits | binary.BigEndian.Uint64(h.Sum(nil))>>(64-checkBits))
}

// Began is the second in which the listening began.
func (id ID) Began() time.Time { return time.Unix(epoch+int64(id>>checkBits), 0).UTC() }

// String writes twelve hexadecimal digits.
func (id ID) String() string { return fmt.Sprintf("%012x", uint64(id)) }

// ParseID reads what String wrote.
func ParseID(s string) (ID, error) {
	n, err := strconv.ParseUint(s, 16, idBits)
	if err != nil || len(s) != idBits/4 {
		return 0, fmt.Errorf("watermark: %.20q is no listening's number", s)
	}
	return ID(n), nil
}

// tagBits are the bits of a message that come out as zero where it was made with the key.
const tagBits = messageBits - idBits

// half is the size of each half of a message, bits.
const half = messageBits / 2

// message is the ID and so many zeroes, mixed by a keyed permutation of all 72 bits (four rounds of Luby and Rackoff): so two messages have nothing in
// common, however alike their IDs are, and whoever has not the key learns nothing from one.
func (k *Key) message(id ID) (m [messageBits]uint8) {
	left, right := uint64(id)>>(half-tagBits), uint64(id)<<tagBits&(1<<half-1)
	for round := range byte(4) {
		left, right = right, left^k.round(round, right)
	}
	for i := range half {
		m[i], m[half+i] = uint8(left>>(half-1-i)&1), uint8(right>>(half-1-i)&1)
	}
	return m
}

// idOf reads a message; false: it was not made with this key, but for one in 2^24 of all others.
func (k *Key) idOf(m [messageBits]uint8) (ID, bool) {
	var left, right uint64
	for i := range half {
		left, right = left<<1|uint64(m[i]), right<<1|uint64(m[half+i])
	}
	for round := byte(4); round > 0; round-- {
		left, right = right^k.round(round-1, left), left
	}
	return ID(left<<(half-tagBits) | right>>tagBits), right&(1<<tagBits-1) == 0
}

func (k *Key) round(n byte, half36 uint64) uint64 {
	h := hmac.New(sha256.New, k.mixing)
	h.Write(binary.BigEndian.AppendUint64([]byte{n}, half36))
	return binary.BigEndian.Uint64(h.Sum(nil)) >> (64 - half)
}
