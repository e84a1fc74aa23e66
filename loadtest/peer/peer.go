// Package peer starts what stands on the other side of the network in tests and measurements: the switch as a process of its own, real
// phones (baresip), sipp. It knows the switch only by its command line, its configuration file, what it prints and its HTTP API, and it
// ends only processes that it started.
package peer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// ErrTimeout: what was waited for did not come.
var ErrTimeout = errors.New("peer: waited in vain")

// Process is a program that we started and will end.
type Process struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	out   *Output
	done  chan struct{}
	err   error // valid once done is closed
}

// Output collects what a process prints, up to a bound: the newest stays.
type Output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

const outputBound = 8 << 20

// Write implements io.Writer.
func (o *Output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.buf.Len()+len(p) > outputBound {
		o.buf.Next(o.buf.Len() / 2)
	}
	return o.buf.Write(p)
}

// String is everything so far.
func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// Start runs a program in dir. Its standard input is open, and empty until Say.
func Start(dir, name string, args ...string) (*Process, error) {
	p := &Process{cmd: exec.Command(name, args...), out: &Output{}, done: make(chan struct{})}
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = dir, p.out, p.out
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // a test that is killed leaves nothing behind
	stdin, err := p.cmd.StdinPipe()                                      // kept open: baresip ends when it is closed
	if err != nil {
		return nil, err
	}
	p.stdin = stdin
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("peer: start %s: %w", name, err)
	}
	go func() {
		defer close(p.done)
		p.err = p.cmd.Wait()
		_ = stdin.Close()
	}()
	return p, nil
}

// PID of the process.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Output is what it printed so far.
func (p *Process) Output() string { return p.out.String() }

// Say types a line.
func (p *Process) Say(line string) error {
	_, err := io.WriteString(p.stdin, line+"\n")
	return err
}

// Signal sends a signal.
func (p *Process) Signal(s os.Signal) error { return p.cmd.Process.Signal(s) }

// Wait waits for the end of the process and returns how it ended.
func (p *Process) Wait(ctx context.Context) error {
	select {
	case <-p.done:
		return p.err
	case <-ctx.Done():
		return fmt.Errorf("%w: end of %s", ErrTimeout, p.cmd.Path)
	}
}

// Stop asks the process to end, then ends it.
func (p *Process) Stop() {
	_ = p.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(5 * time.Second):
		p.Kill()
	}
}

// Kill ends the process at once, as a power cut would.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// Until polls f until it says true, at most for d.
func Until(d time.Duration, f func() bool) error {
	deadline := time.NewTimer(d)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !f() {
		select {
		case <-tick.C:
		case <-deadline.C:
			return ErrTimeout
		}
	}
	return nil
}

// Root is the checkout that the caller's working directory is in.
func Root() (string, error) {
	dir, err := os.Getwd()
	for err == nil {
		if _, statErr := os.Stat(filepath.Join(dir, "go.mod")); statErr == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", os.ErrNotExist
		}
		dir = parent
	}
	return "", err
}
