package phones

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"naisen/loadtest/peer"
	"naisen/media/mediatest"
)

// TestConference: three phones, two with TLS and SRTP and one with neither, meet in a room with a PIN. Each hears both others and not itself,
// the call of each has its own record, and the room's policy records each with all guests.
func TestConference(t *testing.T) {
	t.Parallel()
	p := newPBX(t, "")
	status, answer, err := p.Do(t.Context(), "PUT", "extensions/2003", map[string]any{"number": "2003", "display": "Third", "allow_md5": true})
	must(t, err)
	var made struct{ Secret string }
	if must(t, json.Unmarshal(answer, &made)); status != 201 || made.Secret == "" {
		t.Fatalf("PUT extensions/2003: %d", status)
	}
	must(t, p.RecordUntold(t.Context(), "meetings"))
	put(t, p, "conferences/8000", map[string]any{"number": "8000", "title": "Morning", "policy": "meetings"})
	put(t, p, "conferences/8000/pin", map[string]any{"pin": "4711", "moderator_pin": ""})
	third := peer.Phone{User: "2003", Domain: p.Domain, Password: made.Secret, Proxy: p.UDP, Transport: "udp", Hz: carrierHz, Register: true}
	phones := []*peer.Baresip{desk(t, p, "2001", deskHz, false), desk(t, p, "2002", otherHz, false), phone(t, third)}
	tones := []float64{deskHz, otherHz, carrierHz}
	for i, b := range phones {
		must(t, b.Command("dial", "sip:8000@"+p.Domain))
		established(t, b)
		for _, key := range "4711#" {
			must(t, b.Command("sndcode", string(key)))
			talk(t, 300*time.Millisecond)
		}
		said(t, p, "call: entered a room", i+1)
	}
	talk(t, 5*time.Second)
	for _, b := range phones {
		must(t, b.Command("hangup", ""))
	}
	records := history(t, p, 3)
	for _, c := range records {
		if c.To != "8000" || c.Status != 200 || c.EndedBy != "caller" || c.TalkMS < 5000 {
			t.Errorf("CDR %+v", c)
		}
	}
	for i, b := range phones {
		pcm := ear(t, b)
		pcm = pcm[max(len(pcm)-3*rate, 0):max(len(pcm)-rate/2, 0)] // all three were in the room
		for j, hz := range tones {
			if a := mediatest.Amplitude(pcm, rate, hz); (i != j) != (a > 1000) || i == j && a > 300 {
				t.Errorf("phone %d hears %v Hz, of phone %d, at %.0f", i, hz, j, a)
			}
		}
	}
	voices(t, p, records, map[string]float64{"2001": deskHz, "2002": otherHz, "2003": carrierHz})
}

// voices: the recording of who came last has a track of each guest, with that one's tone and no other, all of one length.
func voices(t *testing.T, p *peer.PBX, records []call, tones map[string]float64) {
	t.Helper()
	for _, c := range records {
		if c.From != "2003" {
			continue
		}
		rec := stored(t, p, c.Recording)
		if len(rec.Manifest.Tracks) != len(tones) {
			t.Fatalf("%d tracks: %+v", len(rec.Manifest.Tracks), rec.Manifest)
		}
		for _, track := range rec.Manifest.Tracks {
			status, wav, err := p.Listen(t.Context(), fmt.Sprintf("recordings/%s/tracks/%d", rec.ID, track.Track))
			must(t, err)
			channels, hz, err := peer.ReadWAV(wav)
			if status != 200 || err != nil || len(channels) != 1 {
				t.Fatalf("track %+v: %d, %v", track, status, err)
			}
			pcm := channels[0]
			if d := time.Duration(len(pcm)) * time.Second / time.Duration(hz); (d - time.Duration(rec.DurationMS)*time.Millisecond).Abs() > time.Millisecond {
				t.Errorf("track %+v lasts %v of %d ms", track, d, rec.DurationMS)
			}
			pcm = pcm[hz : 4*hz] // all were in the room
			for number, tone := range tones {
				own := number == track.Parties[0].Number
				if a := mediatest.Amplitude(pcm, hz, tone); own != (a > 1000) || !own && a > 300 {
					t.Errorf("track of %s: %v Hz, of %s, at %.0f", track.Parties[0].Number, tone, number, a)
				}
			}
		}
		return
	}
	t.Error("2003 has no record")
}
