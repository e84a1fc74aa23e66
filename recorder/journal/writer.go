package journal

import (
	"context"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"fmt"
)

// File is what a Writer needs of an *os.File.
type File interface {
	WriteAt(p []byte, off int64) (int, error)
	Sync() error
	Close() error
}

// Writer appends records. It is for one goroutine. After an error of the file nothing is lost: the same call again goes on where it stopped,
// and until it succeeds no further record is taken: one slot of memory holds the records, then in their place the ciphertext until the file has it.
type Writer struct {
	f       File
	aead    cipher.AEAD
	header  []byte // still to be written
	base    int64
	slot    uint64
	buf     []byte // of one slot
	plain   []byte // records of the open slot, in buf
	sealed  []byte // a slot that the file has not taken yet, in buf: then there is no open one
	closed  bool
	written int64
}

// NewWriter makes the journal's key and header for the recording; the first append writes it to f. buf, of SlotSize bytes, is the writer's
// until its last call; then it holds ciphertext or records, and whoever lent it clears it.
func NewWriter(ctx context.Context, f File, keeper Keeper, id string, buf []byte) (*Writer, error) {
	secret := make([]byte, keySize, keySize+len(id))
	rand.Read(secret)
	aead, err := newAEAD(secret)
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	wrapped, err := keeper.SealSpool(ctx, append(secret, id...))
	clear(secret)
	if err != nil {
		return nil, fmt.Errorf("journal: wrap key: %w", err)
	}
	if len(wrapped) > maxWrapped {
		return nil, fmt.Errorf("journal: wrapped key of %d bytes: %w", len(wrapped), ErrTooLarge)
	}
	n := len(magic) + 2 + len(wrapped)
	header := make([]byte, (n+SlotSize-1)/SlotSize*SlotSize)
	copy(header, magic)
	binary.BigEndian.PutUint16(header[len(magic):], uint16(len(wrapped)))
	copy(header[len(magic)+2:], wrapped)
	buf = buf[:SlotSize:SlotSize]
	return &Writer{f: f, aead: aead, header: header, base: int64(len(header)), buf: buf, plain: buf[:0]}, nil
}

// Frame appends a frame.
func (w *Writer) Frame(f *Frame) error {
	n := frameHead + len(f.Payload)
	if err := w.room(n); err != nil {
		return err
	}
	w.plain = AppendFrame(w.plain, f)
	return nil
}

// AppendFrame adds a frame's record to b, as it stands in a journal.
func AppendFrame(b []byte, f *Frame) []byte {
	b = append(b, byte(KindFrame))
	b = binary.BigEndian.AppendUint16(b, uint16(frameHead+len(f.Payload)))
	b = append(b, f.Party, flagsOf(f), CodecByte(f.Codec))
	b = binary.BigEndian.AppendUint16(b, f.Sequence)
	b = binary.BigEndian.AppendUint32(b, f.Timestamp)
	b = binary.BigEndian.AppendUint32(b, f.SSRC)
	b = binary.BigEndian.AppendUint64(b, uint64(f.At))
	return append(b, f.Payload...)
}

// Mark appends a record of another kind as JSON.
func (w *Writer) Mark(kind Kind, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("journal: mark: %w", err)
	}
	if err := w.room(len(body)); err != nil {
		return err
	}
	w.plain = append(w.plain, byte(kind))
	w.plain = binary.BigEndian.AppendUint16(w.plain, uint16(len(body)))
	w.plain = append(w.plain, body...)
	return nil
}

// Pending says whether records wait that no slot on disk holds yet.
func (w *Writer) Pending() bool { return len(w.plain) > 0 || len(w.sealed) > 0 }

// Done says whether the file holds the slot that ends the journal.
func (w *Writer) Done() bool { return w.closed && len(w.sealed) == 0 }

// Written is how many bytes the file took.
func (w *Writer) Written() int64 { return w.written }

// Flush seals what waits, however little, and gives it to the file.
func (w *Writer) Flush() error {
	if err := w.push(); err != nil {
		return err
	}
	if len(w.plain) == 0 {
		return nil
	}
	w.seal(false)
	return w.push()
}

// Finish seals the slot that ends the journal. It does not sync or close the file.
func (w *Writer) Finish() error {
	if err := w.push(); err != nil {
		return err
	}
	if w.closed {
		return nil
	}
	w.seal(true)
	w.closed = true
	return w.push()
}

// room makes space for a body of n bytes.
func (w *Writer) room(n int) error {
	if n > MaxRecord {
		return fmt.Errorf("journal: %d bytes: %w", n, ErrTooLarge)
	}
	if w.closed {
		return ErrClosed
	}
	if err := w.push(); err != nil {
		return err
	}
	if len(w.plain)+recordHead+n <= plainSize {
		return nil
	}
	w.seal(false)
	return w.push()
}

// seal turns the open slot into ciphertext. It is called only when the one before is on its way: never two with the same number.
func (w *Writer) seal(last bool) {
	var nonce [12]byte
	setNonce(&nonce, w.slot, last)
	clear(w.buf[len(w.plain):])
	w.sealed = w.aead.Seal(w.buf[:0], nonce[:], w.buf[:plainSize], nil) // over the records themselves
	w.plain = w.buf[:0]
	w.slot++
}

// push gives the file what it has not taken; the same bytes at the same place each time.
func (w *Writer) push() error {
	if len(w.header) > 0 {
		if _, err := w.f.WriteAt(w.header, 0); err != nil {
			return fmt.Errorf("journal: header: %w", err)
		}
		w.written += int64(len(w.header))
		w.header = nil
	}
	if len(w.sealed) == 0 {
		return nil
	}
	if _, err := w.f.WriteAt(w.sealed, w.base+int64(w.slot-1)*SlotSize); err != nil {
		return fmt.Errorf("journal: slot: %w", err)
	}
	w.written += int64(len(w.sealed))
	w.sealed = w.sealed[:0]
	return nil
}

func flagsOf(f *Frame) byte {
	var b byte
	if f.Played {
		b |= flagPlayed
	}
	if f.Event {
		b |= flagEvent
	}
	if f.Marker {
		b |= flagMarker
	}
	return b
}
