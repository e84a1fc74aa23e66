package event

import (
	"crypto/subtle"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"naisen/sip/stack"
)

// PublishConfig of Publications. The zero value works.
type PublishConfig struct {
	MinExpires int              // seconds; a shorter wish gets 423; 0: 60
	MaxExpires int              // seconds; 0: 3600
	PerAOR     int              // one more puts out the oldest: a phone that starts again has forgotten its entity-tag; 0: 5
	Total      int              // a new one above it gets 503; 0: 20000
	Clock      func() time.Time // wall time, to compare with Watcher.Until; nil: time.Now
	Changed    func(AOR)        // told after what is published for somebody has changed; it must not block
}

// Publications is the state compositor of RFC 3903 for presence: what phones say of their people, each under an entity-tag that changes
// with every PUBLISH. It is safe for concurrent use; timers run on the stack.
type Publications struct {
	st      Transport
	cfg     PublishConfig
	log     *slog.Logger
	refused atomic.Uint64

	mu    sync.Mutex // guards the rest
	of    map[AOR][]*publication
	total int
}

// publication is one event state. It is replaced, never changed.
type publication struct {
	tag  string
	says published
	stop func() // its expiry
}

// NewPublications makes an empty compositor.
func NewPublications(st Transport, cfg PublishConfig, log *slog.Logger) *Publications {
	set := func(p *int, v int) {
		if *p <= 0 {
			*p = v
		}
	}
	set(&cfg.MinExpires, 60)
	set(&cfg.MaxExpires, 3600)
	set(&cfg.PerAOR, 5)
	set(&cfg.Total, 20000)
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	if cfg.Changed == nil {
		cfg.Changed = func(AOR) {}
	}
	return &Publications{st: st, cfg: cfg, log: log, of: map[AOR][]*publication{}}
}

// Len is the number of publications.
func (p *Publications) Len() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.total
}

// latest is what was published last for somebody.
func (p *Publications) latest(who AOR) (published, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := p.of[who]
	if len(list) == 0 {
		return published{}, false
	}
	return list[len(list)-1].says, true
}

// Publish takes a PUBLISH of somebody about himself, who has proven who he is, and answers it (RFC 3903 section 6).
func (p *Publications) Publish(tx *stack.ServerTx, who Watcher) {
	req := tx.Request()
	tag, seconds, no := p.publish(req, who)
	r := stack.NewResponse(req, 200, "")
	if no != nil {
		if r = stack.NewResponse(req, no.status, ""); no.name != "" {
			r.Set(no.name, no.value)
		}
	} else {
		r.Set("SIP-ETag", tag)
		r.Set("Expires", itoa(seconds))
	}
	if err := tx.Respond(r); err != nil {
		p.log.Debug("event: response not sent", slog.Int("status", r.Status), slog.Any("error", err))
	}
	if no == nil {
		p.cfg.Changed(who.AOR)
	}
}

// publish goes through the steps of that section in their order.
func (p *Publications) publish(req *stack.Request, who Watcher) (tag string, seconds int, no *refusal) {
	if name, _, ok := eventOf(&req.Headers); !ok || name != "presence" {
		return "", 0, &refusal{489, "Allow-Events", "presence"}
	}
	match := req.Lines("SIP-If-Match")
	if len(match) > 1 {
		return "", 0, &refusal{status: 400}
	}
	old := ""
	if len(match) == 1 {
		if old = match[0]; !p.has(who.AOR, old) {
			return "", 0, &refusal{status: 412}
		}
	}
	if seconds, no = wish(&req.Headers, p.cfg.MinExpires, p.cfg.MaxExpires); no != nil {
		return "", 0, no
	}
	if seconds > 0 {
		var ok bool
		if seconds, ok = who.left(seconds, p.cfg.Clock()); !ok {
			return "", 0, &refusal{status: 403}
		}
	}
	says, no := body(req, old != "")
	if no != nil {
		return "", 0, no
	}
	tag, no = p.put(who.AOR, old, says, seconds)
	return tag, seconds, no
}

// body reads the document; nil where a refresh or removal has none.
func body(req *stack.Request, optional bool) (*published, *refusal) {
	switch {
	case encoded(&req.Headers):
		return nil, &refusal{415, "Accept-Encoding", "identity"}
	case len(req.Body) == 0 && optional:
		return nil, nil
	case len(req.Body) == 0:
		return nil, &refusal{status: 400}
	case mediaType(&req.Headers) != pidfType:
		return nil, &refusal{415, "Accept", pidfType}
	case len(req.Body) > maxPIDF:
		return nil, &refusal{status: 413}
	}
	says, err := parsePIDF(req.Body)
	if err != nil {
		return nil, &refusal{status: 400}
	}
	return &says, nil
}

func (p *Publications) has(who AOR, tag string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.index(who, tag) >= 0
}

// index finds a publication by its tag. Called with mu held.
func (p *Publications) index(who AOR, tag string) int {
	return slices.IndexFunc(p.of[who], func(o *publication) bool { return subtle.ConstantTimeCompare([]byte(o.tag), []byte(tag)) == 1 })
}

// put makes, refreshes, changes or removes a publication, and returns its new tag.
func (p *Publications) put(who AOR, old string, says *published, seconds int) (string, *refusal) {
	tag := stack.NewTag()
	p.mu.Lock()
	defer p.mu.Unlock()
	list := p.of[who]
	if old != "" {
		i := p.index(who, old)
		if i < 0 { // another PUBLISH was faster
			return "", &refusal{status: 412}
		}
		if says == nil {
			says = &list[i].says
		}
		list = p.cut(who, i)
	}
	if seconds == 0 {
		return tag, nil
	}
	if p.total >= p.cfg.Total {
		p.refused.Add(1)
		return "", &refusal{503, "Retry-After", "60"}
	}
	if len(list) >= p.cfg.PerAOR {
		list = p.cut(who, 0)
	}
	p.of[who] = append(list, &publication{tag, *says, p.st.After(who.String(), time.Duration(seconds)*time.Second, func() { p.expire(who, tag) })})
	p.total++
	return tag, nil
}

// Refused counts PUBLISHes that found no room.
func (p *Publications) Refused() uint64 { return p.refused.Load() }

// cut takes a publication out. Called with mu held.
func (p *Publications) cut(who AOR, i int) []*publication {
	list := p.of[who]
	list[i].stop() // stops a timer, and calls nobody
	p.total--
	if list = slices.Delete(list, i, i+1); len(list) == 0 {
		delete(p.of, who)
		return nil
	}
	p.of[who] = list
	return list
}

func (p *Publications) expire(who AOR, tag string) {
	p.mu.Lock()
	i := p.index(who, tag)
	if i >= 0 {
		p.cut(who, i)
	}
	p.mu.Unlock()
	if i >= 0 {
		p.cfg.Changed(who)
	}
}

// Remove forgets what somebody published, as when the extension is deleted.
func (p *Publications) Remove(who AOR) {
	p.mu.Lock()
	n := len(p.of[who])
	for range n {
		p.cut(who, 0)
	}
	p.mu.Unlock()
	if n > 0 {
		p.cfg.Changed(who)
	}
}
