package rest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"naisen/provisioning"
	"naisen/provisioning/live"
	"naisen/provisioning/policy"
)

const (
	liveCheck = 5 * time.Second  // between two looks at whether the consumer still may; also the heartbeat
	liveWrite = 10 * time.Second // who does not read for so long is cut
)

type eventsInput struct {
	DomainPath
	Topics []string `query:"topics" doc:"Only these, separated by commas; without it all: see the description"`
}

// registerLive: what happens now, as server-sent events (WHATWG HTML section 9.2).
func (a *api) registerLive() {
	op := operation(http.MethodGet, "/v1/domains/{domain}/events", "watch-live", "Watch calls, lamps and registrations as they change",
		rule{action: policy.LiveRead, kind: policy.KindLive, domain: "domain"}, 422, 503)
	op.Description = "A text/event-stream that begins with everything there is (event: all), then names each change by its topic: " +
		"data is {key, state}, without state when the thing is no more. event: gap says that so many changes were not kept for a slow " +
		"consumer; everything follows anew. event: end says why it ends. Comments come as heartbeats. Topics: " + strings.Join(a.Live.Topics(), ", ") + "."
	op.Responses = map[string]*huma.Response{"200": {Description: "OK", Content: map[string]*huma.MediaType{"text/event-stream": {Schema: &huma.Schema{Type: "string"}}}}}
	huma.Register(a.huma, op, a.watchLive)
}

func (a *api) watchLive(ctx context.Context, in *eventsInput) (*huma.StreamResponse, error) {
	c, err := a.Live.Look(in.Domain, in.Topics...)
	switch {
	case errors.Is(err, live.ErrUnknown):
		return nil, invalidAt(http.StatusUnprocessableEntity, "query.topics", "must be of "+strings.Join(a.Live.Topics(), ", "))
	case err != nil:
		return nil, huma.NewError(http.StatusServiceUnavailable, "")
	}
	return &huma.StreamResponse{Body: func(out huma.Context) {
		defer c.Close()
		r, w := humago.Unwrap(out)
		w.Header().Set("Content-Type", "text/event-stream")
		w.Header().Set("X-Accel-Buffering", "no") // nginx would keep it back
		s := a.newStream(ctx, in.Domain, r, w)
		s.action, s.object = policy.LiveRead, provisioning.Object{Domain: in.Domain, Kind: policy.KindLive}
		s.loop(s.news(c))
	}}, nil
}

func (a *api) newStream(ctx context.Context, domain string, r *http.Request, w http.ResponseWriter) *stream {
	return &stream{api: a, domain: domain, subject: subjectOf(ctx), request: r, w: w, control: http.NewResponseController(w)}
}

// stream is one consumer's connection.
type stream struct {
	api     *api
	domain  string
	subject provisioning.Subject
	request *http.Request
	w       io.Writer
	control *http.ResponseController

	action provisioning.Action // that it is, and of what: looked at again as long as it lasts
	object provisioning.Object
}

// news is what wakes a consumer of live events, and what it does then.
func (s *stream) news(c *live.Consumer) (wake <-chan struct{}, woken func() (ends bool, err error), checked func() (ends bool, err error)) {
	return c.Wake(), func() (bool, error) {
		n := c.Next()
		if !n.Ended {
			return false, s.tell(n)
		}
		if n.All {
			_ = s.tell(n)
		}
		return true, s.end("shutting down")
	}, func() (bool, error) { return false, nil }
}

// loop writes until the consumer goes, may no more, or does not read, or until one of the functions says that it is over: woken is called when it is
// woken, checked after each look at the consumer's rights.
func (s *stream) loop(wake <-chan struct{}, woken, checked func() (ends bool, err error)) {
	every := s.api.LiveCheck
	if every <= 0 {
		every = liveCheck
	}
	check := time.NewTicker(every)
	defer check.Stop()
	var again <-chan struct{}
	if s.api.Again != nil {
		rings, stop := s.api.Again.Listen(s.domain)
		defer stop()
		again = rings
	}
	for ends, err := false, error(nil); !ends; {
		select {
		case <-again:
			ends = !s.goesOn()
		case <-s.request.Context().Done(): // not the operation's: that one ends after half a minute
			return
		case <-check.C:
			if ends = !s.goesOn(); !ends {
				if err = s.send(": \n\n"); err == nil {
					ends, err = checked()
				}
			}
		case <-wake:
			ends, err = woken()
		}
		if err != nil {
			s.api.Log.Info("rest: consumer of live events does not read", "user", s.subject.User, "domain", s.domain, "err", err)
			return
		}
	}
}

// end tells the consumer why nothing more comes.
func (s *stream) end(why string) error {
	return s.send("event: end\ndata: {\"reason\":" + quoted(why) + "}\n\n")
}

// goesOn tells the consumer why not.
func (s *stream) goesOn() bool {
	why := s.recheck()
	if why != "" {
		_ = s.end(why)
	}
	return why == ""
}

// recheck looks at the token and the rights again; a reason ends the stream. What the subject may is taken from the new one.
func (s *stream) recheck() string {
	fresh, err := s.api.Verifier.Request(s.request)
	if err != nil {
		return "token"
	}
	if fresh.User != s.subject.User || fresh.Domain != s.subject.Domain {
		return "token"
	}
	fresh.Address = s.subject.Address
	s.subject = fresh
	if !s.api.Policy.Decide(fresh, s.action, s.object).Allowed {
		return "rights"
	}
	return ""
}

// tell writes what changed, as far as the subject may see it.
func (s *stream) tell(n live.News) error {
	var b strings.Builder
	if n.Missed > 0 {
		fmt.Fprintf(&b, "event: gap\ndata: {\"missed\":%d}\n\n", n.Missed)
	}
	if n.All {
		b.WriteString("event: all\ndata: {}\n\n")
	}
	for _, x := range n.Changes {
		o := provisioning.Object{Domain: s.domain, Kind: x.Topic.Kind, Key: x.Key, Owner: x.Owner}
		if !s.api.Policy.Decide(s.subject, x.Topic.Action, o).Allowed {
			continue
		}
		body := struct {
			Key   string `json:"key"`
			State any    `json:"state,omitempty"`
		}{Key: x.Key}
		if !x.Over {
			body.State = x.Value
		}
		text, err := json.Marshal(body)
		if err != nil {
			s.api.Log.Error("rest: live state cannot be written", "topic", x.Topic.Name, "err", err)
			continue
		}
		fmt.Fprintf(&b, "event: %s\ndata: %s\n\n", x.Topic.Name, text)
	}
	return s.send(b.String())
}

func (s *stream) send(text string) error {
	if err := s.control.SetWriteDeadline(time.Now().Add(liveWrite)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if _, err := io.WriteString(s.w, text); err != nil {
		return err
	}
	return s.control.Flush()
}

func quoted(s string) string {
	text, _ := json.Marshal(s) // a string always is
	return string(text)
}
