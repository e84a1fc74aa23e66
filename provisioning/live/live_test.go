package live

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
)

// things is a source that a test changes.
type things struct {
	mu sync.Mutex
	of map[string]map[string]int
}

func (s *things) set(domain, key string, v int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of[domain] == nil {
		s.of[domain] = map[string]int{}
	}
	if s.of[domain][key] = v; v == 0 {
		delete(s.of[domain], key)
	}
}

func (s *things) List(domain string) (out []State) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for k, v := range s.of[domain] {
		out = append(out, State{Key: k, Value: v})
	}
	slices.SortFunc(out, func(a, b State) int { return a.Value.(int) - b.Value.(int) })
	return out
}

func (s *things) Get(domain, key string) (State, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.of[domain][key]
	return State{Key: key, Value: v}, ok
}

func newHub() (*Hub, *things) {
	h, s := New(), &things{of: map[string]map[string]int{}}
	h.Add(Topic{Name: "call", Source: s})
	h.Add(Topic{Name: "lamp", Source: &things{of: map[string]map[string]int{}}})
	return h, s
}

func look(t *testing.T, h *Hub, topics ...string) *Consumer {
	t.Helper()
	c, err := h.Look("a", topics...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestPresentState(t *testing.T) {
	h, s := newHub()
	s.set("a", "c1", 1)
	s.set("b", "elsewhere", 9)
	h.Changed("call", "a", "c1") // nobody looks
	c := look(t, h)
	defer c.Close()
	<-c.Wake()
	if n := c.Next(); !n.All || len(n.Changes) != 1 || n.Changes[0].Value != 1 || n.Changes[0].Topic.Name != "call" {
		t.Errorf("at first: %+v", n)
	}
	s.set("a", "c2", 2)
	h.Changed("call", "a", "c2")
	s.set("a", "c2", 3)
	h.Changed("call", "a", "c2") // the same again: told once, as it is
	s.set("a", "c1", 0)
	h.Changed("call", "a", "c1")
	h.Changed("call", "b", "elsewhere")
	h.Changed("nothing", "a", "x")
	<-c.Wake()
	n := c.Next()
	if n.All || len(n.Changes) != 2 || n.Changes[0].Value != 3 || n.Changes[0].Over || n.Changes[1].Key != "c1" || !n.Changes[1].Over {
		t.Errorf("then: %+v", n)
	}
	if n := c.Next(); len(n.Changes) != 0 {
		t.Errorf("told twice: %+v", n)
	}
	h.Anew()
	if n := c.Next(); !n.All || n.Missed != 0 || len(n.Changes) != 1 {
		t.Errorf("anew: %+v", n)
	}
}

// TestSlow is I11: who does not read costs a bounded memory, never blocks anybody, and is told everything anew with a mark.
func TestSlow(t *testing.T) {
	h, s := newHub()
	slow, other := look(t, h, "call"), look(t, h, "lamp")
	<-slow.Wake()
	slow.Next()
	other.Next()
	for i := range 3*maxMarks + 5 {
		key := fmt.Sprint(i)
		s.set("a", key, i+1)
		h.Changed("call", "a", key)
	}
	if len(slow.order) > maxMarks || len(slow.marked) > maxMarks {
		t.Fatalf("%d marks are kept", len(slow.order))
	}
	n := slow.Next()
	if !n.All || n.Missed != 3*maxMarks || len(n.Changes) != 3*maxMarks+5 {
		t.Errorf("after the gap: all %v missed %d, %d things", n.All, n.Missed, len(n.Changes))
	}
	if n := other.Next(); len(n.Changes) != 0 {
		t.Errorf("told of a topic that was not asked for: %+v", n)
	}
	if st := h.Stats(); st.Gaps != 3*maxMarks || st.Consumers != 2 {
		t.Errorf("%+v", st)
	}
}

func TestBounds(t *testing.T) {
	h, _ := newHub()
	var all []*Consumer
	for range maxOfDomain {
		all = append(all, look(t, h))
	}
	if _, err := h.Look("a"); !errors.Is(err, ErrFull) {
		t.Errorf("one more of a domain: %v", err)
	}
	if _, err := h.Look("b", "call"); err != nil {
		t.Errorf("another domain: %v", err)
	}
	if _, err := h.Look("b", "call", "secrets"); !errors.Is(err, ErrUnknown) {
		t.Errorf("no such topic: %v", err)
	}
	for _, c := range all {
		c.Close()
		c.Close()
	}
	c := look(t, h)
	if h.Stats().Consumers != 2 {
		t.Errorf("%+v", h.Stats())
	}
	<-c.Wake()
	h.Close()
	<-c.Wake()
	if !c.Next().Ended {
		t.Error("does not end")
	}
	if _, err := h.Look("a"); !errors.Is(err, ErrClosed) {
		t.Errorf("after the end: %v", err)
	}
}

func TestTogether(t *testing.T) {
	h, s := newHub()
	var writers, readers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			for i := range 500 {
				key := fmt.Sprint(w, i%50)
				s.set("a", key, i+1)
				h.Changed("call", "a", key)
			}
		})
	}
	for range 4 {
		c := look(t, h)
		readers.Go(func() {
			defer c.Close()
			seen := map[string]any{}
			for range c.Wake() {
				n := c.Next()
				for _, x := range n.Changes {
					seen[x.Key] = x.Value
				}
				if n.Ended {
					break
				}
			}
			for _, x := range s.List("a") {
				if seen[x.Key] != x.Value {
					t.Errorf("%s was last seen as %v, it is %v", x.Key, seen[x.Key], x.Value)
				}
			}
		})
	}
	writers.Wait()
	h.Close()
	readers.Wait()
}
