package render

import (
	"naisen/recorder"
	"naisen/recorder/journal"
)

// maxListeners bounds the stretches in the manifest.
const maxListeners = 512

// listeners collects who heard the call beside its parties, and when.
type listeners struct {
	list []recorder.Listener
	open map[string]int // index of what each does now, by its key
}

// take ends what a listener did until here, and begins what it does now.
func (l *listeners) take(m journal.Listener) {
	at := m.At.Milliseconds()
	if i, ok := l.open[m.Key]; ok {
		l.list[i].ToMS = at
		delete(l.open, m.Key)
	}
	if m.Mode == "" || len(l.list) >= maxListeners {
		return
	}
	if l.open == nil {
		l.open = map[string]int{}
	}
	l.open[m.Key] = len(l.list)
	l.list = append(l.list, recorder.Listener{Number: m.Number, Name: m.Name, Mode: m.Mode, FromMS: at})
}

// end closes what lasts until the end of the recording, in ms.
func (l *listeners) end(at int64) {
	for _, i := range l.open {
		l.list[i].ToMS = max(at, l.list[i].FromMS)
	}
}
