package s3

import (
	"net/http"
	"sync/atomic"
	"time"
)

// clockGrain is how exactly an answer tells the server's time: to the second, and a moment old.
const clockGrain = 2 * time.Second

// serverClock listens to what every answer says of the server's time, which is the one that its locks run by.
type serverClock struct {
	next   http.RoundTripper
	offset atomic.Int64 // of the server from this machine, in ns
}

// RoundTrip implements http.RoundTripper.
func (c *serverClock) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := c.next.RoundTrip(r)
	if err != nil {
		return resp, err
	}
	if at, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		c.offset.Store(int64(time.Until(at)))
	}
	return resp, nil
}

// now is the server's time as it was told last, a second early rather than late: nothing is free before its time.
func (s *Store) now() time.Time { return time.Now().Add(time.Duration(s.clock.offset.Load())) }
