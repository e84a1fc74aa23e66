package registrar

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"naisen/sip"
	"naisen/sip/stack"
)

// memory is a Table that can fail or hang.
type memory struct {
	mu    sync.Mutex
	rows  map[recordKey]Record
	fail  error
	hang  chan struct{} // not nil: Save waits for it or for its context
	saves []int         // batch sizes
}

func (m *memory) Load(context.Context) ([]Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []Record
	for _, r := range m.rows {
		out = append(out, r)
	}
	return out, m.fail
}

func (m *memory) Save(ctx context.Context, batch []Record) error {
	m.mu.Lock()
	hang, fail := m.hang, m.fail
	m.mu.Unlock()
	if hang != nil {
		select {
		case <-hang:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if fail != nil {
		return fail
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.saves = append(m.saves, len(batch))
	for _, r := range batch {
		if k := (recordKey{r.AOR, r.Key}); r.Body == nil {
			delete(m.rows, k)
		} else {
			m.rows[k] = r
		}
	}
	return nil
}

func (m *memory) set(fail error, hang chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fail, m.hang = fail, hang
}

func (m *memory) count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.rows)
}

func startTable(t *testing.T, m *memory, n Network) *bench {
	t.Helper()
	b := &bench{t: t, r: New(Config{}, m, slog.New(slog.DiscardHandler))}
	if err := b.r.Start(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *bench) close() {
	b.t.Helper()
	if err := b.r.Close(context.Background()); err != nil {
		b.t.Error(err)
	}
}

func TestBindingsSurviveARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{rows: make(map[recordKey]Record)}
		b := startTable(t, m, nil)
		b.expect(200, udp, "Contact: <sip:u@10.0.0.9;pn-prid=x%2fy>"+inst+";q=0.5;expires=600", "Path: <sip:edge.test;lr>", "User-Agent: Phone/1")
		b.expect(200, tcp(), "Contact: <sip:t@192.0.2.1;transport=tcp>;expires=600")
		b.expect(200, udp, "Contact: <sip:short@192.0.2.1>;expires=60, <sip:gone@192.0.2.1>")
		b.expect(200, udp, "Contact: <sip:gone@192.0.2.1>;expires=0")
		b.expect(200, udp, "Contact: <sip:short@192.0.2.1>;expires=60;+sip.instance=\"<urn:uuid:2>\"") // the key of its row changes
		before := b.r.Lookup(aor)
		b.close() // writes what was only noted
		if m.count() != 3 {
			t.Fatalf("%d rows", m.count())
		}
		pass(100 * time.Second)

		rebuilt := &stack.Flow{}
		c := startTable(t, m, &network{flows: map[netip.AddrPort]*stack.Flow{udp.received: rebuilt}, pings: map[*stack.Flow]int{}})
		c.n = b.n
		c.holds("u") // TCP waits for its phone; the short one has expired
		got := c.r.Lookup(aor)[0]
		want := before[slices.IndexFunc(before, func(x Binding) bool { return x.Contact.User == "u" })]
		if got.Target().Flow != rebuilt {
			t.Error("flow not rebuilt")
		}
		got.Flow, want.Flow, want.ID = nil, nil, got.ID // an ID is of one process
		type fields Binding                             // which prints itself whole
		if a, b := fmt.Sprintf("%+v", fields(got)), fmt.Sprintf("%+v", fields(want)); !strings.HasPrefix(a, b[:strings.Index(b, "Expires")]) || got.UserAgent != want.UserAgent || !slices.Equal(got.Path, want.Path) {
			t.Errorf("came back as\n%s\nwas\n%s", a, b)
		}
		if resp := c.expect(200, udp); !slices.Contains(resp.Lines("Contact"), "<sip:u@10.0.0.9;pn-prid=x%2fy>"+inst+";q=0.5;expires=500") {
			t.Errorf("remaining expiry: %q", resp.Lines("Contact"))
		}
		c.expect(500, udp, "Contact: <sip:u@10.0.0.9>"+inst, "CSeq: 1 REGISTER") // the order of requests is remembered too
		c.expect(200, tcp(), "Contact: <sip:t@192.0.2.1;transport=tcp>;expires=600")
		c.holds("t u")
		pass(501 * time.Second)
		c.holds("t")
		c.close()
	})
}

