package journal

import (
	"context"
	"crypto/cipher"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"naisen/recorder"
)

// Record is one record of a journal. Exactly the field of its Kind is meaningful.
type Record struct {
	Kind  Kind
	Frame Frame // Payload is valid until the next call of Next
	Case  recorder.Case
	Party Party
	Drops Drops
	Mask  Mask
	Pause Pause

	Listener Listener
	Left     Left
	Notice   recorder.Notice
	Link     recorder.Link
	Kept     Kept
	Stop     Stop
}

// Reader reads a journal, from the start as often as wanted. It is for one goroutine.
type Reader struct {
	r     io.ReaderAt
	aead  cipher.AEAD
	base  int64
	slots uint64 // whole slots in the file
	tail  bool   // a part of a slot follows them

	next     uint64
	rest     []byte // unread records of the open slot
	sealed   [SlotSize]byte
	plain    [SlotSize]byte
	complete bool
	damaged  int
}

// Open reads the header of the journal of the recording named id. An altered header is recorder.ErrIntegrity.
func Open(ctx context.Context, r io.ReaderAt, size int64, keeper Keeper, id string) (*Reader, error) {
	var head [len(magic) + 2]byte
	if _, err := r.ReadAt(head[:], 0); err != nil {
		return nil, fmt.Errorf("journal: header: %w", short(err))
	}
	if string(head[:len(magic)]) != magic {
		return nil, fmt.Errorf("journal: not a journal: %w", recorder.ErrIntegrity)
	}
	wrapped := make([]byte, binary.BigEndian.Uint16(head[len(magic):]))
	if _, err := r.ReadAt(wrapped, int64(len(head))); err != nil {
		return nil, fmt.Errorf("journal: header: %w", short(err))
	}
	n := len(head) + len(wrapped)
	base := int64((n + SlotSize - 1) / SlotSize * SlotSize)
	pad := make([]byte, base-int64(n))
	if _, err := r.ReadAt(pad, int64(n)); err != nil {
		return nil, fmt.Errorf("journal: header: %w", short(err))
	}
	if slices.ContainsFunc(pad, func(b byte) bool { return b != 0 }) {
		return nil, fmt.Errorf("journal: header: %w", recorder.ErrIntegrity)
	}
	secret, err := keeper.OpenSpool(ctx, wrapped, keySize+1024)
	if err != nil {
		return nil, fmt.Errorf("journal: key: %w", err)
	}
	defer clear(secret)
	if len(secret) < keySize || string(secret[keySize:]) != id {
		return nil, fmt.Errorf("journal: belongs to another recording: %w", recorder.ErrIntegrity)
	}
	aead, err := newAEAD(secret[:keySize])
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	rest := max(size-base, 0)
	return &Reader{r: r, aead: aead, base: base, slots: uint64(rest / SlotSize), tail: rest%SlotSize != 0}, nil
}

// Rewind starts again at the first record.
func (r *Reader) Rewind() {
	r.next, r.rest, r.complete, r.damaged = 0, nil, false, 0
}

// Clear wipes what was decrypted last. The reader is of no use afterwards until it is rewound.
func (r *Reader) Clear() {
	clear(r.plain[:])
	r.rest = nil
}

// Complete says, once Next has returned io.EOF, whether the journal was finished by its capture and nothing of it is missing at the end.
func (r *Reader) Complete() bool { return r.complete }

// Damaged counts slots that were refused: altered, torn, or behind the end. Not one byte of them was returned.
func (r *Reader) Damaged() int { return r.damaged }

// Next returns the next record into rec, or io.EOF. Slots that do not authenticate are skipped and counted.
func (r *Reader) Next(rec *Record) error {
	for {
		if len(r.rest) < recordHead || r.rest[0] == 0 {
			if err := r.slot(); err != nil {
				return err
			}
			continue
		}
		kind, body, rest, ok := cut(r.rest)
		if !ok { // authenticated, so our own writer's fault: nothing behind it in this slot can be trusted to be a record
			r.damaged++
			r.rest = nil
			continue
		}
		r.rest = rest
		if known, err := parse(kind, body, rec); err != nil {
			r.damaged++
		} else if known {
			return nil
		}
	}
}

