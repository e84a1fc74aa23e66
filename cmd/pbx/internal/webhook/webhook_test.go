package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func config(url string) Config {
	return Config{Clock: time.Now, Log: slog.New(slog.DiscardHandler), Loopback: true,
		Receivers: func(domain, event string) []Receiver { return []Receiver{{domain + "-hook", url, "key"}} }}
}

// arrived waits for a condition that another goroutine makes true.
func arrived(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(20 * time.Second); !ok(); {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal(what)
		}
	}
}

// TestDelivery: one signed POST that a receiver can prove.
func TestDelivery(t *testing.T) {
	got := make(chan *http.Request, 1)
	text := make(chan []byte, 1)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got <- r
		text <- b
	}))
	defer srv.Close()
	s := New(config(srv.URL + "/in"))
	defer s.Close()
	s.Post("a.example", "alarm.raised", map[string]string{"name": "disk-full"})
	r, b := <-got, <-text
	at, sig, ok := strings.Cut(strings.TrimPrefix(r.Header.Get("Naisen-Signature"), "t="), ",v1=")
	if !ok || sig != Sign("key", at, b) || sig == Sign("other", at, b) || sig == Sign("key", at+"1", b) {
		t.Errorf("signature %q", r.Header.Get("Naisen-Signature"))
	}
	var e body
	if err := json.Unmarshal(b, &e); err != nil || e.Event != "alarm.raised" || e.Domain != "a.example" || e.ID != r.Header.Get("Naisen-Delivery") {
		t.Errorf("%s (%v)", b, err)
	}
	if r.Method != http.MethodPost || r.Header.Get("Naisen-Event") != "alarm.raised" || r.URL.Path != "/in" {
		t.Errorf("%s %s %v", r.Method, r.URL, r.Header)
	}
	arrived(t, "counted as delivered", func() bool { return s.Stats().Delivered == 1 && s.Stats().Waiting == 0 })
}

// TestNeverInside: threats G8 and I11. Nothing arrives at an internal address, by whatever name, nor by a redirection.
func TestNeverInside(t *testing.T) {
	var hits atomic.Int64
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
	defer inside.Close()
	_, port, _ := strings.Cut(strings.TrimPrefix(inside.URL, "http://"), ":")
	w := newWire(Config{Clock: time.Now})
	for _, host := range []string{"127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "[::]", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "169.254.169.254"} {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		if err := w.post(ctx, &delivery{url: "http://" + host + ":" + port + "/", body: []byte("{}")}); err == nil {
			t.Errorf("%s was reached", host)
		}
		cancel()
	}
	outside := httptest.NewServer(http.RedirectHandler(inside.URL, http.StatusTemporaryRedirect))
	defer outside.Close()
	if err := newWire(config("")).post(t.Context(), &delivery{url: outside.URL, body: []byte("{}")}); !errors.Is(err, statusError(307)) || !final(err) {
		t.Errorf("redirection: %v", err)
	}
	if hits.Load() != 0 {
		t.Errorf("%d requests arrived", hits.Load())
	}
}

func TestPermit(t *testing.T) {
	for address, want := range map[string]bool{"8.8.8.8:443": true, "[2606:4700::1111]:443": true, "10.0.0.1:443": false, "127.0.0.1:443": false,
		"[::ffff:192.168.0.1]:443": false, "[fd00::1]:443": false, "169.254.169.254:80": false, "nonsense": false} {
		if err := permit(address, false); (err == nil) != want {
			t.Errorf("%s: %v", address, err)
		}
	}
	if permit("127.0.0.1:1", true) != nil || permit("10.0.0.1:1", true) == nil {
		t.Error("the laboratory's option lets loopback in and nothing else")
	}
}

// TestRetries in virtual time: it backs off, gives up at the end or at once where another try cannot help, and counts.
func TestRetries(t *testing.T) {
	for _, c := range []struct {
		name  string
		errs  []error // of each attempt; the last one repeats
		tries int
		want  Stats
	}{
		{"at once", []error{nil}, 1, Stats{Delivered: 1}},
		{"after two failures", []error{errors.New("reset"), statusError(503), nil}, 3, Stats{Delivered: 1, Failed: 2}},
		{"asked to come later", []error{statusError(429), nil}, 2, Stats{Delivered: 1, Failed: 1}},
		{"never", []error{errors.New("reset")}, attempts, Stats{Failed: attempts, Dropped: 1}},
		{"gone", []error{statusError(410)}, 1, Stats{Failed: 1, Dropped: 1}},
		{"elsewhere", []error{statusError(302)}, 1, Stats{Failed: 1, Dropped: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var ids []string
				cfg := config("")
				cfg.do = func(_ context.Context, d *delivery) error {
					ids = append(ids, d.id)
					return c.errs[min(len(ids), len(c.errs))-1]
				}
				s := New(cfg)
				s.Post("a.example", "alarm.raised", 1)
				<-time.After(time.Hour)
				synctest.Wait()
				if got := s.Stats(); len(ids) != c.tries || got != c.want {
					t.Errorf("%d attempts, %+v", len(ids), got)
				}
				for _, id := range ids {
					if id != ids[0] {
						t.Error("a repeated delivery has another id")
					}
				}
				s.Close()
			})
		})
	}
}

// TestHangingReceiver: one receiver that never answers costs the others nothing, and whoever posts never waits.
func TestHangingReceiver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var fine atomic.Int64
		cfg := config("")
		cfg.do = func(ctx context.Context, d *delivery) error {
			if d.to.domain == "hangs.example" {
				<-ctx.Done()
				return ctx.Err()
			}
			fine.Add(1)
			return nil
		}
		s := New(cfg)
		for i := range 5 * perReceiver {
			s.Post("hangs.example", "alarm.raised", i)
			s.Post("fine.example", "alarm.raised", i)
			if i%50 == 0 {
				synctest.Wait()
			}
		}
		synctest.Wait()
		if got := s.Stats(); fine.Load() != 5*perReceiver || got.Dropped != 4*perReceiver || got.Waiting != perReceiver {
			t.Errorf("%d delivered to the other, %+v", fine.Load(), got)
		}
		s.Close()
	})
}

// TestFullQueue: nobody takes events, and still nobody waits.
func TestFullQueue(t *testing.T) {
	s := &Sender{cfg: config(""), events: make(chan event, 3)}
	for i := range 10 {
		s.Post("a.example", fmt.Sprint(i), nil)
	}
	if got := s.Stats(); got.Dropped != 7 || got.Waiting != 3 {
		t.Errorf("%+v", got)
	}
}
