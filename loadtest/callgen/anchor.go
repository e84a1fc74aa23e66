package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"naisen/loadtest/callgen/ng"
	"naisen/loadtest/callgen/traffic"
	"naisen/media"
)

// The same load on an rtpengine that runs already, driven by its ng protocol: what the peer of our packet path costs on the same work.

func runRTPEngine(ctx context.Context, args []string) (err error) {
	f := flag.NewFlagSet("rtpengine", flag.ContinueOnError)
	var l load
	l.flags(f)
	control := f.String("ng", "127.0.0.1:2223", "its control port")
	pid := f.Int("pid", 0, "its process, for CPU and memory")
	callee := f.String("callee-media", "", "the callee's media if it differs from -media")
	if err := f.Parse(args); err != nil {
		return err
	}
	if *callee == "" {
		*callee = l.protection
	}
	if err := l.check(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, l.bound())
	defer cancel()
	c, err := ng.Dial(*control)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	var legs []*traffic.Leg
	defer func() {
		for _, leg := range legs {
			leg.Close()
		}
	}()
	g, err := traffic.NewGenerator(time.Now)
	if err != nil {
		return err
	}
	defer g.Close()
	idle, err := costOf(*pid)
	if err != nil {
		return err
	}
	for i := range l.calls {
		if err := l.anchor(c, g, fmt.Sprintf("load-%d-%d", os.Getpid(), i), *callee, &legs); err != nil {
			return err
		}
	}
	r := Report{Mode: "rtpengine"}
	if err := l.measure(ctx, g, *pid, idle, &r); err != nil {
		return err
	}
	if *callee != l.protection {
		r.Protection += " to " + *callee
	}
	return r.print(os.Stdout, l.asJSON)
}

// anchor sets up one call: the offer passes through rtpengine to the callee, and the answer back.
func (l *load) anchor(c *ng.Client, g *traffic.Generator, id, callee string, legs *[]*traffic.Leg) error {
	a, b, err := l.pairOf(l.protection, callee, legs)
	if err != nil {
		return err
	}
	offer, err := a.Offer()
	if err != nil {
		return err
	}
	there, err := c.Offer(id, string(offer), profileOf(callee), l.transcode()...)
	if err != nil {
		return err
	}
	answer, err := b.Answer(media.SDP(there))
	if err != nil {
		return fmt.Errorf("callgen: rtpengine's offer: %w", err)
	}
	back, err := c.Answer(id, string(answer), profileOf(l.protection))
	if err != nil {
		return err
	}
	if err := a.Accept(media.SDP(back)); err != nil {
		return fmt.Errorf("callgen: rtpengine's answer: %w", err)
	}
	return errors.Join(g.Add(a), g.Add(b))
}

// transcode is the codec that the callee has and the caller has not.
func (l *load) transcode() []string {
	if l.codec == l.callerHas {
		return nil
	}
	name := l.codec
	if name == string(media.Opus) {
		name = "opus"
	}
	return []string{name}
}

// profileOf is the SDP profile of a protection.
func profileOf(protection string) string {
	if protection == string(traffic.Plain) {
		return "RTP/AVP"
	}
	return "RTP/SAVP"
}
