// Package journal is the encrypted file that a capture appends to: RTP payloads with their times, and marks (case, parties, drops, stop).
// It owns the format. It never decodes audio and never decides when a recording begins or ends.
//
// The file is one header block and then slots of exactly 4,096 bytes:
//
//	"NAISENJ1" | length of the wrapped key, 2 bytes | key and recording id, sealed by age for the spool identity | zeroes up to 4,096 n
//	slot i: AES-256-GCM(key, nonce = flag(1) 0(3) i(8), records padded with zeroes to 4,080 bytes)
//
// This is the STREAM construction that age and Tink's streaming AEAD use as well, with two properties that theirs lack: a slot is sealed as
// soon as it is full or half a second old (so `kill -9` costs less than a second at any packet rate), and no record crosses a slot (so a
// damaged slot costs itself and nothing behind it). The key is random for each file and no slot is ever sealed twice, so a nonce never
// repeats. The flag is 1 in the slot that ends the file: without it the capture was interrupted.
//
// The wrapped key is for this machine's own spool identity, not for the vault: after a crash the next start finishes the recording without
// anyone's help. What leaves the machine is sealed to vault and recovery only, and the journal is removed once that is stored.
package journal

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"time"

	"naisen/media"
	"naisen/recorder"
)

// Sizes of the format, in bytes.
const (
	SlotSize   = 4096
	plainSize  = SlotSize - tagSize
	tagSize    = 16
	keySize    = 32
	magic      = "NAISENJ1"
	maxWrapped = 1<<16 - 1
	recordHead = 3  // kind, length
	frameHead  = 21 // party, flags, codec, sequence, timestamp, SSRC, at
	// MaxRecord is the largest body of one record.
	MaxRecord = plainSize - recordHead
	// MaxPayload is the largest RTP payload that a frame record holds.
	MaxPayload = MaxRecord - frameHead
)

// Sentinel errors.
var (
	ErrTooLarge = errors.New("journal: record larger than a slot")
	ErrClosed   = errors.New("journal: closed")
)

// Kind of a record.
type Kind byte

// Kinds; 0 is padding up to the end of the slot.
const (
	KindCase  Kind = 1 // JSON recorder.Case, the first record
	KindParty Kind = 2 // JSON Party
	KindDrops Kind = 3 // JSON Drops
	KindStop  Kind = 4 // JSON Stop, the last record
	KindFrame Kind = 5 // binary Frame
	KindMask  Kind = 6 // JSON Mask

	KindListener Kind = 7 // JSON Listener

	KindLeft   Kind = 8  // JSON Left
	KindNotice Kind = 9  // JSON recorder.Notice
	KindLink   Kind = 10 // JSON recorder.Link
	KindKept   Kind = 11 // JSON Kept

	KindPause Kind = 12 // JSON Pause
)

// Frame is one RTP packet as the tap saw it.
type Frame struct {
	Party     uint8 // index of the party whose endpoint it belongs to
	Played    bool  // our prompt towards that party
	Event     bool  // telephone-event, not audio
	Marker    bool
	Codec     media.Codec
	Sequence  uint16
	Timestamp uint32
	SSRC      uint32
	At        time.Duration // since the recording's start, monotonic
	Payload   []byte
}

// Party says who the frames with this index are, from then on.
type Party struct {
	Index int            `json:"i"`
	At    time.Duration  `json:"at"`
	Party recorder.Party `json:"party"`
}

// Drops says that the ring refused frames in a span.
type Drops struct {
	Index int           `json:"i"`
	From  time.Duration `json:"from"`
	To    time.Duration `json:"to"`
	N     int64         `json:"n"`
}

// Mask says that from here on nothing of the call is kept, or that it is again.
type Mask struct {
	On bool          `json:"on"`
	At time.Duration `json:"at"`
	By string        `json:"by,omitempty"`
}

// Pause says that from here on nothing of the call is kept since somebody asked for that, or that it is again.
type Pause struct {
	On bool          `json:"on"`
	At time.Duration `json:"at"`
	recorder.Order
}

// Listener says that somebody beside the parties hears the call from here on, in another way, or no more.
type Listener struct {
	At     time.Duration `json:"at"`
	Key    string        `json:"key"` // the same for what one listener does later
	Number string        `json:"number,omitempty"`
	Name   string        `json:"name,omitempty"`
	Mode   string        `json:"mode,omitempty"` // empty: no more
}

// Left says that a party is not in the call any more. Frames of it that come later belong to who comes back.
type Left struct {
	Index int           `json:"i"`
	At    time.Duration `json:"at"`
}

// Kept says that the recording has come under a rule that keeps it longer, or calls it more confidential.
type Kept struct {
	Days  int            `json:"days"`            // as recorder.Case.RetentionDays
	Label recorder.Label `json:"label,omitempty"` // empty: of before there were any, and no news
}

// Stop is the end as the call told it.
type Stop struct {
	Ended time.Time     `json:"ended"`
	At    time.Duration `json:"at"` // since the start, monotonic where the caller's times are
	Why   string        `json:"why"`
}

// Keeper wraps the journal's key for this machine. seal.Sealer is one.
type Keeper interface {
	SealSpool(ctx context.Context, plain []byte) ([]byte, error)
	OpenSpool(ctx context.Context, sealed []byte, limit int64) ([]byte, error)
}

// codecs gives the byte of each codec in a frame record. Only append.
var codecs = [...]media.Codec{1: media.PCMU, 2: media.PCMA, 3: media.G722, 4: media.Opus}

// CodecByte is the codec's number in a journal; 0: a journal cannot hold it.
func CodecByte(c media.Codec) byte {
	for i := 1; i < len(codecs); i++ {
		if codecs[i] == c {
			return byte(i)
		}
	}
	return 0
}

// CodecOf is the reverse of CodecByte; empty for a number that this version does not know.
func CodecOf(b byte) media.Codec {
	if int(b) < len(codecs) {
		return codecs[b]
	}
	return ""
}

// Bits of a frame record's flags.
const (
	flagPlayed = 1 << iota
	flagEvent
	flagMarker
)

func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

func setNonce(nonce *[12]byte, slot uint64, last bool) {
	nonce[0] = 0
	if last {
		nonce[0] = 1
	}
	binary.BigEndian.PutUint64(nonce[4:], slot)
}
