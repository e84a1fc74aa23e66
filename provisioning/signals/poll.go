package signals

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"
)

// Poll says where and how tokens are fetched (RFC 8936).
type Poll struct {
	URL   string
	Token string        // shown as a bearer token; empty: none
	Every time.Duration // between two polls that gave nothing; 0: 10 s
	Wait  time.Duration // how long the transmitter may keep a poll open; 0: 30 s
}

const (
	pollEvery = 10 * time.Second
	pollWait  = 30 * time.Second
	pollWorst = 5 * time.Minute // rest after many that failed
)

// Start polls until Close.
func (r *Receiver) Start(ctx context.Context) {
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	r.stop = stop
	var wg sync.WaitGroup
	for i := range r.cfg.Transmitters {
		if t := &r.cfg.Transmitters[i]; t.Poll != nil {
			wg.Go(func() { r.poll(run, t) })
		}
	}
	go func() { wg.Wait(); close(r.polls) }()
}

// Close stops polling and waits.
func (r *Receiver) Close() {
	r.stop()
	<-r.polls
}

// pollRequest is RFC 8936 section 2.2.
type pollRequest struct {
	Max    int                 `json:"maxEvents"`
	Now    bool                `json:"returnImmediately"`
	Taken  []string            `json:"ack,omitempty"`
	Faults map[string]setFault `json:"setErrs,omitempty"`
}

type setFault struct {
	Err         string `json:"err"`
	Description string `json:"description"`
}

// pollResponse is RFC 8936 section 2.3.
type pollResponse struct {
	Sets map[string]string `json:"sets"`
	More bool              `json:"moreAvailable"`
}

// poll asks again and again. What was taken is acknowledged with the next request.
func (r *Receiver) poll(ctx context.Context, t *Transmitter) {
	every := t.Poll.Every
	if every <= 0 {
		every = pollEvery
	}
	q, failed := pollRequest{Max: maxSets}, 0
	for {
		rest := time.Duration(0)
		answer, err := r.ask(ctx, t, q)
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, context.DeadlineExceeded): // there was nothing to give for so long
			failed, q.Taken, q.Faults = 0, nil, nil
		case err != nil:
			r.count.pollFailed.Add(1)
			if failed++; failed == 1 {
				r.cfg.Log.Warn("signals: a transmitter cannot be polled", "transmitter", t.Name, "err", err)
			}
			rest = min(every<<min(failed, 16), pollWorst)
		default:
			failed = 0
			if q = r.takeAll(ctx, t, answer); len(q.Taken)+len(q.Faults) == 0 && !answer.More {
				rest = every
			}
		}
		if rest > 0 {
			rest = rest/2 + rand.N(rest) // spread: not all who lost a transmitter together come back together
		}
		timer := time.NewTimer(rest)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

// takeAll takes what a poll gave, and makes the next request. A token that could not be stored is in neither list: it is given again.
func (r *Receiver) takeAll(ctx context.Context, t *Transmitter, a pollResponse) pollRequest {
	q := pollRequest{Max: maxSets, Now: true, Faults: map[string]setFault{}}
	for id, raw := range a.Sets {
		if len(q.Taken)+len(q.Faults) >= maxSets {
			break
		}
		_, err := r.take(ctx, t, raw)
		var f *fault
		switch {
		case err == nil:
			q.Taken = append(q.Taken, id)
		case errors.As(err, &f) && !f.later:
			r.count.refused.Add(1)
			r.cfg.Log.Warn("signals: a token is refused", "transmitter", t.Name, "err", f.code, "why", f.text)
			q.Faults[id] = setFault{f.code, f.text}
		}
	}
	q.Now = len(q.Taken)+len(q.Faults) > 0 // else the transmitter may wait until there is something
	return q
}

func (r *Receiver) ask(ctx context.Context, t *Transmitter, q pollRequest) (a pollResponse, err error) {
	wait := t.Poll.Wait
	if wait <= 0 {
		wait = pollWait
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	body, err := json.Marshal(q)
	if err != nil {
		return a, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.Poll.URL, bytes.NewReader(body))
	if err != nil {
		return a, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	if t.Poll.Token != "" {
		req.Header.Set("Authorization", "Bearer "+t.Poll.Token)
	}
	resp, err := r.cfg.HTTP.Do(req)
	if err != nil {
		return a, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return a, fmt.Errorf("signals: poll: status %d", resp.StatusCode)
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxPolled+1))
	if err != nil {
		return a, err
	}
	if len(text) > maxPolled {
		return a, errors.New("signals: poll: answer too large")
	}
	return a, json.Unmarshal(text, &a)
}
