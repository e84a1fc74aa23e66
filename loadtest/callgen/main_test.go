package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/netip"
	"strings"
	"testing"
	"time"

	"naisen/loadtest/callgen/traffic"
)

func TestUsage(t *testing.T) {
	for _, args := range [][]string{
		{}, {"dance"}, {"relay", "-calls", "0"}, {"relay", "-time", "2h"}, {"sip", "-rate", "0"}, {"sip", "-settle", "2m"}, {"sip", "-switch", "nowhere"},
	} {
		if err := run(context.Background(), args); err == nil {
			t.Errorf("%v: no error", args)
		}
	}
}

// TestServeRelay speaks to the child's loop as the parent does, without a process.
func TestServeRelay(t *testing.T) {
	toChild, orders := io.Pipe()
	replies, fromChild := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- serveRelay(-1, toChild, fromChild) }()
	r := &relayProcess{in: orders, enc: json.NewEncoder(orders), dec: json.NewDecoder(replies)}
	g, err := traffic.NewGenerator(time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	local := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	var legs [2]*traffic.Leg
	for i := range legs {
		if legs[i], err = traffic.NewLeg(local, traffic.GCM); err != nil {
			t.Fatal(err)
		}
		defer legs[i].Close()
	}
	if err := r.call(legs[0], legs[1], true); err != nil {
		t.Fatal(err)
	}
	for _, l := range legs {
		if err := g.Add(l); err != nil {
			t.Fatal(err)
		}
	}
	if err := g.Run(context.Background(), 200*time.Millisecond, true); err != nil {
		t.Fatal(err)
	}
	if c := g.Counts(); c.Received == 0 || c.Lost != 0 {
		t.Errorf("%+v", c)
	}
	if err := r.enc.Encode(order{A: []byte("nonsense")}); err != nil {
		t.Fatal(err)
	}
	var refused reply
	if err := r.dec.Decode(&refused); err != nil || refused.Err == "" {
		t.Errorf("%+v %v", refused, err)
	}
	_ = orders.Close()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	report := Report{Mode: "test", Protection: "gcm", Calls: 1}
	report.fill(g, 200*time.Millisecond, cost{}, cost{}, cost{user: 20 * time.Millisecond, rss: 1 << 20})
	var out bytes.Buffer
	if err := report.print(&out, false); err != nil || !strings.Contains(out.String(), "lost 0") || report.ServerCPU == 0 || report.RSSPerCallKB != 1024 {
		t.Errorf("%v\n%s", err, out.String())
	}
	out.Reset()
	if err := report.print(&out, true); err != nil || !json.Valid(out.Bytes()) {
		t.Errorf("%v\n%s", err, out.String())
	}
}
