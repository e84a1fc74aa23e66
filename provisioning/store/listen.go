package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

const listenAgain = time.Second // how long after a failure the next connection is tried

// listener wakes the feeds when another node has written. It has a connection of its own.
type listener struct {
	stop context.CancelFunc
	done chan struct{}
}

func startListener(ctx context.Context, s *Store, c *pgx.ConnConfig) *listener {
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	l := &listener{stop, make(chan struct{})}
	go l.run(ctx, s, c)
	return l
}

func (l *listener) run(ctx context.Context, s *Store, c *pgx.ConnConfig) {
	defer close(l.done)
	failed := false
	for ctx.Err() == nil {
		heard, err := listen(ctx, s, c)
		if ctx.Err() != nil {
			return
		}
		if failed = failed && !heard; !failed { // the feeds look by themselves too, each Poll
			s.cfg.Log.Error("store: other nodes' changes are not heard of at once", "err", err)
		}
		failed = true
		again := time.NewTimer(listenAgain)
		select {
		case <-again.C:
		case <-ctx.Done():
			again.Stop()
		}
	}
}

// listen wakes the feeds at each notice until the connection breaks. heard: it was there.
func listen(ctx context.Context, s *Store, c *pgx.ConnConfig) (heard bool, err error) {
	mine := c.Copy()
	if err := s.cfg.Postgres.authenticate(mine); err != nil {
		return false, err
	}
	conn, err := pgx.ConnectConfig(ctx, mine)
	if err != nil {
		return false, err
	}
	defer func() {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = conn.Close(end)
	}()
	if _, err := conn.Exec(ctx, "LISTEN "+pgChannel+"; LISTEN "+pgMoved); err != nil {
		return false, err
	}
	s.notify() // what came before this connection
	if s.cfg.Moved != nil {
		s.cfg.Moved(nil)
	}
	for {
		n, err := conn.WaitForNotification(ctx)
		switch {
		case err != nil:
			return true, err
		case n.Channel == pgMoved:
			s.moved(n.Payload)
		default:
			s.notify()
		}
	}
}

func (l *listener) close() {
	l.stop()
	<-l.done
}
