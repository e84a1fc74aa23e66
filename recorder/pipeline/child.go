package pipeline

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"naisen/recorder"
	"naisen/recorder/capture"
)

// Bounds of a process that renders.
const (
	// childPatience is for a short journal; childSlowest, in bytes a second, is what a long one adds. A core renders hundreds of times as fast as people talk.
	childPatience = 5 * time.Minute
	childSlowest  = 128 << 10
	maxJob        = 64 << 10        // bytes of what it is told
	maxReply      = 4 << 20         // and of what it says
	maxWhy        = 1000            // of an error's text
	childEnds     = 5 * time.Second // after its last job, or it is killed
)

// Child renders journals in processes of their own: so that what was decrypted and decoded leaves nothing in the memory of this one. There are as many at
// once as the pipeline renders at once. Each is told its jobs by a pipe, has no environment, no file of this process and no private keys but those of its
// journals, has a bounded time for each, and dies with this process. While journals wait, one process does up to maxTurn of them, one after the other,
// since starting it costs three times as much as a short journal; it ends with the last one that waits, and with one that fails.
type Child struct {
	Program string // and what it is called with: it calls Serve
	Args    []string
}

// turn is one process, as the worker has it that began it.
type turn struct {
	of   Child
	cmd  *exec.Cmd // nil: it does not run
	in   io.WriteCloser
	said *bufio.Reader
}

var _ Turner = Child{}

// reply is what the process says.
type reply struct {
	Manifest  recorder.Manifest `json:"manifest"`
	Integrity bool              `json:"integrity,omitempty"` // the journal can never be rendered
	Why       string            `json:"why,omitempty"`       // not empty: it failed
}

// Render implements Renderer.
func (c Child) Render(ctx context.Context, j Job) (recorder.Manifest, error) {
	t := c.Turn()
	defer t.Close()
	return t.Render(ctx, j)
}

// Turn implements Turner.
func (c Child) Turn() Turn { return &turn{of: c} }

// Render implements Renderer.
func (t *turn) Render(ctx context.Context, j Job) (recorder.Manifest, error) {
	info, err := os.Stat(capture.Path(filepath.Join(j.Dir, journals), j.ID))
	if err != nil {
		return recorder.Manifest{}, err
	}
	told, err := json.Marshal(j)
	if err != nil {
		return recorder.Manifest{}, fmt.Errorf("pipeline: render: %w", err)
	}
	told = append(told, '\n')
	defer clear(told)
	ctx, cancel := context.WithTimeout(ctx, childPatience+time.Duration(info.Size()/childSlowest)*time.Second)
	defer cancel()
	text, err := t.ask(ctx, told)
	if err != nil {
		return recorder.Manifest{}, errors.Join(fmt.Errorf("pipeline: the process that renders: %w", err), ctx.Err())
	}
	var r reply
	if err := json.Unmarshal(text, &r); err != nil {
		return r.Manifest, errors.Join(fmt.Errorf("pipeline: the process that renders said nothing that can be read: %w", err), t.end(true))
	}
	if r.Integrity || r.Why != "" { // whatever was in that journal has no other one after it
		_ = t.end(true)
	}
	switch {
	case r.Integrity:
		return r.Manifest, fmt.Errorf("%w: %s", recorder.ErrIntegrity, r.Why)
	case r.Why != "":
		return r.Manifest, errors.New(r.Why)
	}
	return r.Manifest, nil
}

// ask tells the process, which it starts for the first time, and waits for its answer. After an error it runs no more.
func (t *turn) ask(ctx context.Context, told []byte) ([]byte, error) {
	if t.cmd == nil {
		if err := t.start(); err != nil {
			return nil, err
		}
	}
	process := t.cmd.Process
	defer context.AfterFunc(ctx, func() { _ = process.Kill() })() // it may have ended
	_, wrote := t.in.Write(told)
	text, err := line(t.said, maxReply)
	if err == nil {
		return text, nil
	}
	if err == io.EOF {
		err = errors.New("it said nothing")
	}
	return nil, errors.Join(t.end(true), wrote, err)
}

func (t *turn) start() (err error) {
	cmd := exec.Command(t.of.Program, t.of.Args...) // its context is each job's
	cmd.Env = []string{"GOMAXPROCS=1"}
	cmd.SysProcAttr = diesWithUs()
	var said io.Reader
	if t.in, err = cmd.StdinPipe(); err != nil {
		return err
	}
	if said, err = cmd.StdoutPipe(); err != nil { // what it could write elsewhere nobody reads
		return err
	}
	runtime.LockOSThread() // it dies with the thread that began it
	if err := cmd.Start(); err != nil {
		runtime.UnlockOSThread()
		return err
	}
	t.cmd, t.said = cmd, bufio.NewReader(said)
	return nil
}

// Close implements Turn: it has nothing more to do, and ends.
func (t *turn) Close() {
	if t.cmd != nil {
		_ = t.end(false) // all that it was asked it has answered
	}
}

// end waits until the process is gone, at once or as soon as it sees that there is no more, and says how it ended.
func (t *turn) end(now bool) error {
	cmd := t.cmd
	t.cmd = nil
	_ = t.in.Close() // it may be gone
	late := time.AfterFunc(childEnds, func() { _ = cmd.Process.Kill() })
	defer late.Stop()
	if now {
		_ = cmd.Process.Kill()
	}
	err := cmd.Wait()
	runtime.UnlockOSThread()
	return err
}

// line reads one of at most so many bytes. io.EOF: there is none.
func line(r *bufio.Reader, most int) ([]byte, error) {
	var all []byte
	for {
		part, err := r.ReadSlice('\n')
		if len(all)+len(part) > most {
			clear(part)
			return nil, errors.New("it says too much")
		}
		all = append(all, part...)
		clear(part) // a job has a key
		switch {
		case err == nil, err == io.EOF && len(all) > 0:
			return all, nil
		case err != bufio.ErrBufferFull:
			return nil, err
		}
	}
}

// Serve is the other side of a Child: it reads jobs, does each, and says how it ended.
func Serve(ctx context.Context, in io.Reader, out io.Writer) error {
	jobs := bufio.NewReader(in)
	for n := 0; ; n++ {
		told, err := line(jobs, maxJob)
		if err == io.EOF && n > 0 {
			return nil
		}
		if err != nil {
			return fmt.Errorf("pipeline: render: %w", err)
		}
		var j Job
		err = json.Unmarshal(told, &j)
		clear(told)
		if err != nil { // its text has the key
			return errors.New("pipeline: render: no job")
		}
		var r reply
		r.Manifest, err = Render(ctx, j)
		clear(j.Key)
		if err != nil {
			r = reply{Integrity: errors.Is(err, recorder.ErrIntegrity), Why: err.Error()[:min(len(err.Error()), maxWhy)]}
		}
		if err := json.NewEncoder(out).Encode(r); err != nil {
			return fmt.Errorf("pipeline: render: %w", err)
		}
	}
}
