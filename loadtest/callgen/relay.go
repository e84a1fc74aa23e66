package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"

	"golang.org/x/sys/unix"

	"naisen/loadtest/callgen/traffic"
	"naisen/media"
	"naisen/media/relay"
)

// The relay on its own, without signalling: a second process of this program holds an engine and answers offers that come by a pipe. It
// shows what the packet path costs; `callgen sip` shows what a whole switch costs.

// order asks the child for one call.
type order struct {
	A, B   media.SDP
	Tapped bool
}

// reply is its answer.
type reply struct {
	A, B media.SDP
	Err  string
}

// relayProcess is the child, seen from its parent.
type relayProcess struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	enc *json.Encoder
	dec *json.Decoder
}

// startRelay starts the child on the given processor. It is killed when ctx ends.
func startRelay(ctx context.Context, cpu int) (*relayProcess, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("callgen: %w", err)
	}
	c := exec.CommandContext(ctx, self, "relay-server", "-cpu", strconv.Itoa(cpu))
	c.Stderr = os.Stderr
	in, err := c.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("callgen: %w", err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("callgen: %w", err)
	}
	if err := c.Start(); err != nil {
		return nil, fmt.Errorf("callgen: start the relay: %w", err)
	}
	return &relayProcess{c, in, json.NewEncoder(in), json.NewDecoder(bufio.NewReader(out))}, nil
}

func (r *relayProcess) pid() int { return r.cmd.Process.Pid }

// call lets the child bridge two legs.
func (r *relayProcess) call(a, b *traffic.Leg, tapped bool) error {
	oa, err := a.Offer()
	if err != nil {
		return err
	}
	ob, err := b.Offer()
	if err != nil {
		return err
	}
	if err := r.enc.Encode(order{oa, ob, tapped}); err != nil {
		return fmt.Errorf("callgen: relay: %w", err)
	}
	var got reply
	if err := r.dec.Decode(&got); err != nil {
		return fmt.Errorf("callgen: relay: %w", err)
	}
	if got.Err != "" {
		return fmt.Errorf("callgen: relay: %s", got.Err)
	}
	if err := a.Accept(got.A); err != nil {
		return err
	}
	return b.Accept(got.B)
}

// stop ends the child: its input closes.
func (r *relayProcess) stop() error {
	_ = r.in.Close()
	return r.cmd.Wait()
}

// serveRelay is the child: it answers orders until its input ends.
func serveRelay(cpu int, in io.Reader, out io.Writer) error {
	if cpu >= 0 {
		if err := pin(cpu); err != nil {
			return err
		}
		runtime.GOMAXPROCS(1)
	}
	e, err := relay.New(relay.Config{Shards: 1})
	if err != nil {
		return err
	}
	defer e.Close()
	dec, enc := json.NewDecoder(bufio.NewReader(in)), json.NewEncoder(out)
	for {
		var o order
		if err := dec.Decode(&o); err != nil {
			if totals := e.Totals(); os.Getenv("CALLGEN_TOTALS") != "" {
				fmt.Fprintf(os.Stderr, "relay: %+v\n", totals)
			}
			return nil // the parent is done
		}
		r := bridgeOrder(e, o)
		debug.FreeOSMemory() // what setting up leaves behind is not what a call costs
		if err := enc.Encode(r); err != nil {
			return fmt.Errorf("callgen: relay: %w", err)
		}
	}
}

func bridgeOrder(e *relay.Engine, o order) (r reply) {
	b := e.Bridge()
	for i, offer := range []media.SDP{o.A, o.B} {
		ep, err := e.Endpoint(media.Profile{Local: netip.AddrFrom4([4]byte{127, 0, 0, 1}), SecureSIP: true}, func(media.Event) {})
		if err != nil {
			return reply{Err: err.Error()}
		}
		answer, err := ep.Answer(offer, media.Want{})
		if err == nil {
			err = b.Join(ep)
		}
		if err != nil {
			return reply{Err: err.Error()}
		}
		if i == 0 {
			r.A = answer
		} else {
			r.B = answer
		}
	}
	if o.Tapped {
		b.Attach(&copier{})
	}
	return r
}

// copier is a tap that does what a recorder's tap does at least: copy the payload away.
type copier struct{ last [2048]byte }

func (c *copier) Tap(f *media.Frame) { copy(c.last[:], f.Payload) }

// pin keeps the process on one processor.
func pin(cpu int) error {
	var set unix.CPUSet
	set.Set(cpu)
	tasks, err := os.ReadDir("/proc/self/task") // threads that exist already; later ones inherit
	if err != nil {
		return fmt.Errorf("callgen: pin: %w", err)
	}
	for _, t := range tasks {
		tid, err := strconv.Atoi(t.Name())
		if err != nil {
			continue
		}
		if err := unix.SchedSetaffinity(tid, &set); err != nil {
			return fmt.Errorf("callgen: pin to processor %d: %w", cpu, err)
		}
	}
	return nil
}
