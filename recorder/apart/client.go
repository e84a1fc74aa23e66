package apart

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"naisen/recorder"
	"naisen/recorder/catalogue"
	"naisen/recorder/objstore"
	"naisen/recorder/seal"
	"naisen/recorder/unseal"
)

// Client asks a Server. Safe for concurrent use.
type Client struct {
	signer *signer
	http   *http.Client
}

var _ seal.Vault = (*Client)(nil)

// patience with the vault: for what it does at once, and for the proof of a whole object before its first byte.
const (
	patience      = 15 * time.Second
	proofPatience = 5 * time.Minute
)

// Dial makes a Client of a socket; nothing is asked yet. keys is the directory of the permit key, which is made on the first run.
func Dial(socket, keys string) (*Client, error) {
	s, err := openSigner(keys, time.Now)
	if err != nil {
		return nil, err
	}
	dialer := net.Dialer{Timeout: 2 * time.Second}
	return &Client{s, &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 8, IdleConnTimeout: 30 * time.Second, DisableCompression: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "unix", socket)
		}}}}, nil
}

// Close ends idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// post asks once. The caller closes the answer's body.
func (c *Client) post(ctx context.Context, p permit, query url.Values, body io.Reader) (*http.Response, error) {
	token, err := c.signer.sign(p)
	if err != nil {
		return nil, err
	}
	where := "http://vault/" + p.Act
	if len(query) > 0 {
		where += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, where, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Permit "+token)
	resp, err := c.http.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return nil, fmt.Errorf("%w: %w", ErrAway, err)
	}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		return nil, errorOf(resp)
	}
	return resp, nil
}

// small asks for something that fits into memory.
func (c *Client) small(ctx context.Context, p permit, body io.Reader, limit int64) ([]byte, http.Header, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	resp, err := c.post(ctx, p, nil, body)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	plain, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrAway, err)
	}
	if int64(len(plain)) > limit {
		return nil, nil, fmt.Errorf("apart: more than %d bytes: %w", limit, recorder.ErrIntegrity)
	}
	return plain, resp.Header, nil
}

// Status says whether the vault has its keys: seal.ErrUnavailable, seal.ErrRefused, ErrAway.
func (c *Client) Status(ctx context.Context) error {
	_, _, err := c.small(ctx, permit{Act: actStatus}, nil, 0)
	return err
}

// OpenSpool implements seal.Vault.
func (c *Client) OpenSpool(ctx context.Context, sealed []byte, limit int64) ([]byte, error) {
	plain, _, err := c.small(ctx, permit{Act: actSpool}, bytes.NewReader(sealed), min(limit, maxSpool))
	return plain, err
}

// OpenManifest implements seal.Vault.
func (c *Client) OpenManifest(ctx context.Context, domain string, src io.Reader) (io.Reader, error) {
	sealed, err := io.ReadAll(io.LimitReader(src, maxManifest+1))
	if err != nil {
		return nil, fmt.Errorf("seal: read: %w", err)
	}
	if len(sealed) > maxManifest {
		return nil, fmt.Errorf("apart: no manifest: %w", recorder.ErrIntegrity)
	}
	plain, _, err := c.small(ctx, permit{Act: actManifest, Domain: domain}, bytes.NewReader(sealed), maxManifest)
	if err != nil {
		return nil, err
	}
	return bytes.NewReader(plain), nil
}

// Rewrap implements seal.Vault.
func (c *Client) Rewrap(ctx context.Context, domain string, head []byte) ([]byte, int, error) {
	fresh, header, err := c.small(ctx, permit{Act: actRewrap, Domain: domain}, bytes.NewReader(head), seal.HeadSize)
	if err != nil {
		return nil, 0, err
	}
	epoch, err := strconv.Atoi(header.Get(epochHeader))
	if err != nil {
		return nil, 0, ErrAway
	}
	return fresh, epoch, nil
}

// Proves implements seal.Vault.
func (c *Client) Proves(ctx context.Context, domain string, start []byte) error {
	_, _, err := c.small(ctx, permit{Act: actProve, Domain: domain}, bytes.NewReader(start), 0)
	return err
}

// Opener opens recordings through the vault, as unseal.Opener does within it.
type Opener struct {
	client *Client
	store  objstore.Store // manifests are read from it, sealed
	sealer *seal.Sealer
	part   string
}

// Opener makes one for a part of the store: empty, or one of ServerConfig.Parts; store is that part already.
func (c *Client) Opener(store objstore.Store, sealer *seal.Sealer, part string) *Opener {
	return &Opener{c, store, sealer, part}
}

