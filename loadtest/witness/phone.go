package witness

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"naisen/loadtest/callgen/ua"
	"naisen/loadtest/peer"
)

// phone is an extension with a voice, on a socket of its own. It answers every call at once.
type phone struct {
	number string
	voice  int
	choir  *choir
	shy    bool // says nothing until it is told to
	*ua.Phone

	mu      sync.Mutex
	picked  []*leg // of the calls that came in, the newest last
	arrived []*ua.Call
}

// registration is how long a telephone is registered.
const registration = time.Hour

// hire makes an extension and its telephone, which rings for ever or answers. record names a recording policy, "" none.
func hire(ctx context.Context, p *peer.PBX, c *choir, number string, voice int, record string, rings bool) (*phone, error) {
	body := map[string]any{"display": "witness " + number, "media": "srtp-preferred"}
	if record != "" {
		body["record"] = record
	}
	status, answer, err := p.Do(ctx, "PUT", "extensions/"+number, body)
	if err != nil {
		return nil, err
	}
	var made struct{ Secret string }
	if status/100 != 2 || json.Unmarshal(answer, &made) != nil || made.Secret == "" {
		return nil, fmt.Errorf("witness: extension %s: %d %s", number, status, answer)
	}
	ph := &phone{number: number, voice: voice, choir: c}
	to, err := netip.ParseAddrPort(p.UDP)
	if err != nil {
		return nil, err
	}
	ph.Phone, err = ua.New(ua.Config{Local: to.Addr(), Switch: to, Transport: "udp", Domain: p.Domain, User: number, Password: made.Secret, Incoming: ph.pick,
		Arrived: ph.answered, Rings: rings})
	if err != nil {
		return nil, err
	}
	return ph, ph.Register(ctx, registration)
}

// pick answers a call.
func (ph *phone) pick() ua.Answerer {
	l, err := ph.choir.join(ph.voice)
	if err != nil {
		return nil
	}
	ph.mu.Lock()
	defer ph.mu.Unlock()
	l.mute = ph.shy
	ph.picked = append(ph.picked, l)
	return l.answer
}

func (ph *phone) answered(c *ua.Call) {
	ph.mu.Lock()
	defer ph.mu.Unlock()
	ph.arrived = append(ph.arrived, c)
}

// newest is the leg of the call that came in last.
func (ph *phone) newest() *leg {
	ph.mu.Lock()
	defer ph.mu.Unlock()
	if len(ph.picked) == 0 {
		return nil
	}
	return ph.picked[len(ph.picked)-1]
}

// count is how many calls came in and were answered.
func (ph *phone) count() int {
	ph.mu.Lock()
	defer ph.mu.Unlock()
	return len(ph.arrived)
}

// drop leaves all calls that came in.
func (ph *phone) drop() {
	ph.mu.Lock()
	defer ph.mu.Unlock()
	for _, l := range ph.picked {
		ph.choir.leave(l)
	}
	ph.picked, ph.arrived = nil, nil
}

// hangUp ends the call that came in last.
func (ph *phone) hangUp() {
	ph.mu.Lock()
	defer ph.mu.Unlock()
	if n := len(ph.arrived); n > 0 {
		ph.arrived[n-1].Hangup()
	}
}

// talk is a call that a phone made.
type talk struct {
	*ua.Call
	leg *leg
}

// dial calls a number, and speaks as soon as it is answered.
func (ph *phone) dial(ctx context.Context, number string) (*talk, error) {
	l, err := ph.choir.join(ph.voice)
	if err != nil {
		return nil, err
	}
	l.mute = ph.shy
	call, err := ph.Call(ctx, number, l.describe("sendrecv"), func([]byte) {}, l.answer)
	if err == nil {
		_, err = l.heed(call.Answer)
	}
	if err != nil {
		ph.choir.leave(l)
		return nil, fmt.Errorf("%s to %s: %w", ph.number, number, err)
	}
	return &talk{call, l}, nil
}

// errRecording: the API does not give a recording.
var errRecording = errors.New("witness: recording")

// recording is what the API says of one.
type recording struct {
	ID, State string
	Started   time.Time
	Lost      int // packets that never came to the switch, by their sequence numbers
	Manifest  struct {
		Interrupted bool
		Dropped     int64
		Tracks      []struct{ Track int }
	}
}

// recordings are all that the switch has of what began from a moment on.
func recordings(ctx context.Context, p *peer.PBX, from time.Time) (all []recording, err error) {
	if err := p.StaySignedIn(ctx); err != nil {
		return nil, err
	}
	first := "recordings?limit=200&from=" + from.UTC().Format("2006-01-02T15:04:05Z")
	path := first
	for {
		var page struct {
			Recordings []recording
			Next       string
		}
		if err := fetch(ctx, p, path, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Recordings...)
		if page.Next == "" {
			return all, nil
		}
		path = first + "&cursor=" + page.Next
	}
}

// channels are those of a stored recording: each voice alone where more than two spoke, else the two of the listening copy.
func channels(ctx context.Context, p *peer.PBX, id string) (r recording, out [][]int16, err error) {
	if err := p.StaySignedIn(ctx); err != nil {
		return r, nil, err
	}
	if err := fetch(ctx, p, "recordings/"+id, &r); err != nil {
		return r, nil, err
	}
	parts := []string{"audio"}
	for i := range r.Manifest.Tracks {
		if i == 0 {
			parts = nil
		}
		parts = append(parts, fmt.Sprintf("tracks/%d", r.Manifest.Tracks[i].Track))
	}
	for _, part := range parts {
		status, wav, err := p.Listen(ctx, "recordings/"+id+"/"+part)
		if err != nil {
			return r, nil, err
		}
		if status != http.StatusOK {
			return r, nil, fmt.Errorf("%w %s, %s: %d %s", errRecording, id, part, status, wav)
		}
		pcm, hz, err := peer.ReadWAV(wav)
		if err != nil || hz != rate {
			return r, nil, fmt.Errorf("%w %s, %s: %d Hz: %w", errRecording, id, part, hz, err)
		}
		out = append(out, pcm...)
	}
	return r, out, nil
}

func fetch(ctx context.Context, p *peer.PBX, path string, into any) error {
	status, answer, err := p.Do(ctx, "GET", path, nil)
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		return fmt.Errorf("%w: GET %s: %d %s", errRecording, path, status, answer)
	}
	return json.Unmarshal(answer, into)
}
