package pipeline

import (
	"bytes"
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
	maxJob        = 64 << 10 // bytes of what it is told
	maxReply      = 4 << 20  // and of what it says
	maxWhy        = 1000     // of an error's text
)

// Child renders each journal in a process of its own, which ends with the journal: so that what was decrypted and decoded leaves nothing in the memory of
// this one. There are as many at once as the pipeline renders at once. Each is told its job by a pipe, has no environment, no file of this process and
// no private key but that of its journal, has a bounded time, and dies with this process.
type Child struct {
	Program string // and what it is called with: it calls Serve
	Args    []string
}

// reply is what the process says.
type reply struct {
	Manifest  recorder.Manifest `json:"manifest"`
	Integrity bool              `json:"integrity,omitempty"` // the journal can never be rendered
	Why       string            `json:"why,omitempty"`       // not empty: it failed
}

// Render implements Renderer.
func (c Child) Render(ctx context.Context, j Job) (recorder.Manifest, error) {
	info, err := os.Stat(capture.Path(filepath.Join(j.Dir, journals), j.ID))
	if err != nil {
		return recorder.Manifest{}, err
	}
	told, err := json.Marshal(j)
	if err != nil {
		return recorder.Manifest{}, fmt.Errorf("pipeline: render: %w", err)
	}
	defer clear(told)
	ctx, cancel := context.WithTimeout(ctx, childPatience+time.Duration(info.Size()/childSlowest)*time.Second)
	defer cancel()
	said := &bounded{most: maxReply}
	cmd := exec.CommandContext(ctx, c.Program, c.Args...)
	cmd.Env = []string{"GOMAXPROCS=1"}
	cmd.Stdin, cmd.Stdout = bytes.NewReader(told), said // what it could write elsewhere nobody reads
	cmd.SysProcAttr = diesWithUs()
	cmd.WaitDelay = time.Second
	runtime.LockOSThread() // it dies with the thread that began it
	defer runtime.UnlockOSThread()
	if err := cmd.Run(); err != nil {
		return recorder.Manifest{}, errors.Join(fmt.Errorf("pipeline: the process that renders: %w", err), ctx.Err())
	}
	var r reply
	if err := json.Unmarshal(said.b.Bytes(), &r); err != nil {
		return r.Manifest, fmt.Errorf("pipeline: the process that renders said nothing: %w", err)
	}
	switch {
	case r.Integrity:
		return r.Manifest, fmt.Errorf("%w: %s", recorder.ErrIntegrity, r.Why)
	case r.Why != "":
		return r.Manifest, errors.New(r.Why)
	}
	return r.Manifest, nil
}

// Serve is the other side of a Child: it reads one job, does it, and says how it ended.
func Serve(ctx context.Context, in io.Reader, out io.Writer) error {
	told, err := io.ReadAll(io.LimitReader(in, maxJob+1))
	if err != nil {
		return fmt.Errorf("pipeline: render: %w", err)
	}
	var j Job
	if len(told) > maxJob || json.Unmarshal(told, &j) != nil { // its text has the key
		return errors.New("pipeline: render: no job")
	}
	var r reply
	if r.Manifest, err = Render(ctx, j); err != nil {
		r = reply{Integrity: errors.Is(err, recorder.ErrIntegrity), Why: err.Error()[:min(len(err.Error()), maxWhy)]}
	}
	return json.NewEncoder(out).Encode(r)
}

// bounded takes so many bytes.
type bounded struct {
	b    bytes.Buffer
	most int
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.b.Len()+len(p) > b.most {
		return 0, errors.New("pipeline: it says too much")
	}
	return b.b.Write(p)
}
