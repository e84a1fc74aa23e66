package identity

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	jose "github.com/go-jose/go-jose/v4"
)

// keySource gives public keys for verification.
type keySource interface {
	// find returns the key for kid and alg. It may wait for one fetch. An unknown key is a 401, a set never read a 503.
	find(ctx context.Context, kid string, alg jose.SignatureAlgorithm) (any, *Error)
	// generation changes when a key was added or withdrawn; what was verified before is then verified again.
	generation() uint64
}

const (
	keyFetchEvery  = 30 * time.Second // at most one fetch in this time, whatever is asked for
	keyFetchLimit  = 5 * time.Second
	keyMaxStale    = 24 * time.Hour // keys of an issuer that is down are used no longer
	maxKeyDocument = 256 << 10      // bytes of a discovery document or key set
	maxKeys        = 64
)

// publicKeys is one immutable key set.
type publicKeys struct {
	list    []jose.JSONWebKey
	fetched time.Time
	gen     uint64
}

func (p *publicKeys) find(kid string, alg jose.SignatureAlgorithm) (any, bool) {
	var found any
	n := 0
	for i := range p.list {
		k := &p.list[i]
		if k.Algorithm != "" && k.Algorithm != string(alg) {
			continue
		}
		if kid == "" { // allowed only where it is unambiguous (RFC 7515 section 4.1.4)
			found = k.Key
			n++
		} else if k.KeyID == kid {
			return k.Key, true
		}
	}
	return found, n == 1
}

// remoteKeys caches the key set of an outside issuer.
type remoteKeys struct {
	issuer   string
	document *discovery
	ttl      time.Duration
	http     *http.Client
	clock    func() time.Time
	log      *slog.Logger

	state atomic.Pointer[publicKeys] // nil until the first success

	mu      sync.Mutex
	lastTry time.Time     // guarded by mu
	running chan struct{} // guarded by mu; closed when the fetch under way ends
	closed  bool          // guarded by mu

	stop chan struct{}
	wg   sync.WaitGroup
}

func newRemoteKeys(i Issuer, doc *discovery, client *http.Client, clock func() time.Time, log *slog.Logger) *remoteKeys {
	ttl := i.KeyTTL
	if ttl <= 0 {
		ttl = 5 * time.Minute
	}
	return &remoteKeys{issuer: i.URL, document: doc, ttl: ttl, http: client, clock: clock, log: log, stop: make(chan struct{})}
}

func (k *remoteKeys) generation() uint64 {
	p := k.state.Load()
	if p == nil {
		return 0
	}
	now := k.clock()
	if now.Sub(p.fetched) > keyMaxStale {
		return 0 // nothing was verified under 0
	}
	if now.Sub(p.fetched) > k.ttl {
		k.fetch(now)
	}
	return p.gen
}

func (k *remoteKeys) find(ctx context.Context, kid string, alg jose.SignatureAlgorithm) (any, *Error) {
	if key, ok := k.lookup(kid, alg); ok {
		k.generation() // starts a refresh in the background when due
		return key, nil
	}
	done := k.fetch(k.clock())
	if done != nil {
		select {
		case <-done:
		case <-ctx.Done():
			return nil, &Error{Status: http.StatusServiceUnavailable, Reason: "gave up waiting for keys"}
		}
	}
	if key, ok := k.lookup(kid, alg); ok {
		return key, nil
	}
	if p := k.state.Load(); p == nil || k.clock().Sub(p.fetched) > keyMaxStale {
		return nil, &Error{Status: http.StatusServiceUnavailable, Reason: "no current keys"}
	}
	return nil, refused("unknown key")
}

func (k *remoteKeys) lookup(kid string, alg jose.SignatureAlgorithm) (any, bool) {
	p := k.state.Load()
	if p == nil || k.clock().Sub(p.fetched) > keyMaxStale {
		return nil, false
	}
	return p.find(kid, alg)
}

// fetch starts a fetch unless one ran within keyFetchEvery, and returns the channel that closes when the one under way ends,
// or nil when none is.
func (k *remoteKeys) fetch(now time.Time) <-chan struct{} {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.running != nil {
		return k.running
	}
	if k.closed || (!k.lastTry.IsZero() && now.Sub(k.lastTry) < keyFetchEvery) {
		return nil
	}
	k.lastTry = now
	done := make(chan struct{})
	k.running = done
	k.wg.Go(func() {
		k.run()
		k.mu.Lock()
		k.running = nil
		k.mu.Unlock()
		close(done)
	})
	return done
}

func (k *remoteKeys) run() {
	ctx, cancel := context.WithTimeout(context.Background(), keyFetchLimit)
	defer cancel()
	unhook := make(chan struct{})
	defer close(unhook)
	k.wg.Go(func() {
		select {
		case <-k.stop:
			cancel()
		case <-unhook:
		}
	})
	list, err := k.read(ctx)
	if err != nil {
		k.log.Warn("identity: issuer keys not read; known keys keep working", "issuer", k.issuer, "err", err)
		return
	}
	next := &publicKeys{list: list, fetched: k.clock(), gen: 1}
	if old := k.state.Load(); old != nil {
		next.gen = old.gen
		if !sameKeys(old.list, list) {
			next.gen++
			k.log.Info("identity: issuer keys changed", "issuer", k.issuer, "keys", len(list))
		}
	}
	k.state.Store(next)
}

func sameKeys(a, b []jose.JSONWebKey) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		x, errX := a[i].MarshalJSON()
		y, errY := b[i].MarshalJSON()
		if errX != nil || errY != nil || string(x) != string(y) {
			return false
		}
	}
	return true
}

// read does discovery (OpenID Connect Discovery 1.0 section 4) the first time, then reads the key set.
func (k *remoteKeys) read(ctx context.Context) ([]jose.JSONWebKey, error) {
	doc, err := k.document.get(ctx)
	if err != nil {
		return nil, err
	}
	if err := checkURL(doc.JWKS); err != nil {
		k.document.forget()
		return nil, fmt.Errorf("discovery: jwks_uri: %w", err)
	}
	list, err := readKeys(ctx, k.http, doc.JWKS)
	if err != nil {
		k.document.forget()
	}
	return list, err
}

func readKeys(ctx context.Context, client *http.Client, uri string) ([]jose.JSONWebKey, error) {
	var doc struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := getJSON(ctx, client, uri, &doc); err != nil {
		return nil, fmt.Errorf("key set: %w", err)
	}
	if len(doc.Keys) > maxKeys {
		return nil, errors.New("key set: too many keys")
	}
	var list []jose.JSONWebKey
	for _, raw := range doc.Keys {
		var key jose.JSONWebKey
		// An unknown or private or symmetric key is passed over: RFC 7517 section 5.
		if json.Unmarshal(raw, &key) != nil || !key.Valid() || !key.IsPublic() || key.Use == "enc" || weak(key.Key) {
			continue
		}
		list = append(list, key)
	}
	if len(list) == 0 {
		return nil, errors.New("key set: no usable key")
	}
	return list, nil
}

func getJSON(ctx context.Context, client *http.Client, uri string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, uri, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", resp.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxKeyDocument+1))
	if err != nil {
		return err
	}
	if len(body) > maxKeyDocument {
		return errors.New("document too large")
	}
	return json.Unmarshal(body, into)
}

func (k *remoteKeys) close() {
	k.mu.Lock()
	if !k.closed {
		k.closed = true
		close(k.stop)
	}
	k.mu.Unlock()
	k.wg.Wait()
}