func TestUDPWithoutItsListenerIsReachedByAddress(t *testing.T) {
	r := New(Config{}, nil, slog.New(slog.DiscardHandler))
	h, err := r.restore(r.record(hold(Binding{AOR: aor, Text: "<sip:a@10.0.0.9>", Transport: "udp", Received: udp.received, Local: udp.local}, "k")))
	if err != nil {
		t.Fatal(err)
	}
	want := stack.Target{Transport: "udp", Addr: udp.received, Local: udp.local.Addr()}
	if got := h.binding().Target(); got != want || !h.reachable() {
		t.Errorf("got %+v", got)
	}
}

func TestLoadFailureStopsTheStart(t *testing.T) {
	m := &memory{fail: errors.New("disk")}
	r := New(Config{}, m, slog.New(slog.DiscardHandler))
	if err := r.Start(t.Context(), nil); !errors.Is(err, m.fail) {
		t.Errorf("got %v", err)
	}
}

func TestUnreadableRecordsAreLeftOut(t *testing.T) {
	later := time.Now().Add(time.Hour)
	good := New(Config{}, nil, slog.New(slog.DiscardHandler)).record(hold(Binding{AOR: aor, Text: "<sip:a@10.0.0.9>", Transport: "udp", Received: udp.received, Expires: later}, "k"))
	m := &memory{rows: map[recordKey]Record{
		{aor, "1"}: {AOR: aor, Key: "1", Body: []byte("{"), Expires: later},
		{aor, "2"}: {AOR: aor, Key: "2", Body: []byte(`{"Text":"<x>"}`), Expires: later},
		{aor, "3"}: good,
	}}
	b := startTable(t, m, nil)
	b.holds("a")
	b.close()
}

// A failing or hanging table delays no REGISTER; what it missed is written when it is back, the newest state only.
func TestTableFailsAndComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{rows: make(map[recordKey]Record), fail: errors.New("disk full")}
		m.set(nil, nil)
		b := startTable(t, m, nil)
		m.set(errors.New("disk full"), nil)
		began := time.Now()
		for i := range 20 {
			b.expect(200, udp, fmt.Sprintf("Contact: <sip:a@192.0.2.1>;expires=%d", 600+i))
		}
		if d := time.Since(began); d != 0 {
			t.Errorf("REGISTERs took %s of virtual time", d)
		}
		pass(10 * time.Second)
		if s := b.r.Stats(); s.SaveFailures < 2 || s.Unsaved != 1 {
			t.Errorf("%+v", s)
		}
		hang := make(chan struct{})
		m.set(nil, hang)
		pass(time.Minute)
		b.expect(200, udp, "Contact: <sip:b@192.0.2.1>;expires=600")
		close(hang)
		m.set(nil, nil)
		pass(time.Minute)
		if s := b.r.Stats(); s.Unsaved != 0 || m.count() != 2 {
			t.Errorf("%d rows, %+v", m.count(), s)
		}
		b.close()
	})
}

func TestCloseGivesUpWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{rows: make(map[recordKey]Record), hang: make(chan struct{})}
		b := startTable(t, m, nil)
		b.expect(200, udp, "Contact: <sip:a@192.0.2.1>")
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := b.r.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

func TestBatchesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{rows: make(map[recordKey]Record)}
		b := startTable(t, m, nil)
		for i := range 1200 {
			b.r.register(message(t, 1, fmt.Sprintf("Contact: <sip:p%d@192.0.2.1>", i)), udp, Right{AOR: fmt.Sprintf("%d@example.test", i), Domain: "example.test"})
		}
		pass(time.Second)
		if want := []int{500, 500, 200}; !slices.Equal(m.saves, want) {
			t.Errorf("batches %v, want %v", m.saves, want)
		}
		b.close()
	})
}

func TestWhatWaitsIsBounded(t *testing.T) {
	s := newSaver(&memory{}, slog.New(slog.DiscardHandler))
	s.limit = 3
	for i := range 10 {
		s.put(Record{AOR: aor, Key: fmt.Sprint(i % 5)})
	}
	if unsaved, _, dropped := s.stats(); unsaved != 3 || dropped != 4 {
		t.Errorf("%d wait, %d dropped", unsaved, dropped)
	}
}

