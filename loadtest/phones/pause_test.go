package phones

import (
	"strings"
	"testing"
	"time"

	"naisen/loadtest/inclear"
	"naisen/loadtest/peer"
	"naisen/media/mediatest"
)

// TestPausedRecording: a clerk pauses the recording of a citizen's call by keys while a card number is given, and lets it go on. Both talk all the time; the
// stored copy has silence of that length on both sides, and what was said before and after.
func TestPausedRecording(t *testing.T) {
	t.Parallel()
	p := newPBX(t, "")
	carrierHere(t, p)
	rings(t, p, "ja", "2002")
	put(t, p, "settings/2002", map[string]any{"call_codes": true})
	d, c := desk(t, p, "2002", deskHz, true), carrier(t, p)
	must(t, c.Command("dial", "sip:"+did+"@"+p.Domain))
	established(t, d)
	talk(t, 4*time.Second)
	press(t, d, "#76")
	said(t, p, "call: recording order", 1)
	talk(t, 6*time.Second)
	press(t, c, "4980#77") // the citizen's keys are a card number, and no order
	press(t, d, "#77")
	said(t, p, "call: recording order", 2)
	talk(t, 5*time.Second)
	must(t, c.Command("hangup", ""))
	cdr := history(t, p, 1)[0]
	rec := stored(t, p, cdr.Recording)
	pauses := rec.Manifest.Pauses
	if len(pauses) != 1 || pauses[0].Paused.By != "2002" || pauses[0].Paused.How != "code" || pauses[0].Resumed.How != "code" || len(cdr.Pauses) != 1 {
		t.Fatalf("manifest %+v, record %+v", pauses, cdr.Pauses)
	}
	length := time.Duration(pauses[0].ToMS-pauses[0].FromMS) * time.Millisecond
	if told := cdr.Pauses[0].To.Sub(cdr.Pauses[0].From); length < 8*time.Second || told < length-50*time.Millisecond || told > length+50*time.Millisecond {
		t.Errorf("paused for %v, the record says %v", length, told)
	}
	left, right := listen(t, p, rec.ID)
	hushed(t, "the clerk", right, deskHz, length)
	hushed(t, "the citizen", left, carrierHz, length) // with what the clerk was told then: that it is recorded again
	if d := rec.DurationMS - cdr.TalkMS; d < -200 || d > 200 {
		t.Errorf("recording lasts %d ms, the call %d ms", rec.DurationMS, cdr.TalkMS)
	}
	nothingReadable(t, p, planted())
	verifiedLog(t, p)
}

// hushed says that a side is its tone, then silence for so long, nowhere else, and its tone again to the end, beside what was said to the other one.
func hushed(t *testing.T, who string, pcm []int16, hz float64, length time.Duration) {
	t.Helper()
	const step = rate / 50
	var from, long, runs int // of the longest silence, in steps
	for at, run := 0, 0; at+step <= len(pcm); at += step {
		if mediatest.Power(pcm[at:at+step]) >= silentRoot*silentRoot {
			run = 0
			continue
		}
		if run++; run == 15 { // 300 ms
			runs++
		}
		if run > long {
			from, long = at/step-run+1, run
		}
	}
	start, end := from*step, (from+long)*step
	if d := time.Duration(long)*20*time.Millisecond - length; runs != 1 || d < -100*time.Millisecond || d > 100*time.Millisecond {
		t.Fatalf("%s: %d silences, the longest from %d ms for %d ms, paused for %v", who, runs, start*1000/rate, long*20, length)
	}
	if start < 4*rate || len(pcm)-end < 4*rate || mediatest.ToneIn(pcm[start-2*rate:start], rate, hz) < 0.9 || mediatest.ToneIn(pcm[len(pcm)-2*rate:], rate, hz) < 0.9 {
		t.Errorf("%s: %d ms before the pause and %d after it, or another tone", who, start*1000/rate, (len(pcm)-end)*1000/rate)
	}
}

const onDemand = "+81312345600" // a line that is recorded on demand

