package apart

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"time"

	"naisen/recorder"
	"naisen/recorder/catalogue"
	"naisen/recorder/objstore"
	"naisen/recorder/seal"
	"naisen/recorder/unseal"
)

// ServerConfig of a Server. All fields but Log, Now and Parts are required.
type ServerConfig struct {
	Socket string // path; whoever may connect to it must have a permit too
	Keys   string // directory with the public half of the permit key
	Sealer *seal.Sealer
	Store  objstore.Store
	Parts  []string // names below which the store keeps other kinds of recordings
	Status func(context.Context) error
	Log    *slog.Logger
	Now    func() time.Time
}

// Server opens what permits name.
type Server struct {
	cfg     ServerConfig
	judge   *judge
	openers map[string]*unseal.Opener // by part
	http    *http.Server
	done    chan struct{}
	Served  atomic.Int64 // permits that were served
	Refused atomic.Int64 // requests without a good one
}

// Listen starts to serve. A socket that an earlier run left is taken over, one that somebody listens on is not.
func Listen(cfg ServerConfig) (*Server, error) {
	if cfg.Socket == "" || cfg.Keys == "" || cfg.Sealer == nil || cfg.Store == nil || cfg.Status == nil {
		return nil, errors.New("apart: Socket, Keys, Sealer, Store and Status are required")
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	s := &Server{cfg: cfg, judge: &judge{path: filepath.Join(cfg.Keys, permitPublic), now: cfg.Now, used: map[string]time.Time{}},
		openers: map[string]*unseal.Opener{"": unseal.New(cfg.Store, cfg.Sealer)}, done: make(chan struct{})}
	for _, part := range cfg.Parts {
		s.openers[part] = unseal.New(objstore.Under(cfg.Store, part), cfg.Sealer)
	}
	l, err := listen(cfg.Socket)
	if err != nil {
		return nil, err
	}
	s.http = &http.Server{Handler: s.routes(), ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute,
		MaxHeaderBytes: 16 << 10, ErrorLog: slog.NewLogLogger(cfg.Log.Handler(), slog.LevelDebug)}
	go func() {
		defer close(s.done)
		if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			cfg.Log.Error("apart: server ended", "err", err)
		}
	}()
	return s, nil
}

func listen(path string) (net.Listener, error) {
	if conn, err := net.DialTimeout("unix", path, time.Second); err == nil {
		return nil, errors.Join(fmt.Errorf("apart: somebody listens on %s already", path), conn.Close())
	}
	switch info, err := os.Lstat(path); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, fmt.Errorf("apart: %w", err)
	case info.Mode().Type() != fs.ModeSocket: // the configuration may name somebody's file
		return nil, fmt.Errorf("apart: %s is there and is no socket", path)
	default:
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("apart: %w", err)
		}
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("apart: %w", err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("apart: %w", err)
	}
	if err := os.Chmod(path, 0o660); err != nil { // its directory, and its group, say who connects
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// Close lets requests under way finish within ctx.
func (s *Server) Close(ctx context.Context) error {
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, s.http.Close())
	}
	<-s.done
	return err
}

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	for act, f := range map[string]func(http.ResponseWriter, *http.Request, permit) error{
		actSpool: s.spool, actManifest: s.manifest, actRewrap: s.rewrap, actProve: s.prove, actAudio: s.audio, actPeaks: s.peaks, actStatus: s.status,
	} {
		mux.HandleFunc("POST /"+act, func(w http.ResponseWriter, r *http.Request) {
			p, err := s.judge.read(r.Header.Get("Authorization"), act)
			if err != nil {
				s.Refused.Add(1)
			} else if err = f(w, r, p); err == nil {
				s.Served.Add(1)
				return
			}
			s.cfg.Log.Warn("apart: refused", "act", act, "domain", p.Domain, "recording", p.Recording, "listener", p.Listener, "err", err)
			refuse(w, err)
		})
	}
	return mux
}

// bodyPatience is for a request's body, which the other side has in memory. There is none where the answer is long: the deadline would end it.
const bodyPatience = 30 * time.Second

func body(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if err := http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyPatience)); err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = fmt.Errorf("apart: more than %d bytes: %w", limit, recorder.ErrIntegrity)
	}
	return text, err
}

func send(w http.ResponseWriter, plain []byte) error {
	w.Header().Set("Content-Length", strconv.Itoa(len(plain)))
	_, _ = w.Write(plain) // whoever asked may be gone
	clear(plain)
	return nil
}

func (s *Server) status(w http.ResponseWriter, r *http.Request, _ permit) error {
	if err := s.cfg.Status(r.Context()); err != nil {
		return err
	}
	return send(w, nil)
}

