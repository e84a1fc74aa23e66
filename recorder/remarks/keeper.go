package remarks

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"naisen/recorder"
	"naisen/recorder/catalogue"
	"naisen/recorder/objstore"
)

// Keys seal. seal.Sealer is one.
type Keys interface {
	Seal(ctx context.Context, domain string, dst io.Writer) (io.WriteCloser, error)
	Epoch(ctx context.Context, domain string) (int, error)
}

// Entry is what a log that lasts has of one object: which was the newest, and its hash.
type Entry struct {
	Domain, Recording string
	Number            int
	SHA256            string // of the sealed object
}

// Config of a Keeper. All but Log, Now and Every are required.
type Config struct {
	Catalogue *catalogue.Catalogue
	Store     objstore.Store
	Keys      Keys
	Key       ed25519.PrivateKey // of evidence
	// Enter enters an object that the store gave back into a log that lasts, before the catalogue believes in it.
	Enter func(context.Context, Entry) error
	// Follow brings into the catalogue what another process has put beside a recording, before something is put there that would stand above it; nil: there is
	// no other.
	Follow func(ctx context.Context, domain, id, object string) error
	Log    *slog.Logger
	Now    func() time.Time // nil: time.Now
	Every  time.Duration    // between two passes; default 10 s
}

// Keeper puts beside recordings what people decided about them, some seconds later, and again when the recordings have a newer key. What it could not do waits
// in the catalogue. Safe for concurrent use.
type Keeper struct {
	cfg    Config
	pass   sync.Mutex // one pass at a time
	cancel context.CancelFunc
	worker sync.WaitGroup

	written, failed atomic.Int64
	since           atomic.Int64 // of the first failure after which none of the passes succeeded, in ms; 0: the last one did
}

// Stats of a Keeper.
type Stats struct {
	Written int64         // objects
	Failed  int64         // recordings that could not be done; they are tried again
	Failing time.Duration // for how long no pass has come to its end; 0: the last one did
}

// passes that fail come later and later, up to slowest.
const (
	every   = 10 * time.Second
	slowest = 5 * time.Minute
)

// New makes a Keeper that does nothing by itself before Start.
func New(cfg Config) (*Keeper, error) {
	if cfg.Catalogue == nil || cfg.Store == nil || cfg.Keys == nil || len(cfg.Key) != ed25519.PrivateKeySize || cfg.Enter == nil {
		return nil, errors.New("remarks: Catalogue, Store, Keys, Key and Enter are required")
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Every <= 0 {
		cfg.Every = every
	}
	return &Keeper{cfg: cfg}, nil
}

// Start begins to pass, until Close.
func (k *Keeper) Start(ctx context.Context) {
	ctx, k.cancel = context.WithCancel(context.WithoutCancel(ctx))
	k.worker.Go(func() {
		wait := k.cfg.Every
		timer := time.NewTimer(wait)
		defer timer.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-timer.C:
			}
			if err := k.Pass(ctx); err != nil && ctx.Err() == nil {
				wait = min(2*wait, slowest)
				k.cfg.Log.Warn("remarks: what people decided is not beside the recordings yet", "err", err, "again", wait)
			} else {
				wait = k.cfg.Every
			}
			timer.Reset(wait)
		}
	})
}

// Close ends it.
func (k *Keeper) Close() {
	if k.cancel != nil {
		k.cancel()
		k.worker.Wait()
	}
}

// Stats returns the numbers of this moment.
func (k *Keeper) Stats() Stats {
	s := Stats{Written: k.written.Load(), Failed: k.failed.Load()}
	if since := k.since.Load(); since > 0 {
		s.Failing = max(k.cfg.Now().Sub(time.UnixMilli(since)), time.Millisecond)
	}
	return s
}

// Pass puts all that is to be put. What is wrong with one recording keeps no other; what is wrong with store, keys, log or catalogue ends the pass.
func (k *Keeper) Pass(ctx context.Context) error {
	k.pass.Lock()
	defer k.pass.Unlock()
	err := k.all(ctx)
	switch {
	case err == nil:
		k.since.Store(0)
	case ctx.Err() == nil:
		k.since.CompareAndSwap(0, k.cfg.Now().UnixMilli())
	}
	return err
}

// errFull says that nothing more can be put beside a recording.
var errFull = errors.New("remarks: a recording has as many objects as it may have")

