package route

import (
	"time"

	"naisen/provisioning"
)

// At is a directory as it counts at a moment: an exception from the notice that is over is none.
func At(dir Directory, now time.Time) Directory { return dated{dir, now} }

type dated struct {
	Directory
	now time.Time
}

func (d dated) Policy(domain, name string) (provisioning.RecordingPolicy, bool) {
	p, ok := d.Directory.Policy(domain, name)
	return p.At(d.now), ok
}
