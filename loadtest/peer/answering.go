package peer

import (
	_ "embed" // the telephone's source
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

//go:embed testdata/answering.c
var answeringSource []byte

// Answering is a telephone on liblinphone that answers by itself the calls that ask for it, and lets others ring. Of Debian's phones no program does:
// baresip has it since its version 1.1, linphonec does not ask its library. So this one is a page of C around that library, made when it is started.
type Answering struct {
	*Process
	dir string
}

// StartAnswering starts the telephone in dir, which must be empty; it registers over UDP. Of p it takes User, Domain, Password, Proxy and Hz.
func StartAnswering(dir string, p Phone) (*Answering, error) {
	rc, err := p.linphone(dir)
	if err != nil {
		return nil, err
	}
	source, program := filepath.Join(dir, "answering.c"), filepath.Join(dir, "answering")
	if err := os.WriteFile(source, answeringSource, 0o600); err != nil {
		return nil, err
	}
	if out, err := exec.Command("gcc", "-O1", "-Wall", "-o", program, source, "-l:liblinphone.so.10").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("peer: %w\n%s", err, out)
	}
	a := &Answering{dir: dir}
	if a.Process, err = Start(dir, "env", "HOME="+dir, program, rc, filepath.Join(dir, "tone.wav"), filepath.Join(dir, "ear-")); err != nil {
		return nil, err
	}
	return a, a.Saw("answering is ready", 15*time.Second)
}

// Saw waits until it printed text.
func (a *Answering) Saw(text string, d time.Duration) error {
	return Until(d, func() bool { return strings.Contains(a.Output(), text) })
}

// Heard is what it heard in its n-th call, the first is 1, once that has ended.
func (a *Answering) Heard(n int) ([]int16, error) {
	raw, err := os.ReadFile(filepath.Join(a.dir, fmt.Sprintf("ear-%d.wav", n)))
	return samples(raw), err
}
