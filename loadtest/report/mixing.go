package main

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"naisen/media"
	"naisen/media/codec"
	"naisen/media/mix"
)

const mixingMethod = "The mixer alone, in this process: every member speaks all the time, and each tick of 20 ms takes a packet of each, mixes, and makes a packet for each. " +
	"Processor time is of the thread; sockets and SRTP are in the section media. 20,000 µs a tick would be a whole core."

// roomful is a kind of conference.
type roomful struct {
	name   string
	codecs []media.Codec // in turn
}

func measureMixing(ctx context.Context, l *lab) (*table, error) {
	t := &table{}
	for _, kind := range []roomful{
		{"G.711", []media.Codec{media.PCMU, media.PCMA}},
		{"G.711 and G.722, half and half", []media.Codec{media.PCMU, media.G722}},
		{"Opus", []media.Codec{media.Opus}},
	} {
		for _, members := range []int{3, 10, 50} {
			for range l.runs {
				if ctx.Err() != nil {
					return t, ctx.Err()
				}
				spent, err := mixOnce(kind, members, scale(l, 250, 25))
				if err != nil {
					return t, err
				}
				micros := float64(spent) / float64(time.Microsecond)
				t.add(fmt.Sprintf("%s, %d members: processor time of a tick", kind.name, members), "µs", "", micros).note =
					fmt.Sprintf("%.1f µs a member; %.1f %% of a core", micros/float64(members), micros/200)
			}
		}
	}
	return t, nil
}

// mixOnce gives the processor time of one tick.
func mixOnce(kind roomful, members, ticks int) (time.Duration, error) {
	m := mix.New(0)
	room := make([]*mix.Member, members)
	voice := make([][][]byte, members) // a second of packets each, said again and again
	for i := range room {
		c := kind.codecs[i%len(kind.codecs)]
		enc, err := codec.NewEncoder(c)
		if err != nil {
			return 0, err
		}
		pcm := make([]int16, enc.Rate()/mix.TicksPerSecond)
		for n := range mix.TicksPerSecond {
			for j := range pcm {
				at := float64(n*len(pcm)+j) / float64(enc.Rate())
				pcm[j] = int16(6000 * math.Sin(2*math.Pi*float64(200+10*i)*at) * (0.6 + 0.4*math.Sin(2*math.Pi*3*at)))
			}
			voice[i] = append(voice[i], enc.Encode(nil, pcm))
		}
		if room[i], err = m.Add(); err != nil {
			return 0, err
		}
	}
	tick := func(n int) {
		for i, mb := range room {
			mb.Push(kind.codecs[i%len(kind.codecs)], 1, uint16(n), voice[i][n%mix.TicksPerSecond])
		}
		m.Tick()
		for i, mb := range room {
			mb.Out(kind.codecs[i%len(kind.codecs)])
		}
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	const warm, enough = 10, 200 * time.Millisecond // the kernel counts in steps of some milliseconds
	for n := range warm {
		tick(n)
	}
	began, err := threadTime()
	if err != nil {
		return 0, err
	}
	for n := 0; ; n++ {
		tick(warm + n)
		if n%ticks != ticks-1 {
			continue
		}
		ended, err := threadTime()
		if spent := ended - began; err != nil || spent > enough || n >= 100*ticks {
			return spent / time.Duration(n+1), err
		}
	}
}

// threadTime is the processor time of this thread.
func threadTime() (time.Duration, error) {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_THREAD, &u); err != nil {
		return 0, err
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), nil
}
