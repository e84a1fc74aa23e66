package playback

import (
	"io"
	"sync"
	"time"

	"naisen/recorder/catalogue"
	"naisen/recorder/watermark"
)

// Marker gives each listening a copy that names it. watermark.Key is one.
type Marker interface {
	ID(watermark.Listening) watermark.ID
	Copy(plain io.ReaderAt, size int64, id watermark.ID) (io.ReaderAt, error)
}

const (
	// pause is how long somebody may ask for nothing and still be hearing the same: a player asks for a range when it needs one.
	pause         = 30 * time.Minute
	maxListenings = 4096 // remembered; who is forgotten begins another one
)

// listenings remembers since when who is hearing what, so that all requests of one listening get the same copy.
type listenings struct {
	mu    sync.Mutex
	known map[heard]*span
}

type heard struct{ listener, domain, recording string }

type span struct{ began, last time.Time }

// of is the listening to which a request belongs: one that goes on, or one that begins with it.
func (l *listenings) of(listener string, row catalogue.Row, now time.Time) watermark.Listening {
	key := heard{listener, row.Domain, row.ID}
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.known[key]
	if s == nil || now.Sub(s.last) > pause || now.Before(s.began) {
		l.room(now)
		s = &span{began: now.UTC().Truncate(time.Second)}
		l.known[key] = s
	}
	s.last = now
	return watermark.Listening{Listener: listener, Domain: row.Domain, Recording: row.ID, Began: s.began}
}

// room forgets what is over where there is no room for one more, and if that is not enough the one that was quiet for longest.
func (l *listenings) room(now time.Time) {
	if len(l.known) < maxListenings {
		return
	}
	var oldest heard
	var last time.Time
	for key, s := range l.known {
		if now.Sub(s.last) > pause {
			delete(l.known, key)
		} else if last.IsZero() || s.last.Before(last) {
			oldest, last = key, s.last
		}
	}
	if len(l.known) >= maxListenings {
		delete(l.known, oldest)
	}
}
