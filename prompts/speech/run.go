package speech

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"naisen/prompts"
)

// Names in the child's own directory, and bounds on the child.
const (
	outputName = "out.wav"
	modelName  = "voice"
	maxOutput  = 16 << 20 // octets of one sentence
	maxSpeech  = 3 * time.Minute
)

// between is the pause between two sentences.
const between = 350 * time.Millisecond

// speak says one sentence after the other in a directory of their own, which is gone afterwards.
func (v voice) speak(ctx context.Context, parts []string) (wav []byte, err error) {
	dir, err := os.MkdirTemp("", "naisen-speech-") // 0700
	if err != nil {
		return nil, fmt.Errorf("speech: %w", err)
	}
	defer func() {
		if e := os.RemoveAll(dir); err == nil && e != nil {
			err = fmt.Errorf("speech: %w", e)
		}
	}()
	if v.model != nil {
		if err := os.WriteFile(filepath.Join(dir, modelName), v.model, 0o600); err != nil {
			return nil, fmt.Errorf("speech: %w", err)
		}
	}
	var all []int16
	for i, p := range parts {
		if i > 0 {
			all = append(all, make([]int16, samples(between))...)
		}
		if err := v.run(ctx, dir, p); err != nil {
			return nil, err
		}
		pcm, err := output(ctx, filepath.Join(dir, outputName))
		if err != nil {
			return nil, err
		}
		if all = append(all, trim(pcm)...); len(all) > samples(maxSpeech) {
			return nil, badText("it takes longer than %v to say", maxSpeech)
		}
	}
	return prompts.Encode(level(all)), nil
}

func samples(d time.Duration) int { return int(d * prompts.Rate / time.Second) }

// run lets the program say one sentence. The sentence goes in by stdin and stands in no argument, file, environment or log; what the program prints may
// repeat it, and goes nowhere.
func (v voice) run(ctx context.Context, dir, sentence string) error {
	if err := os.Remove(filepath.Join(dir, outputName)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("speech: %w", err)
	}
	cmd := exec.CommandContext(ctx, v.program, v.args...)
	cmd.Dir = dir
	cmd.Env = []string{"PATH=/usr/bin:/bin", "LANG=C.UTF-8", "HOME=" + dir, "TMPDIR=" + dir}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	in, err := cmd.StdinPipe()
	if err != nil {
		return fmt.Errorf("speech: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("%w: it does not start", ErrFailed)
	}
	if err := bound(cmd.Process.Pid); err != nil {
		_ = cmd.Cancel()
		_ = cmd.Wait()
		return fmt.Errorf("speech: %w", err)
	}
	// Only now, when it is bounded. It fits into a pipe; a program that does not read it has nothing to say, which shows below.
	_, _ = io.WriteString(in, sentence+"\n")
	_ = in.Close()
	var exit *exec.ExitError
	if err := cmd.Wait(); errors.As(err, &exit) {
		return fmt.Errorf("%w: %s", ErrFailed, exit.ProcessState)
	}
	return nil
}

// output reads what the program wrote, as any upload is read: nothing that the file says of itself is believed.
func output(ctx context.Context, file string) ([]int16, error) {
	f, err := os.OpenFile(file, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("%w: it wrote nothing", ErrFailed)
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil || !st.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: it wrote no file", ErrFailed)
	}
	pcm, err := prompts.Decode(ctx, io.LimitReader(f, maxOutput))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFailed, err)
	}
	return pcm, nil
}

// quiet is where speech begins and ends; edge stays around it.
const (
	quiet = 200
	edge  = 40 * time.Millisecond
	loud  = 16384 // -6 dBFS
)

// trim takes the silence from both ends.
func trim(pcm []int16) []int16 {
	heard := func(s int16) bool { return s > quiet || s < -quiet }
	from, to := 0, len(pcm)
	for from < to && !heard(pcm[from]) {
		from++
	}
	for to > from && !heard(pcm[to-1]) {
		to--
	}
	return pcm[max(0, from-samples(edge)):min(len(pcm), to+samples(edge))]
}

// level brings the loudest sample to -6 dBFS, as the built-in announcements are.
func level(pcm []int16) []int16 {
	peak := 1
	for _, s := range pcm {
		peak = max(peak, int(s), -int(s))
	}
	for i, s := range pcm {
		pcm[i] = int16(int(s) * loud / peak)
	}
	return pcm
}
