package apicmd

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
)

// meterPause is how often a meter moves, and how long something takes before there is one.
const meterPause = 300 * time.Millisecond

// meter shows on a terminal how far something has come. On anything else it shows nothing.
type meter struct {
	out  io.Writer // nil: nothing
	what string

	mu          sync.Mutex
	began, last time.Time
	shown       bool
}

func newMeter(out *os.File, what string) *meter {
	m := &meter{what: what, began: time.Now()}
	if info, err := out.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
		m.out = out
	}
	return m
}

// at shows that done of all are there; all is 0 where nobody knows how many there are.
func (m *meter) at(done, all int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	if m.out == nil || now.Sub(m.began) < meterPause || now.Sub(m.last) < meterPause {
		return
	}
	m.last, m.shown = now, true
	if all <= 0 {
		fmt.Fprintf(m.out, "\r%s: %d", m.what, done)
		return
	}
	const wide = 30
	full := wide * min(done, all) / all
	fmt.Fprintf(m.out, "\r%s [%s%s] %3d %%", m.what, strings.Repeat("#", full), strings.Repeat(".", wide-full), 100*min(done, all)/all)
}

// end clears the line.
func (m *meter) end() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.shown {
		fmt.Fprint(m.out, "\r\x1b[K")
	}
}

// reader shows how much of all was read, and that it is being worked on once all was.
func (m *meter) reader(r io.Reader, all int) io.Reader { return &metered{r, m, 0, all} }

type metered struct {
	in        io.Reader
	m         *meter
	done, all int
}

func (r *metered) Read(p []byte) (int, error) {
	n, err := r.in.Read(p)
	r.done += n
	r.m.at(r.done, r.all)
	return n, err
}
