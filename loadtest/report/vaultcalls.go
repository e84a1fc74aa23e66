package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"naisen/media"
	"naisen/recorder"
	"naisen/recorder/catalogue"
	"naisen/recorder/objstore/dir"
	"naisen/recorder/pipeline"
	"naisen/recorder/seal"
)

// Calls of the measurement: how long each is, and how often one begins and ends.
const (
	vaultTalk = 4 * time.Second
	vaultTick = 20 * time.Millisecond // a packet of each party, and a call
)

// spoken is a call that is recorded.
type spoken struct {
	recording recorder.Recording
	number    string
	packets   int
}

// hungUp is a call that ended, and when.
type hungUp struct {
	id, number string
	at         time.Time
}

// measureHangUps lets calls end at 50 a second and looks for their recordings.
func measureHangUps(ctx context.Context, l *lab, t *table) error {
	for range l.runs {
		root, err := os.MkdirTemp("", "naisen-vault-")
		if err == nil {
			err = errors.Join(hangUpOnce(ctx, l, root, t), os.RemoveAll(root))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func hangUpOnce(ctx context.Context, l *lab, root string, t *table) error {
	files, err := seal.OpenFiles(filepath.Join(root, "keys"), nil)
	if err != nil {
		return err
	}
	sealer := seal.New(files)
	store, err := dir.Open(filepath.Join(root, "objects"), nil)
	if err != nil {
		return err
	}
	defer store.Close()
	cat, err := catalogue.Open(ctx, filepath.Join(root, "catalogue.db"), nil)
	if err != nil {
		return err
	}
	defer cat.Close()
	calls := scale(l, 1500, 150)
	stored := make(chan string, calls)
	p, err := pipeline.Open(pipeline.Config{Dir: filepath.Join(root, "spool"), Sealer: sealer, Store: store, Catalogue: cat, Stored: func(m recorder.Manifest) { stored <- m.ID }})
	if err != nil {
		return err
	}
	ended := make(chan hungUp, calls)
	failed := make(chan error, 1)
	go func() { failed <- talk(ctx, p, calls, ended) }()
	times, err := lookFor(ctx, cat, calls, ended, stored)
	err = errors.Join(err, <-failed)
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	err = errors.Join(err, p.Close(closing))
	if err != nil {
		return err
	}
	t.add("hang-ups: found after p50", "ms", "", milliseconds(times, 0.5))
	t.add("hang-ups: found after p99", "ms", "5,000", milliseconds(times, 0.99)).note = fmt.Sprintf("%d calls, dropped frames %d", calls, p.Stats().Capture.Dropped)
	t.add("hang-ups: found after, the last one", "ms", "5,000", milliseconds(times, 1))
	return nil
}

// talk begins a call each tick, gives each a packet of either party, and ends it when its time is over.
func talk(ctx context.Context, p *pipeline.Pipeline, calls int, ended chan<- hungUp) error {
	tick := time.NewTicker(vaultTick)
	defer tick.Stop()
	began, payload := time.Now(), make([]byte, 160)
	for i := range payload {
		payload[i] = byte(0x80 + i%64)
	}
	live := []*spoken{}
	for begun := 0; begun < calls || len(live) > 0; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		if begun < calls {
			c, err := beginTalk(p, begun)
			if err != nil {
				return err
			}
			live = append(live, c)
			begun++
		}
		now := int64(time.Since(began))
		for _, c := range live {
			for _, side := range []string{"caller", "called"} {
				c.recording.Tap().Tap(&media.Frame{From: c.number + side, Codec: media.PCMU, Payload: payload, Sequence: uint16(c.packets), Timestamp: uint32(160 * c.packets), SSRC: uint32(len(side)), Arrived: now})
			}
			c.packets++
		}
		if c := live[0]; c.packets >= int(vaultTalk/vaultTick) {
			at := time.Now()
			c.recording.Stop(at, "bye")
			ended <- hungUp{"h" + c.number, c.number, at}
			live = live[1:]
		}
	}
	return nil
}

func beginTalk(p *pipeline.Pipeline, n int) (*spoken, error) {
	number := fmt.Sprintf("0907777%04d", n)
	c := recorder.Case{ID: "h" + number, Domain: vaultDomain, Call: "call" + number, DID: numberOf(n % 50), Direction: "inbound", Policy: "always", Started: time.Now(),
		Parties: []recorder.Party{{Endpoint: number + "caller", Role: "caller", Number: number}, {Endpoint: number + "called", Role: "called", Number: "2001"}}}
	r, err := p.Start(c)
	return &spoken{recording: r, number: number}, err
}

// lookFor searches for each recording as soon as it may be there, by its caller's number and its state.
func lookFor(ctx context.Context, cat *catalogue.Catalogue, calls int, ended <-chan hungUp, stored <-chan string) (times []time.Duration, err error) {
	waiting := map[string]hungUp{}
	here := map[string]bool{}
	for len(times) < calls {
		select {
		case <-ctx.Done():
			return times, ctx.Err()
		case <-time.After(time.Minute):
			return times, fmt.Errorf("nothing was stored for a minute; %d of %d calls are there", len(times), calls)
		case e := <-ended:
			waiting[e.id] = e
		case id := <-stored:
			here[id] = true
		}
		for id := range here {
			e, ok := waiting[id]
			if !ok {
				continue // its end has not been told yet
			}
			rows, _, err := cat.Search(ctx, catalogue.Search{Domain: vaultDomain, Scope: recorder.Scope{All: true}, Party: e.number, State: recorder.Stored})
			if err != nil {
				return times, err
			}
			if len(rows) != 1 || rows[0].ID != id {
				return times, fmt.Errorf("%s is stored and is not found: %d rows", id, len(rows))
			}
			times = append(times, time.Since(e.at))
			delete(waiting, id)
			delete(here, id)
		}
	}
	return times, nil
}
