// Command callgen holds calls against a switch from outside: real sockets, RTP or SRTP, 50 packets a second on each leg, and reports what
// came back (loss, delay, jitter) and what it cost the server (processor time for each relayed packet, memory for each call; from
// /proc, so that callgen's own cost does not count). It stops by itself.
//
//	go run ./loadtest/callgen relay -calls 250 -media cm -time 20s     # the packet path alone, in a second process
//	go run ./loadtest/callgen rtpengine -ng 127.0.0.1:2223 -pid PID   # the same load on Debian's rtpengine
//	go run ./loadtest/callgen sip -switch 127.0.0.1:5060 -caller 2001 -caller-password ... -callee 2002 -callee-password ... -pid PID
//
// It never looks into the switch: it imports only sip and media packages, and reads /proc.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"time"

	"golang.org/x/sys/unix"

	"naisen/loadtest/callgen/traffic"
	"naisen/media"
)

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt)
	defer cancel()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

var errUsage = errors.New("callgen: relay, rtpengine or sip, then flags; -h tells them")

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errUsage
	}
	switch args[0] {
	case "relay":
		return runRelay(ctx, args[1:])
	case "rtpengine":
		return runRTPEngine(ctx, args[1:])
	case "sip":
		return runSIP(ctx, args[1:])
	case "relay-server":
		f := flag.NewFlagSet("relay-server", flag.ContinueOnError)
		cpu := f.Int("cpu", -1, "processor")
		if err := f.Parse(args[1:]); err != nil {
			return err
		}
		return serveRelay(*cpu, os.Stdin, os.Stdout)
	}
	return errUsage
}

// load is what all modes have in common.
type load struct {
	calls      int
	length     time.Duration
	warm       time.Duration
	protection string
	asJSON     bool
	cpu        int // the generator's own processor; -1: any
	codec      string
	callerHas  string // codec
	voices     map[string]*traffic.Voice
}

func (l *load) flags(f *flag.FlagSet) {
	f.IntVar(&l.calls, "calls", 20, "calls held at once")
	f.DurationVar(&l.length, "time", 10*time.Second, "how long is measured")
	f.DurationVar(&l.warm, "warm", 2*time.Second, "how long packets flow before it is measured")
	f.StringVar(&l.protection, "media", "cm", "rtp, cm (AES_CM_128_HMAC_SHA1_80) or gcm (AEAD_AES_128_GCM)")
	f.BoolVar(&l.asJSON, "json", false, "print JSON")
	f.StringVar(&l.codec, "codec", "", "PCMU, PCMA, G722 or OPUS as a voice, for transcoding; empty: numbered packets in PCMU")
	f.StringVar(&l.callerHas, "caller-codec", "", "the caller's codec if it differs from -codec")
	f.IntVar(&l.cpu, "cpu", -1, "pin the generator to this processor, on which it spins while it measures")
}

// bound is how long a run may take in all, apart from what a mode adds.
func (l *load) bound() time.Duration { return l.length + l.warm + time.Minute }

func (l *load) check() error {
	if l.calls < 1 || l.calls > 5000 || l.length < time.Second || l.length > time.Hour || l.warm < 0 || l.warm > time.Minute {
		return errors.New("callgen: calls 1 to 5000, time 1s to 1h, warm 0 to 1m")
	}
	if err := l.rehearse(); err != nil {
		return err
	}
	if l.cpu >= 0 {
		if err := pin(l.cpu); err != nil {
			return err
		}
	}
	// Whatever happens, the kernel ends this process and its child: a generator that spins would spoil everybody's measurement.
	most := uint64(2*l.bound()/time.Second) * uint64(runtime.NumCPU())
	if err := unix.Setrlimit(unix.RLIMIT_CPU, &unix.Rlimit{Cur: most, Max: most}); err != nil {
		return fmt.Errorf("callgen: limit: %w", err)
	}
	debug.SetGCPercent(400) // the generator shall not stop for its own garbage
	return nil
}

// measure lets the legs talk and fills the report.
func (l *load) measure(ctx context.Context, g *traffic.Generator, pid int, idle cost, r *Report) error {
	if l.cpu >= 0 && !realtime() {
		g.Spin()
	}
	if l.warm > 0 {
		if err := g.Run(ctx, l.warm, false); err != nil {
			return err
		}
		g.Reset()
	}
	before, err := costOf(pid)
	if err != nil {
		return err
	}
	if err := g.Run(ctx, l.length, true); err != nil {
		return err
	}
	after, err := costOf(pid)
	if err != nil {
		return err
	}
	r.Protection, r.Calls = l.protection, l.calls
	r.fill(g, l.length, idle, before, after)
	return nil
}

// realtime says that the kernel lets this program run before all others, and stops whoever then never sleeps for 50 ms of each second.
func realtime() bool {
	policy, _, errno := unix.RawSyscall(unix.SYS_SCHED_GETSCHEDULER, 0, 0, 0)
	return errno == 0 && (policy == unix.SCHED_FIFO || policy == unix.SCHED_RR)
}

// speak gives a leg its voice, if the run is of voices. Call it before any call is placed for the first time, later it only reads.
func (l *load) speak(leg *traffic.Leg, codec string) {
	if v := l.voices[codec]; v != nil {
		leg.Speak(v)
	}
}

// rehearse makes the voices.
func (l *load) rehearse() error {
	if l.callerHas == "" {
		l.callerHas = l.codec
	}
	l.voices = map[string]*traffic.Voice{}
	for _, c := range []string{l.codec, l.callerHas} {
		if c == "" || l.voices[c] != nil {
			continue
		}
		v, err := traffic.NewVoice(media.Codec(c))
		if err != nil {
			return err
		}
		l.voices[c] = v
	}
	return nil
}

// pairOf opens the two legs of a call; the caller closes all that is in legs.
func (l *load) pairOf(caller, callee string, legs *[]*traffic.Leg) (a, b *traffic.Leg, err error) {
	local := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	if a, err = traffic.NewLeg(local, traffic.Protection(caller)); err != nil {
		return nil, nil, err
	}
	*legs = append(*legs, a)
	if b, err = traffic.NewLeg(local, traffic.Protection(callee)); err != nil {
		return nil, nil, err
	}
	*legs = append(*legs, b)
	l.speak(a, l.callerHas)
	l.speak(b, l.codec)
	return a, b, nil
}

func runRelay(ctx context.Context, args []string) (err error) {
	f := flag.NewFlagSet("relay", flag.ContinueOnError)
	var l load
	l.flags(f)
	server := f.Int("server-cpu", -1, "pin the relay to this processor, with one Go processor")
	tapped := f.Bool("tap", false, "attach a tap that copies every payload")
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
	child, err := startRelay(ctx, *server)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, child.stop()) }()
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
	idle, err := costOf(child.pid())
	if err != nil {
		return err
	}
	for range l.calls {
		a, b, err := l.pairOf(l.protection, *callee, &legs)
		if err == nil {
			err = child.call(a, b, *tapped)
		}
		if err == nil {
			err = errors.Join(g.Add(a), g.Add(b))
		}
		if err != nil {
			return err
		}
	}
	r := Report{Mode: "relay alone"}
	if *tapped {
		r.Mode += ", tapped"
	}
	if err := l.measure(ctx, g, child.pid(), idle, &r); err != nil {
		return err
	}
	return r.print(os.Stdout, l.asJSON)
}