func (s *Server) spool(w http.ResponseWriter, r *http.Request, _ permit) error {
	sealed, err := body(w, r, maxSpool)
	if err != nil {
		return err
	}
	plain, err := s.cfg.Sealer.OpenSpool(r.Context(), sealed, maxSpool)
	if err != nil {
		return err
	}
	return send(w, plain)
}

// manifest opens what is a manifest of the permit's domain, or what people decided, and gives nothing else that was sealed to it: least of all audio. Both are
// JSON that says whose it is.
func (s *Server) manifest(w http.ResponseWriter, r *http.Request, p permit) error {
	sealed, err := body(w, r, maxManifest)
	if err != nil {
		return err
	}
	plain, err := s.cfg.Sealer.Open(r.Context(), p.Domain, bytes.NewReader(sealed))
	if err != nil {
		return err
	}
	text, err := io.ReadAll(io.LimitReader(plain, catalogue.MaxRemarks+1))
	if err != nil {
		return err
	}
	var m recorder.Manifest
	if len(text) > catalogue.MaxRemarks || json.Unmarshal(text, &m) != nil || m.Domain != p.Domain {
		return fmt.Errorf("apart: no manifest of the domain: %w", recorder.ErrIntegrity)
	}
	return send(w, text)
}

func (s *Server) rewrap(w http.ResponseWriter, r *http.Request, p permit) error {
	head, err := body(w, r, maxHead)
	if err != nil {
		return err
	}
	fresh, epoch, err := s.cfg.Sealer.Rewrap(r.Context(), p.Domain, head)
	if err != nil {
		return err
	}
	w.Header().Set(epochHeader, strconv.Itoa(epoch))
	return send(w, fresh)
}

func (s *Server) prove(w http.ResponseWriter, r *http.Request, p permit) error {
	start, err := body(w, r, maxHead)
	if err != nil {
		return err
	}
	if err := s.cfg.Sealer.Proves(r.Context(), p.Domain, start); err != nil {
		return err
	}
	return send(w, nil)
}

// peaks opens the waveform of one recording, once its manifest fits what the permit says.
func (s *Server) peaks(w http.ResponseWriter, r *http.Request, p permit) error {
	opener := s.openers[p.Part]
	if opener == nil {
		return errPermit
	}
	_, wave, err := opener.Waveform(r.Context(), p.row())
	if err != nil {
		return err
	}
	if wave == nil {
		return recorder.ErrNotFound
	}
	text, err := json.Marshal(wave)
	if err != nil {
		return err
	}
	s.cfg.Log.Info("apart: waveform", "recording", p.Recording, "domain", p.Domain, "part", p.Part, "listener", p.Listener)
	return send(w, text)
}

// stalled is how long the other side may take nothing of an answer: longer than playback waits for a listener.
const stalled = 2 * time.Minute

// audio streams one part of one recording from an offset, once its manifest and its whole sealed object fit what the permit says.
func (s *Server) audio(w http.ResponseWriter, r *http.Request, p permit) error {
	opener := s.openers[p.Part]
	off, err := strconv.ParseInt(r.URL.Query().Get("from"), 10, 64)
	if opener == nil || err != nil || off < 0 {
		return errPermit
	}
	row := p.row()
	open := opener.Open
	if p.Track > 0 {
		open = func(ctx context.Context, row catalogue.Row) (io.ReaderAt, int64, io.Closer, error) {
			return opener.Track(ctx, row, p.Track)
		}
	}
	plain, size, closer, err := open(r.Context(), row)
	if err != nil {
		return err
	}
	defer closer.Close()
	off = min(off, size)
	w.Header().Set(sizeHeader, strconv.FormatInt(size, 10))
	w.Header().Set("Content-Length", strconv.FormatInt(size-off, 10))
	out := &patient{ResponseWriter: w}
	n, err := io.Copy(out, io.NewSectionReader(plain, off, size-off))
	s.cfg.Log.Info("apart: served", "recording", p.Recording, "domain", p.Domain, "part", p.Part, "track", p.Track, "listener", p.Listener, "from", off, "bytes", n)
	if err != nil && out.err == nil { // the store failed in the middle: the other side must not take it for the end
		s.cfg.Log.Error("apart: interrupted", "recording", p.Recording, "err", err)
		panic(http.ErrAbortHandler)
	}
	return nil
}

// patient gives up on a reader who takes nothing for a while.
type patient struct {
	http.ResponseWriter
	err error
}

func (p *patient) Write(b []byte) (int, error) {
	err := http.NewResponseController(p.ResponseWriter).SetWriteDeadline(time.Now().Add(stalled))
	if err == nil || errors.Is(err, http.ErrNotSupported) {
		var n int
		if n, err = p.ResponseWriter.Write(b); err == nil {
			return n, nil
		}
	}
	p.err = err
	return 0, err
}