// slot opens the next slot that authenticates.
func (r *Reader) slot() error {
	for r.next < r.slots {
		n := r.next
		if _, err := r.r.ReadAt(r.sealed[:], r.base+int64(n)*SlotSize); err != nil {
			return fmt.Errorf("journal: slot %d: %w", n, short(err))
		}
		r.next++
		if r.complete { // data behind the end
			r.complete, r.next = false, r.slots
			r.damaged++
			break
		}
		var nonce [12]byte
		for _, last := range [...]bool{false, true} {
			setNonce(&nonce, n, last)
			plain, err := r.aead.Open(r.plain[:0], nonce[:], r.sealed[:], nil)
			if err == nil {
				r.rest, r.complete = plain, last
				return nil
			}
		}
		r.damaged++
	}
	r.rest = nil
	if r.tail && r.complete {
		r.complete = false
		r.damaged++
	}
	return io.EOF
}

// cut takes the first record off a slot's plain content.
func cut(b []byte) (kind Kind, body, rest []byte, ok bool) {
	if len(b) < recordHead {
		return 0, nil, nil, false
	}
	n := int(binary.BigEndian.Uint16(b[1:]))
	if n > len(b)-recordHead {
		return 0, nil, nil, false
	}
	return Kind(b[0]), b[recordHead : recordHead+n], b[recordHead+n:], true
}

// parse reads a body; known is false for a kind of a later version.
func parse(kind Kind, body []byte, rec *Record) (known bool, err error) {
	rec.Kind = kind
	switch kind {
	case KindFrame:
		return true, parseFrame(body, &rec.Frame)
	case KindCase:
		rec.Case = recorder.Case{}
		return true, json.Unmarshal(body, &rec.Case)
	case KindParty:
		rec.Party = Party{}
		return true, json.Unmarshal(body, &rec.Party)
	case KindMask:
		rec.Mask = Mask{}
		return true, json.Unmarshal(body, &rec.Mask)
	case KindPause:
		rec.Pause = Pause{}
		return true, json.Unmarshal(body, &rec.Pause)
	case KindListener:
		rec.Listener = Listener{}
		return true, json.Unmarshal(body, &rec.Listener)
	case KindLeft:
		rec.Left = Left{}
		return true, json.Unmarshal(body, &rec.Left)
	case KindNotice:
		rec.Notice = recorder.Notice{}
		return true, json.Unmarshal(body, &rec.Notice)
	case KindLink:
		rec.Link = recorder.Link{}
		return true, json.Unmarshal(body, &rec.Link)
	case KindKept:
		rec.Kept = Kept{}
		return true, json.Unmarshal(body, &rec.Kept)
	case KindDrops:
		rec.Drops = Drops{}
		return true, json.Unmarshal(body, &rec.Drops)
	case KindStop:
		rec.Stop = Stop{}
		return true, json.Unmarshal(body, &rec.Stop)
	}
	return false, nil
}

// CutFrame takes the first frame off what AppendFrame made; false: there is none. Its payload is a part of b.
func CutFrame(b []byte, f *Frame) (rest []byte, ok bool) {
	kind, body, rest, ok := cut(b)
	if !ok || kind != KindFrame || parseFrame(body, f) != nil {
		return nil, false
	}
	return rest, true
}

func parseFrame(b []byte, f *Frame) error {
	if len(b) < frameHead {
		return fmt.Errorf("journal: frame of %d bytes: %w", len(b), recorder.ErrIntegrity)
	}
	*f = Frame{Party: b[0], Played: b[1]&flagPlayed != 0, Event: b[1]&flagEvent != 0, Marker: b[1]&flagMarker != 0,
		Codec: CodecOf(b[2]), Sequence: binary.BigEndian.Uint16(b[3:]), Timestamp: binary.BigEndian.Uint32(b[5:]),
		SSRC: binary.BigEndian.Uint32(b[9:]), At: time.Duration(binary.BigEndian.Uint64(b[13:])), Payload: b[frameHead:]}
	return nil
}

// short makes a file that ends too early an integrity error.
func short(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return fmt.Errorf("too short: %w", recorder.ErrIntegrity)
	}
	return err
}
