package unseal

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"sync"

	"naisen/recorder"
	"naisen/recorder/catalogue"
	"naisen/recorder/objstore"
	"naisen/recorder/seal"
)

const (
	// headSize covers an age header and the payload's nonce. The proof keeps it: playing uses the proved header, whatever the store returns the second
	// time, and under that header's file key nobody else can make a chunk.
	headSize  = seal.HeadSize
	maxProofs = 256
)

// proofs remembers which sealed objects hashed to what the catalogue says, by name, size and ETag: the whole object is read once, not for
// each range of it.
type proofs struct {
	mu    sync.Mutex
	known map[proofKey][]byte // the object's first bytes
	order []proofKey          // oldest first
}

type proofKey struct{ object, etag, sha string }

// prove returns the first bytes of an object whose size and SHA-256 are the catalogue's, or recorder.ErrIntegrity.
func (p *proofs) prove(ctx context.Context, store objstore.Store, row catalogue.Row) ([]byte, error) {
	info, err := store.Stat(ctx, row.Object)
	if err != nil {
		return nil, err
	}
	if info.Size != row.SealedBytes {
		return nil, fmt.Errorf("unseal: object of %d bytes instead of %d: %w", info.Size, row.SealedBytes, recorder.ErrIntegrity)
	}
	key := proofKey{row.Object, info.ETag, row.SealedSHA256}
	p.mu.Lock()
	head := p.known[key]
	p.mu.Unlock()
	if head != nil {
		return head, nil
	}
	head, sum, err := digest(ctx, store, row.Object, row.SealedBytes)
	if err != nil {
		return nil, err
	}
	if sum != row.SealedSHA256 {
		return nil, fmt.Errorf("unseal: object has another hash: %w", recorder.ErrIntegrity)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, ok := p.known[key]; !ok {
		p.known[key] = head
		p.order = append(p.order, key)
	}
	if len(p.order) > maxProofs {
		delete(p.known, p.order[0])
		p.order = p.order[1:]
	}
	return head, nil
}

func digest(ctx context.Context, store objstore.Store, name string, size int64) (head []byte, sum string, err error) {
	r, err := store.Get(ctx, name, 0, -1)
	if err != nil {
		return nil, "", err
	}
	defer r.Close()
	h := sha256.New()
	head = make([]byte, min(headSize, size))
	if _, err := io.ReadFull(r, head); err != nil {
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			err = fmt.Errorf("unseal: object is short: %w", recorder.ErrIntegrity)
		}
		return nil, "", err
	}
	h.Write(head)
	n, err := io.Copy(h, io.LimitReader(r, size+1))
	if err != nil {
		return nil, "", err
	}
	if n+int64(len(head)) != size {
		return nil, "", fmt.Errorf("unseal: object has another size: %w", recorder.ErrIntegrity)
	}
	return head, hex.EncodeToString(h.Sum(nil)), nil
}

// objectAt reads a stored object at random places and goes on with one stream where reads follow each other, as playing does.
type objectAt struct {
	ctx   context.Context // lives for one response
	store objstore.Store
	name  string
	size  int64
	head  []byte // proved

	mu   sync.Mutex
	body io.ReadCloser // nil: none open
	at   int64         // of body
}

// ReadAt implements io.ReaderAt.
func (o *objectAt) ReadAt(p []byte, off int64) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := 0
	if off < int64(len(o.head)) {
		n = copy(p, o.head[off:])
	}
	if n == len(p) {
		return n, nil
	}
	if off+int64(n) >= o.size {
		return n, io.EOF
	}
	m, err := o.stream(p[n:], off+int64(n))
	return n + m, err
}

func (o *objectAt) stream(p []byte, off int64) (int, error) {
	if o.body != nil && o.at != off {
		o.body.Close()
		o.body = nil
	}
	if o.body == nil {
		body, err := o.store.Get(o.ctx, o.name, off, -1)
		if err != nil {
			return 0, err
		}
		o.body, o.at = body, off
	}
	n, err := io.ReadFull(o.body, p)
	o.at += int64(n)
	if err == io.ErrUnexpectedEOF {
		err = io.EOF
	}
	return n, err
}

// Close ends the open stream.
func (o *objectAt) Close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.body == nil {
		return nil
	}
	err := o.body.Close()
	o.body = nil
	return err
}