// TestKeptOnDemand: a line that is recorded on demand, with what was said before. The clerk presses the code late: the recording begins soon after the
// answer. Of a call for which nobody presses it nothing is left.
func TestKeptOnDemand(t *testing.T) {
	t.Parallel()
	p := newPBX(t, "")
	carrierHere(t, p)
	status, answer, err := p.Do(t.Context(), "PUT", "recording-policies/asked", map[string]any{"record": "on_demand", "pre_buffer": true, "notice": "early-media",
		"prompt": "notice/recording-short", "retention_days": 30})
	if must(t, err); status != 201 {
		t.Fatalf("the policy: %d %s", status, answer)
	}
	put(t, p, "dids/"+onDemand, map[string]any{"number": onDemand, "title": "On demand", "to": []string{"2002"}, "ring_seconds": 60, "policy": "asked"})
	put(t, p, "settings/2002", map[string]any{"call_codes": true})
	d, c := desk(t, p, "2002", deskHz, true), carrier(t, p)
	must(t, c.Command("dial", "sip:"+onDemand+"@"+p.Domain))
	established(t, d)
	metric(t, p, "naisen_recordings_held", 1)
	talk(t, 6*time.Second)
	press(t, d, "#78")
	said(t, p, "call: recording order", 1)
	talk(t, 5*time.Second)
	must(t, c.Command("hangup", ""))
	cdr := history(t, p, 1)[0]
	rec := stored(t, p, cdr.Recording)
	asked := rec.Manifest.Asked
	if asked == nil || asked.By != "2002" || asked.How != "code" || asked.BeforeMS < 5000 || cdr.Asked == nil || rec.Manifest.Notice == nil {
		t.Errorf("manifest %+v, record %+v, notice %+v", asked, cdr.Asked, rec.Manifest.Notice)
	}
	if d := rec.DurationMS - cdr.TalkMS; d < -400 || d > 400 {
		t.Errorf("recording lasts %d ms, the call %d ms", rec.DurationMS, cdr.TalkMS)
	}
	left, right := listen(t, p, rec.ID)
	onlyTone(t, "left channel", left, carrierHz, 10*time.Second)
	if got := voiceOf(right, deskHz); got < 9*time.Second { // beside it stands what the clerk was told
		t.Errorf("the clerk speaks for %v", got)
	}
	before := len(objects(t, p, ".age"))
	must(t, c.Command("dial", "sip:"+onDemand+"@"+p.Domain))
	said(t, p, "call: talking", 2)
	talk(t, 4*time.Second)
	must(t, c.Command("hangup", ""))
	for _, cdr := range history(t, p, 2) {
		if cdr.Asked == nil && cdr.Recording != "" {
			t.Errorf("a recording of what nobody asked for: %+v", cdr)
		}
	}
	metric(t, p, "naisen_recordings_held_forgotten_total", 1)
	metric(t, p, "naisen_recordings_held", 0)
	if after := len(objects(t, p, ".age")); after != before {
		t.Errorf("%d objects, %d before", after, before)
	}
	nothingReadable(t, p, planted())
}

// TestNothingIsHeld: calls over SRTP on a line that is recorded on demand, for which nobody asks: while they last their known voice is in no file, and in the
// switch's memory no more than what is in flight; when they are over there is no object, no row, and not even that.
func TestNothingIsHeld(t *testing.T) {
	t.Parallel()
	const calls = 4
	set := knownVoice(t)
	p, _ := newPBXWith(t, peer.Options{SIP: "rate: 100000\n  rate_per_source: 100000\n  connections_per_source: 1000"})
	silent := map[string]any{"record": "on_demand", "pre_buffer": true, "notice": "none"}
	if status, answer, err := p.Do(t.Context(), "PUT", "recording-policies/asked", silent); err != nil || status != 422 || !strings.Contains(string(answer), "exception") {
		t.Errorf("without a notice and without an exception: %d %s %v", status, answer, err)
	}
	silent["exception"] = map[string]any{"reason": "a test", "until": time.Now().Add(time.Hour)}
	status, answer, err := p.Do(t.Context(), "PUT", "recording-policies/asked", silent)
	if must(t, err); status != 202 {
		t.Fatalf("the policy: %d %s", status, answer)
	}
	must(t, p.Agree(t.Context(), person(t, p, "kacho", "recording-manager"), "policy:asked"))
	put(t, p, "extensions/2001", map[string]any{"display": "2001", "allow_md5": true, "media": "srtp-preferred", "record": "asked"})
	gen := talkOverSRTP(t, p, calls)
	metric(t, p, "naisen_recordings_held", calls)
	var f inclear.Found
	for range 2 {
		talk(t, 2*time.Second)
		files(t, set, p)
		f = memory(t, set, p.Process)
		t.Logf("%d calls held: %d MiB of the switch, in flight %v", calls, f.Bytes>>20, f.Hits)
		if f.Total() > calls*inFlight {
			t.Errorf("the switch has more in clear than what is in flight: %v %q", f.Hits, f.Where)
		}
	}
	must(t, gen.Wait(t.Context()))
	metric(t, p, "naisen_recordings_held_forgotten_total", calls)
	metric(t, p, "naisen_recordings_held", 0)
	files(t, set, p)
	if f = memory(t, set, p.Process); f.Total() > inFlight {
		t.Errorf("after the calls: %v %q", f.Hits, f.Where)
	}
	var list struct{ Recordings []struct{ ID string } }
	if get(t, p, "recordings", &list); len(list.Recordings) > 0 || len(objects(t, p, ".age")) > 0 {
		t.Errorf("%d rows, objects %q", len(list.Recordings), objects(t, p, ".age"))
	}
}
