package main

import (
	"context"
	"errors"
	"io"
	"os"
	"runtime/debug"
	"syscall"

	"naisen/recorder/pipeline"
)

// renderCmd is what the switch starts for journals that are to be rendered. It is told on its standard input, and is of no use to people.
type renderCmd struct{}

// renderProgram is this program, also where its file was replaced meanwhile.
const renderProgram = "/proc/self/exe"

// Bounds of its memory, in bytes. A render needs some 30 MiB, however long the recording is.
const (
	renderSoft = 256 << 20 // above it the collector works harder
	renderHard = 1 << 30   // above it the process ends
)

// Run implements `pbx render`. Signals are the switch's to answer: it ends this process when it ends itself.
func (renderCmd) Run(ctx context.Context, out io.Writer) error {
	debug.SetMemoryLimit(renderSoft)
	if err := errors.Join(noCore(), syscall.Setrlimit(syscall.RLIMIT_DATA, &syscall.Rlimit{Cur: renderHard, Max: renderHard})); err != nil {
		return err
	}
	return pipeline.Serve(context.WithoutCancel(ctx), os.Stdin, out)
}

// noCore: a core file of this process would be audio and passwords on the disk.
func noCore() error { return syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{}) }

// renderer is what renders: processes of their own, or this one.
func (c Config) renderer() pipeline.Renderer {
	if c.renderWith == "" {
		return nil
	}
	return pipeline.Child{Program: c.renderWith, Args: []string{"render"}}
}