func (k *Keeper) all(ctx context.Context) error {
	var own error // of a recording alone
	last := ""
	for {
		rows, err := k.cfg.Catalogue.Unwritten(ctx, last)
		if err != nil {
			return err
		}
		for _, r := range rows {
			last = r.ID
			err := k.recording(ctx, r.Domain, r.ID)
			if err == nil || k.went(ctx, r, err) {
				continue
			}
			k.failed.Add(1)
			err = fmt.Errorf("remarks: %s: %w", r.ID, err)
			if !errors.Is(err, errFull) && !errors.Is(err, errLarge) {
				return err
			}
			own = err
		}
		if len(rows) < catalogue.MaxLimit {
			return own
		}
	}
}

// went says that something was not there because the recording was destroyed meanwhile, and all that lay beside it.
func (k *Keeper) went(ctx context.Context, r catalogue.Row, err error) bool {
	if !errors.Is(err, objstore.ErrNotFound) {
		return false
	}
	_, err = k.cfg.Catalogue.Get(ctx, r.Domain, r.ID)
	return errors.Is(err, recorder.ErrNotFound)
}

// recording puts one object: sealed, read back by a request of its own, under the recording's lock, in the log, and only then known to the catalogue. Whenever
// this ends before its end, it is done again under the next number.
func (k *Keeper) recording(ctx context.Context, domain, id string) error {
	if k.cfg.Follow != nil {
		if err := k.follow(ctx, domain, id); err != nil {
			return err
		}
	}
	row, decided, err := k.cfg.Catalogue.Decided(ctx, domain, id)
	if errors.Is(err, recorder.ErrNotFound) { // its destruction has begun
		return nil
	}
	if err != nil {
		return err
	}
	number, err := k.free(ctx, row)
	if err != nil {
		return err
	}
	epoch, err := k.cfg.Keys.Epoch(ctx, domain)
	if err != nil {
		return err
	}
	text, err := sign(sheet{1, domain, row.Object, number, epoch, k.cfg.Now().UTC(), decided}, k.cfg.Key)
	if err != nil {
		return err
	}
	sealed, err := k.seal(ctx, domain, text)
	if err != nil {
		return err
	}
	name := catalogue.RemarksName(row.Object, number)
	if err := k.put(ctx, name, sealed); err != nil {
		return err
	}
	err = k.cfg.Catalogue.Beside(ctx, k.cfg.Store, row, name, func() error {
		sum := sha256.Sum256(sealed)
		if err := k.cfg.Enter(ctx, Entry{domain, id, number, hex.EncodeToString(sum[:])}); err != nil {
			return err
		}
		return k.cfg.Catalogue.Remarked(ctx, row, number, max(epoch, row.Epoch)) // where keys were lost: else it would be written for ever
	})
	if err == nil {
		k.written.Add(1)
	}
	return err
}

func (k *Keeper) follow(ctx context.Context, domain, id string) error {
	row, err := k.cfg.Catalogue.Get(ctx, domain, id)
	if err == nil {
		err = k.cfg.Follow(ctx, domain, id, row.Object)
	}
	if errors.Is(err, recorder.ErrNotFound) { // its destruction has begun
		return nil
	}
	return err
}

// free is the next number that nothing has. Whoever puts something else there does not keep us from it.
func (k *Keeper) free(ctx context.Context, row catalogue.Row) (int, error) {
	names, err := catalogue.Objects(ctx, k.cfg.Store, row.Object)
	if err != nil {
		return 0, err
	}
	for number := row.Remarks + 1; number <= catalogue.MostRemarks; number++ {
		if !slices.Contains(names, catalogue.RemarksName(row.Object, number)) {
			return number, nil
		}
	}
	return 0, errFull
}

func (k *Keeper) seal(ctx context.Context, domain string, text []byte) ([]byte, error) {
	var b bytes.Buffer
	w, err := k.cfg.Keys.Seal(ctx, domain, &b)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(text); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// put stores it and makes sure that the store gives the same back. Something else is taken away again, where the store lets go of it.
func (k *Keeper) put(ctx context.Context, name string, sealed []byte) error {
	if err := k.cfg.Store.Put(ctx, name, bytes.NewReader(sealed), int64(len(sealed)), objstore.Lock{}); err != nil {
		return err
	}
	body, err := k.cfg.Store.Get(ctx, name, 0, -1)
	if err != nil {
		return err
	}
	defer body.Close()
	got, err := io.ReadAll(io.LimitReader(body, int64(len(sealed))+1))
	if err != nil {
		return err
	}
	if !bytes.Equal(got, sealed) {
		return errors.Join(fmt.Errorf("%s came back altered: %w", name, recorder.ErrIntegrity), k.cfg.Store.Delete(ctx, name))
	}
	return nil
}