// Manifest opens a sealed manifest; recorder.ErrIntegrity where it does not fit the catalogue.
func (o *Opener) Manifest(ctx context.Context, row catalogue.Row) (recorder.Manifest, error) {
	return unseal.New(o.store, o.sealer).Manifest(ctx, row)
}

// ManifestText is unseal.Opener's.
func (o *Opener) ManifestText(ctx context.Context, row catalogue.Row) ([]byte, recorder.Manifest, error) {
	return unseal.New(o.store, o.sealer).ManifestText(ctx, row)
}

// Open is unseal.Opener's. The vault makes the proof.
func (o *Opener) Open(ctx context.Context, row catalogue.Row) (io.ReaderAt, int64, io.Closer, error) {
	return o.open(ctx, row, 0)
}

// Track is unseal.Opener's.
func (o *Opener) Track(ctx context.Context, row catalogue.Row, number int) (io.ReaderAt, int64, io.Closer, error) {
	if number < 1 || number > 99 {
		return nil, 0, nil, recorder.ErrNotFound
	}
	return o.open(ctx, row, number)
}

// Waveform is unseal.Opener's.
func (o *Opener) Waveform(ctx context.Context, row catalogue.Row) (recorder.Manifest, *recorder.Peaks, error) {
	m, err := o.Manifest(ctx, row)
	if err != nil || m.Peaks == nil {
		return m, nil, err
	}
	text, _, err := o.client.small(ctx, o.permit(ctx, actPeaks, row), nil, catalogue.MaxManifest)
	if err != nil {
		return m, nil, err
	}
	var p recorder.Peaks
	if err := json.Unmarshal(text, &p); err != nil {
		return m, nil, fmt.Errorf("apart: waveform: %w: %v", recorder.ErrIntegrity, err)
	}
	return m, &p, nil
}

// permit is for one recording and who hears or sees it.
func (o *Opener) permit(ctx context.Context, act string, row catalogue.Row) permit {
	return permit{Act: act, Domain: row.Domain, Part: o.part, Recording: row.ID, Object: row.Object, SHA256: row.SealedSHA256, Bytes: row.SealedBytes, Listener: unseal.ListenerOf(ctx)}
}

func (o *Opener) open(ctx context.Context, row catalogue.Row, track int) (io.ReaderAt, int64, io.Closer, error) {
	s := &stream{ctx: ctx, client: o.client, permit: o.permit(ctx, actAudio, row)}
	s.permit.Track = track
	size, err := s.seek(0)
	if err != nil {
		return nil, 0, nil, err
	}
	s.size = size
	return s, size, s, nil
}

// stream reads plain audio from the vault at random places, and goes on with one answer where reads follow each other.
type stream struct {
	ctx    context.Context // lives for one response
	client *Client
	permit permit
	size   int64

	mu     sync.Mutex
	body   io.ReadCloser // nil: none open
	cancel context.CancelFunc
	at     int64 // of body
}

// seek opens an answer from off on and returns the size of the whole.
func (s *stream) seek(off int64) (int64, error) {
	s.end()
	ctx, cancel := context.WithCancel(s.ctx)
	late := time.AfterFunc(proofPatience, cancel) // until the first byte; then the listener's own patience counts
	resp, err := s.client.post(ctx, s.permit, url.Values{"from": {strconv.FormatInt(off, 10)}}, nil)
	late.Stop()
	if err != nil {
		cancel()
		return 0, err
	}
	size, err := strconv.ParseInt(resp.Header.Get(sizeHeader), 10, 64)
	if err != nil || size < 0 {
		cancel()
		resp.Body.Close()
		return 0, ErrAway
	}
	s.body, s.cancel, s.at = resp.Body, cancel, off
	return size, nil
}

func (s *stream) end() {
	if s.body != nil {
		s.cancel()
		_ = s.body.Close() // nothing more is wanted of it
		s.body = nil
	}
}

// ReadAt implements io.ReaderAt.
func (s *stream) ReadAt(p []byte, off int64) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if off >= s.size {
		return 0, io.EOF
	}
	if s.body == nil || s.at != off {
		size, err := s.seek(off)
		if err != nil {
			return 0, err
		}
		if size != s.size {
			return 0, fmt.Errorf("apart: the recording has another size: %w", recorder.ErrIntegrity)
		}
	}
	want := p[:min(int64(len(p)), s.size-off)]
	n, err := io.ReadFull(s.body, want)
	s.at += int64(n)
	if err != nil {
		s.end()
		return n, fmt.Errorf("%w: %w", ErrAway, err)
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// Close ends the open answer.
func (s *stream) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end()
	return nil
}
