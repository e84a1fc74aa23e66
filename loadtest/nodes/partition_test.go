package nodes

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"naisen/loadtest/peer"
	"naisen/provisioning/store/postgrestest"
)

// wire is a network to one port of this machine that can be cut: then nothing gets through and nobody is told, as when a cable is pulled.
type wire struct {
	in   net.Listener
	to   string
	work sync.WaitGroup

	mu    sync.Mutex
	whole *sync.Cond // wakes who waits for the wire to be whole, or to end
	cut   bool
	ended bool
	conns []net.Conn
}

func newWire(t *testing.T, port int) *wire {
	t.Helper()
	in, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	w := &wire{in: in, to: fmt.Sprintf("127.0.0.1:%d", port)}
	w.whole = sync.NewCond(&w.mu)
	w.work.Go(w.serve)
	t.Cleanup(w.close)
	return w
}

func (w *wire) port() int { return w.in.Addr().(*net.TCPAddr).Port }

func (w *wire) serve() {
	for {
		from, err := w.in.Accept()
		if err != nil {
			return
		}
		to, err := net.Dial("tcp", w.to)
		if err != nil {
			_ = from.Close()
			continue
		}
		w.mu.Lock()
		w.conns = append(w.conns, from, to)
		w.mu.Unlock()
		w.work.Go(func() { w.carry(from, to) })
		w.work.Go(func() { w.carry(to, from) })
	}
}

// carry passes on what comes while the wire is whole; what comes meanwhile waits.
func (w *wire) carry(from, to net.Conn) {
	defer from.Close()
	defer to.Close()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		w.mu.Lock()
		for w.cut && !w.ended {
			w.whole.Wait()
		}
		w.mu.Unlock()
		if n > 0 {
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (w *wire) set(cut bool) {
	w.mu.Lock()
	w.cut = cut
	w.mu.Unlock()
	w.whole.Broadcast()
}

func (w *wire) close() {
	w.mu.Lock()
	w.ended = true
	for _, c := range w.conns {
		_ = c.Close()
	}
	w.mu.Unlock()
	w.whole.Broadcast()
	_ = w.in.Close()
	w.work.Wait()
}

// counter is an administrator who counts in one field of an extension, by what was read and nothing else (If-Match).
type counter struct {
	t     *testing.T
	at    *peer.PBX
	token string

	done, refused, unknown int // counted; somebody was first; nobody knows
}

func (c *counter) ask(method, etag string, body []byte) (status int, answer []byte, now string) {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.at.URL+"/v1/domains/"+c.at.Domain+"/extensions/2001", bytes.NewReader(body))
	must(c.t, err)
	req.Header.Set("Authorization", "Bearer "+c.token)
	if etag != "" {
		req.Header.Set("If-Match", etag)
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(req)
	must(c.t, err)
	defer resp.Body.Close()
	answer, err = io.ReadAll(resp.Body)
	must(c.t, err)
	return resp.StatusCode, answer, resp.Header.Get("ETag")
}

// read is what the field says.
func (c *counter) read() (n int, entity map[string]any, etag string, ok bool) {
	c.t.Helper()
	status, body, etag := c.ask(http.MethodGet, "", nil)
	if status == http.StatusServiceUnavailable {
		return 0, nil, "", false
	}
	if status != http.StatusOK || json.Unmarshal(body, &entity) != nil {
		c.t.Fatalf("%d %s", status, body)
	}
	n, _ = strconv.Atoi(fmt.Sprint(entity["display"]))
	return n, entity, etag, true
}

func (c *counter) count() {
	c.t.Helper()
	n, entity, etag, ok := c.read()
	if !ok {
		return
	}
	entity["display"] = strconv.Itoa(n + 1)
	body, err := json.Marshal(entity)
	must(c.t, err)
	switch status, answer, _ := c.ask(http.MethodPut, etag, body); status {
	case http.StatusOK:
		c.done++
	case http.StatusPreconditionFailed:
		c.refused++
	case http.StatusServiceUnavailable:
		c.unknown++
	default:
		c.t.Errorf("%d %s", status, answer)
	}
}

// TestPartition: the wire between one switch and the database is cut while both switches change one row, each by what it has read, and calls go on. Every
// change that was confirmed is there, and none twice; every call has its one record; the switch that is cut off still calls the other's telephones.
func TestPartition(t *testing.T) {
	var w *wire
	r := newRigBy(t, time.Second, func(pg *postgrestest.Server) string {
		w = newWire(t, pg.Port)
		return pg.TCP("naisen", w.port())
	})
	r.alice, r.bob = r.phone(r.a, "2001"), r.phone(r.b, "2002")
	r.reachable(r.alice, r.bob)
	r.reachable(r.bob, r.alice)
	must(t, r.a.SignIn(t.Context()))
	first, err := r.a.Person(t.Context(), "ops", "admin")
	must(t, err)
	second, err := r.b.Login(t.Context(), "ops")
	must(t, err)
	a, b := &counter{t: t, at: r.a, token: first}, &counter{t: t, at: r.b, token: second}
	together := func(n int) {
		t.Helper()
		var work sync.WaitGroup
		for _, c := range []*counter{a, b} {
			work.Go(func() {
				for range n {
					c.count()
				}
			})
		}
		work.Wait()
	}
	together(10)
	if a.done+b.done == 0 {
		t.Fatal("nobody has counted")
	}

	w.set(true)
	var cutOff sync.WaitGroup
	cutOff.Go(a.count) // as it happens: its request hangs, and what comes of it is known when the wire is whole
	before := b.done
	for range 10 {
		b.count()
	}
	if b.done == before {
		t.Error("the other switch changes nothing")
	}
	r.call(r.alice, r.bob)
	w.set(false)
	cutOff.Wait()
	together(10)
	n, _, _, ok := b.read()
	if sure := a.done + b.done; !ok || n < sure || n > sure+a.unknown+b.unknown {
		t.Errorf("it says %d: %+v and %+v", n, *a, *b)
	}
	t.Logf("%d counted, %d and %d times somebody was first, %d unknown", n, a.refused, b.refused, a.unknown+b.unknown)
	r.reachable(r.bob, r.alice)
	r.call(r.alice, r.bob)
	r.counted()
}
