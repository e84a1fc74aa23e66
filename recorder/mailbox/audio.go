package mailbox

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"

	"naisen/recorder"
	"naisen/recorder/unseal"
)

// wavHead is the length of the header that render writes.
const wavHead = 44

// Audio opens a message as a WAV file with one channel, 16-bit PCM, for random access as long as ctx lives. Each part is decrypted in memory when it
// is read. Errors as unseal.Opener.Open, and ErrNotFound.
func (p *Post) Audio(ctx context.Context, domain, mailbox, id string) (*Audio, error) {
	row, err := p.row(ctx, domain, mailbox, id)
	if err != nil {
		return nil, err
	}
	stereo, size, closer, err := p.opener.Open(unseal.WithListener(ctx, "mailbox "+mailbox), row)
	if err != nil {
		return nil, err
	}
	a := &Audio{stereo: stereo, closer: closer, samples: (size - wavHead) / 4}
	if err := a.readHead(size); err != nil {
		closer.Close()
		return nil, err
	}
	return a, nil
}

// Audio is the left channel of what the pipeline rendered, where the voice is.
type Audio struct {
	stereo  io.ReaderAt
	closer  io.Closer
	head    [wavHead]byte
	samples int64
	rate    int
	buf     []byte
}

// readHead makes the header of a file with one channel.
func (a *Audio) readHead(size int64) error {
	if size < wavHead {
		return fmt.Errorf("mailbox: audio of %d bytes: %w", size, recorder.ErrIntegrity)
	}
	if _, err := a.stereo.ReadAt(a.head[:], 0); err != nil && err != io.EOF {
		return err
	}
	le := binary.LittleEndian
	a.rate = int(le.Uint32(a.head[24:]))
	if string(a.head[:4]) != "RIFF" || le.Uint16(a.head[22:]) != 2 || le.Uint16(a.head[34:]) != 16 || a.rate == 0 {
		return fmt.Errorf("mailbox: audio of another form: %w", recorder.ErrIntegrity)
	}
	le.PutUint32(a.head[4:], uint32(36+2*a.samples))
	le.PutUint16(a.head[22:], 1)
	le.PutUint32(a.head[28:], uint32(2*a.rate)) // octets a second
	le.PutUint16(a.head[32:], 2)                // octets a sample
	le.PutUint32(a.head[40:], uint32(2*a.samples))
	return nil
}

// Size of the file in octets.
func (a *Audio) Size() int64 { return wavHead + 2*a.samples }

// Rate in samples a second.
func (a *Audio) Rate() int { return a.rate }

// ReadAt implements io.ReaderAt, for one caller at a time.
func (a *Audio) ReadAt(p []byte, off int64) (int, error) {
	if off >= a.Size() {
		return 0, io.EOF
	}
	n := 0
	if off < wavHead {
		n = copy(p, a.head[off:])
	}
	for n < len(p) && off+int64(n) < a.Size() {
		at := off + int64(n) - wavHead
		first := at / 2
		count := min((int64(len(p)-n)+at%2+1)/2, a.samples-first, 32<<10)
		if int64(cap(a.buf)) < 4*count {
			a.buf = make([]byte, 4*count)
		}
		b := a.buf[:4*count]
		if m, err := a.stereo.ReadAt(b, wavHead+4*first); m < len(b) {
			if err == nil || err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return n, err
		}
		for i := at % 2; i < 2*count && n < len(p); i++ {
			p[n] = b[4*(i/2)+i%2]
			n++
		}
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// Close ends what the store has open.
func (a *Audio) Close() error { return a.closer.Close() }
