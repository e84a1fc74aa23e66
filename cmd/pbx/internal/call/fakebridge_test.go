package call

import (
	"slices"

	"naisen/media"
)

type fakeBridge struct {
	rig     *rig
	members []media.Endpoint
	gates   map[media.Endpoint]media.Gate
	taps    int
	closes  int

	announced []string
}

func (b *fakeBridge) Join(e media.Endpoint) error {
	b.rig.mu.Lock()
	defer b.rig.mu.Unlock()
	if slices.Contains(b.members, e) {
		return errFake
	}
	b.members = append(b.members, e)
	return nil
}
func (b *fakeBridge) Leave(e media.Endpoint) {
	b.rig.mu.Lock()
	defer b.rig.mu.Unlock()
	b.members = slices.DeleteFunc(b.members, func(m media.Endpoint) bool { return m == e })
}
func (b *fakeBridge) Gate(e media.Endpoint, g media.Gate) {
	b.rig.mu.Lock()
	b.gates[e] = g
	b.rig.mu.Unlock()
}
func (b *fakeBridge) Whisper(e, _ media.Endpoint) { b.Gate(e, media.GateWhisper) }
func (b *fakeBridge) Attach(media.Tap) func() {
	b.rig.mu.Lock()
	b.taps++
	b.rig.mu.Unlock()
	return func() { b.rig.mu.Lock(); b.taps--; b.rig.mu.Unlock() }
}
func (b *fakeBridge) String() string { return "fake" }
func (b *fakeBridge) Close() error   { b.rig.mu.Lock(); b.closes++; b.rig.mu.Unlock(); return nil }
