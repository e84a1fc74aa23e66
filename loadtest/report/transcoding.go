package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"naisen/loadtest/peer"
)

const transcodingMethod = "As in the section media, but the two sides of a call share no codec, so that each packet is decoded and encoded again. callgen says a second of speech-like sound " +
	"again and again and counts what comes back; loss is of packets, delay cannot be seen. Processor time is of the whole process, for each packet received and sent on. " +
	"rtpengine (Debian's, with ffmpeg's codecs) is told to transcode the same. Opus is libopus there and pure Go here; ours has the settings that BenchmarkEncode of media/codec/opus led to."

// crossing is a pair of codecs that nobody shares.
type crossing struct {
	caller, callee string
	target         string
}

// crossings, each between SRTP legs; rtpengine does them with RTP as well as with SRTP on the caller's side.
var crossings = []crossing{{"PCMU", "G722", "≤ 60 µs"}, {"PCMU", "OPUS", ""}, {"G722", "OPUS", ""}}

func measureTranscoding(ctx context.Context, l *lab) (*table, error) {
	t := &table{}
	calls := scale(l, 50, 5)
	for range l.runs {
		for _, x := range crossings {
			name := fmt.Sprintf("%s to %s, %d calls: ", x.caller, x.callee, calls)
			for _, k := range []mediaKind{{name: "RTP", protection: "rtp", transport: "udp"}, {name: "SRTP CM_80", protection: "cm", transport: "tls"}} {
				target := x.target
				if k.protection != "rtp" {
					target = ""
				}
				if err := l.translate(ctx, t, x, k, calls, k.name+", "+name, target); err != nil {
					return t, fmt.Errorf("%s%s: %w", name, k.name, err)
				}
			}
			if err := l.translateElsewhere(ctx, t, x, calls, "rtpengine RTP, "+name); err != nil {
				return t, fmt.Errorf("%srtpengine: %w", name, err)
			}
		}
	}
	for _, x := range crossings {
		name := fmt.Sprintf("%s to %s", x.caller, x.callee)
		cpu := func(who string) string {
			return fmt.Sprintf("%s, %s, %d calls: processor time of a packet", who, name, calls)
		}
		t.ratio(name+", ours / rtpengine's", "", cpu("RTP"), cpu("rtpengine RTP"))
	}
	return t, nil
}

// translate has a fresh switch carry calls between two codecs.
func (l *lab) translate(ctx context.Context, t *table, x crossing, k mediaKind, calls int, name, target string) error {
	s, err := l.start(ctx)
	if err != nil {
		return err
	}
	defer s.stop()
	args := append(s.callgenArgs(k, calls, scale(l, 10*time.Second, 4*time.Second)), "-caller-codec", x.caller, "-codec", x.callee)
	r, err := l.callgenRun(ctx, []string{"CALLER_PASSWORD=" + s.Passwords["2001"], "CALLEE_PASSWORD=" + s.Passwords["2002"]}, args...)
	if err != nil {
		return err
	}
	r.tell(t, name, target, "")
	return nil
}

// translateElsewhere has a fresh rtpengine do the same with RTP.
func (l *lab) translateElsewhere(ctx context.Context, t *table, x crossing, calls int, name string) error {
	e, err := peer.StartRTPEngine(ctx, l.dir, l.pin())
	if err != nil {
		return err
	}
	defer e.Stop()
	r, err := l.callgenRun(ctx, nil, "rtpengine", "-ng", e.Control, "-pid", fmt.Sprint(e.PID()), "-media", "rtp", "-calls", fmt.Sprint(calls),
		"-caller-codec", x.caller, "-codec", x.callee, "-time", scale(l, 10*time.Second, 4*time.Second).String(), "-cpu", l.generatorCPU(), "-json")
	if err != nil {
		return errors.Join(err, errors.New(e.Output()))
	}
	r.tell(t, name, "", "")
	return nil
}