// 5,000 phones, each message of its own buffer: a binding keeps nothing of it alive. The bound is part of the 8 KiB per registration
// that the whole switch may use.
func TestMemoryPerBinding(t *testing.T) {
	const phones = 5000
	r := New(Config{}, &memory{}, slog.New(slog.DiscardHandler))
	flows := make([]*stack.Flow, phones)
	for i := range flows {
		flows[i] = &stack.Flow{}
	}
	before := heapInUse()
	for i := range phones {
		req, _, err := stack.Parse(fmt.Appendf(nil, "REGISTER sip:example.test SIP/2.0\r\nVia: SIP/2.0/UDP 10.1.2.3:5060;branch=z9hG4bK%d\r\n"+
			"From: <sip:%d@example.test>;tag=a\r\nTo: <sip:%d@example.test>\r\nMax-Forwards: 70\r\nCall-ID: 0123456789abcdef-%d\r\nCSeq: 1 REGISTER\r\n"+
			"Contact: <sip:%d-0x55e5bcfe8af0@10.1.2.3:40580;transport=udp>;expires=3600;+sip.instance=\"<urn:uuid:1c2e882b-b9ba-7524-0000-%012d>\"\r\n"+
			"User-Agent: Yealink SIP-T46U 108.86.0.90\r\nSupported: gruu, outbound, path, replaces\r\nX-Filler: %s\r\nContent-Length: 0\r\n\r\n",
			i, i, i, i, i, i, strings.Repeat("f", 3000)))
		if err != nil {
			t.Fatal(err)
		}
		from := udp
		from.flow = flows[i]
		if resp := r.register(req, from, Right{AOR: fmt.Sprint(i, "@example.test"), Domain: "example.test"}); resp.Status != 200 {
			t.Fatal(resp.Status)
		}
	}
	r.saver.take() // what waits for the table leaves at once where there is one
	r.saver.dirty = nil
	each := (heapInUse() - before) / phones
	t.Logf("%d bytes per binding", each)
	if each > 768 {
		t.Errorf("%d bytes per binding, at most 768", each)
	}
	runtime.KeepAlive(r)
	runtime.KeepAlive(flows)
}

func heapInUse() int {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

func FuzzContact(f *testing.F) {
	for _, s := range []string{
		`"Al <1>" <sip:1001%2d1@192.0.2.1:5061;transport=UDP;ob>;+sip.instance="<urn:uuid:1>";reg-id=1;q=0.5;expires=60;x="<>;"`,
		"sip:a@b;expires=1", "*", `"a\"<" <sip:b>`, `<sip:b>;x="<"`, `""<sip:b>`, "a <sip:b@c>;q=0.1",
	} {
		f.Add(s)
	}
	r := New(Config{}, nil, slog.New(slog.DiscardHandler))
	f.Fuzz(func(t *testing.T, s string) {
		w, no := r.wish(stack.NewRequest("REGISTER", sip.URI{Scheme: "sip", Host: "a"}), s)
		if no != nil {
			return
		}
		again, err := sip.ParseAddress(w.text) // it goes into our answer, and back into our table
		if err != nil || !again.URI.Equal(w.uri) {
			t.Errorf("%q kept as %q: %v", s, w.text, err)
		}
	})
}

// relapse notes something newer while it fails.
type relapse struct {
	memory
	s *saver
}

func (x *relapse) Save(context.Context, []Record) error {
	x.s.put(Record{AOR: aor, Key: "k", Body: []byte("new")})
	return errors.New("locked")
}

func TestAFailedBatchDoesNotHideWhatIsNewer(t *testing.T) {
	x := &relapse{}
	x.s = newSaver(x, slog.New(slog.DiscardHandler))
	x.s.limit = 10
	x.s.put(Record{AOR: aor, Key: "k", Body: []byte("old")})
	if err := x.s.flush(t.Context()); err == nil {
		t.Fatal("no error")
	}
	if batch := x.s.take(); len(batch) != 1 || string(batch[0].Body) != "new" {
		t.Errorf("noted again: %q", batch)
	}
}
