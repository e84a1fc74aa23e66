package event

import (
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"testing"
	"time"

	"naisen/sip"
	"naisen/sip/stack"
)

// nowhere is a stack on which nothing happens.
type nowhere struct{}

func (nowhere) Do(string, func())                                 {}
func (nowhere) After(string, time.Duration, func()) (stop func()) { return func() {} }
func (nowhere) Contact(user string, _ stack.Target) sip.URI {
	return sip.URI{Scheme: "sip", User: user, Host: "192.0.2.100"}
}
func (nowhere) Send(*stack.Request, stack.Target, func(*stack.ClientTx, stack.Result)) *stack.ClientTx {
	return nil
}

// What is kept of a SUBSCRIBE is what a subscription needs, and nothing that holds the message itself in memory.
func TestMemoryPerSubscription(t *testing.T) {
	const count, bound = 5000, 2048
	f := &facts{}
	n := New(nowhere{}, Config{Packages: []Package{DialogInfo(f)}}, slog.New(slog.DiscardHandler))
	p := NewPublications(nowhere{}, PublishConfig{}, slog.New(slog.DiscardHandler))
	head := func(method string, i int) *stack.Request {
		req, _, err := stack.Parse(fmt.Appendf(nil, "%s sip:%d@pbx.example.jp SIP/2.0\r\nVia: SIP/2.0/UDP 10.1.2.3:5060;branch=z9hG4bK%d\r\n"+
			"From: <sip:%d@pbx.example.jp>;tag=0123456789abcdef\r\nTo: <sip:%d@pbx.example.jp>\r\nMax-Forwards: 70\r\nCall-ID: 0123456789abcdef-%d\r\nCSeq: 1 %s\r\n"+
			"Contact: <sip:%d-0x55e5bcfe8af0@10.1.2.3:40580;transport=udp>\r\nEvent: dialog;id=7\r\nRecord-Route: <sip:10.1.2.1;lr>\r\nX-Filler: %s\r\nContent-Length: 0\r\n\r\n",
			method, i, i, i, i, i, method, i, strings.Repeat("f", 3000)))
		if err != nil {
			t.Fatal(err)
		}
		return req
	}
	before := heap()
	for i := range count {
		req := head("SUBSCRIBE", i)
		s, no := n.open(req, n.byName["dialog"], Watcher{AOR: AOR{req.From().URI.User, req.From().URI.Host}}, AOR{req.URI.User, req.URI.Host}, "7")
		if no != nil {
			t.Fatal(no)
		}
		if status, _ := n.add(s); status != 200 {
			t.Fatal(status)
		}
	}
	each := (heap() - before) / count
	t.Logf("%d bytes per subscription", each)
	if each > bound {
		t.Errorf("%d bytes per subscription, at most %d", each, bound)
	}
	before = heap()
	for i := range count {
		req := head("PUBLISH", i)
		if _, no := p.put(AOR{req.From().URI.User, req.From().URI.Host}, "", &published{basic: "open"}, 600); no != nil {
			t.Fatal(no)
		}
	}
	each = (heap() - before) / count
	t.Logf("%d bytes per publication", each)
	if each > bound/2 {
		t.Errorf("%d bytes per publication, at most %d", each, bound/2)
	}
	runtime.KeepAlive(n)
	runtime.KeepAlive(p)
}

func heap() int {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// BenchmarkNotify is one change told to one watcher, without what the stack does to send it.
func BenchmarkNotify(b *testing.B) {
	f := &facts{dialogs: []Dialog{ringing}}
	n := New(nowhere{}, Config{Packages: []Package{DialogInfo(f)}}, slog.New(slog.DiscardHandler))
	s := &subscription{n: n, pkg: n.byName["dialog"], view: DialogInfo(f).View(taro), local: "<sip:2001@pbx.example.jp>;tag=a", remote: "<sip:2002@pbx.example.jp>;tag=b"}
	b.ReportAllocs()
	for b.Loop() {
		if r := s.notify(); len(s.view.Document(true).Body) == 0 || r == nil {
			b.Fatal("nothing to tell")
		}
	}
}
