package bulk

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"naisen/sip/stack"
)

// Dial calls whatever answers, holds and hangs up. It gives the post-dial delay: from the first INVITE, the challenge included, until the caller
// knows that it rings, or hears somebody; and the time to the 200.
func (l *Line) Dial(ctx context.Context, a Account, to string, media netip.AddrPort, hold time.Duration) (delay, total time.Duration, err error) {
	id, in, end := l.talk()
	defer end()
	var rang time.Time
	d := dialog{line: l, account: a, id: id, in: in, from: l.aor(a.User).WithTag(stack.NewTag()), to: l.aor(to), uri: l.aor(to).URI}
	heard := make(chan message, cap(in))
	watch, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() { // notes the first ringing on its way
		defer close(ended)
		for {
			select {
			case m := <-in:
				if r := m.Response; r != nil && r.Status > 100 && r.Status < 300 && rang.IsZero() {
					rang = m.at
				}
				select {
				case heard <- m:
				case <-watch.Done():
					return
				}
			case <-watch.Done():
				return
			}
		}
	}()
	d.in = heard
	first, _, ok, err := d.invite(ctx, describe(media))
	if err == nil {
		err = d.hold(ctx, hold)
		if byeErr := d.bye(ctx); err == nil {
			err = byeErr
		}
	}
	stop()
	<-ended
	if err != nil {
		return 0, 0, fmt.Errorf("%s: %w", to, err)
	}
	return rang.Sub(first), ok.at.Sub(first), nil
}
