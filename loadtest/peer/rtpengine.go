package peer

import (
	"context"
	"fmt"
	"net"
	"os"
	"slices"
	"time"

	"naisen/loadtest/callgen/ng"
)

// RTPEngine is Debian's rtpengine in user space, without its kernel module: one worker that takes packets in on one socket and sends them out on
// another, as our packet path does.
type RTPEngine struct {
	*Process
	Control string // its ng port, UDP
}

// StartRTPEngine runs it with one worker on free ports of 127.0.0.1 and waits until it answers. prefix is put before the command.
func StartRTPEngine(ctx context.Context, dir string, prefix []string) (*RTPEngine, error) {
	port, err := FreePort("127.0.0.1")
	if err != nil {
		return nil, err
	}
	if dir, err = os.MkdirTemp(dir, "rtpengine"); err != nil {
		return nil, err
	}
	r := &RTPEngine{Control: net.JoinHostPort("127.0.0.1", fmt.Sprint(port))}
	command := append(slices.Clone(prefix), "rtpengine", "--foreground", "--log-stderr", "--log-level=3", "--config-file=none", "--table=-1",
		"--interface=127.0.0.1", "--listen-ng="+r.Control, "--port-min=40000", "--port-max=59999", "--num-threads=1", "--pidfile="+dir+"/pid")
	if r.Process, err = Start(dir, command[0], command[1:]...); err != nil {
		return nil, err
	}
	c, err := ng.Dial(r.Control)
	if err == nil {
		err = Until(10*time.Second, func() bool { return c.Ping() == nil || ctx.Err() != nil })
		_ = c.Close()
	}
	if err != nil {
		r.Stop()
		return nil, fmt.Errorf("%w: rtpengine does not answer\n%s", err, r.Output())
	}
	return r, ctx.Err()
}
