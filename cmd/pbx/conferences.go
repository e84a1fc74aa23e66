package main

import (
	"naisen/cmd/pbx/internal/app"
	"naisen/media"
	"naisen/media/tone"
)

// conference is what a room's number is set to now.
func (p *pbx) conference(domain, number string) (app.Conference, bool) {
	snap := p.directory.Snapshot()
	c, ok := snap.Conference(domain, number)
	if !ok {
		return app.Conference{}, false
	}
	guest, moderator := snap.ConferencePINs(domain, number).Reveal()
	return app.Conference{Number: c.Number, PIN: guest, Moderator: moderator, Most: c.MaxGuests, Wait: c.Wait && moderator != "", Tones: c.Tones}, true
}

// beep says that somebody comes to a room, or goes.
func beep(comes bool, c media.Codec) (media.Source, error) {
	t := tone.Cadence{Hz: []float64{400}, Pulses: []tone.Pulse{{On: 160, Off: 40}}, Once: true, Decibel: -22}
	if comes {
		t.Hz = []float64{800}
	}
	clip, err := t.Clip(c)
	if err != nil {
		return nil, err
	}
	return clip.Play(), nil
}
