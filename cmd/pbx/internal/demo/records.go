package demo

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"naisen/provisioning"
	"naisen/provisioning/identity"
)

// records signs the administrator in and reads the call record.
func (s *story) records(ctx context.Context) (err error) {
	s.say("The administrator signs in with the one-time password, and sets another ...")
	if s.admin, err = s.api.signIn(ctx, "admin", s.sw.Admin); err != nil {
		return err
	}
	var cdr provisioning.CDR
	err = until(ctx, 5*time.Second, func() (bool, error) {
		var page struct{ Items []provisioning.CDR }
		err := s.api.get(ctx, s.admin, "/calls/history", &page)
		if len(page.Items) > 0 {
			cdr = page.Items[0]
		}
		return len(page.Items) == 1, err
	})
	if err != nil {
		return err
	}
	s.callID, s.talk = cdr.Recording, time.Duration(cdr.TalkMS)*time.Millisecond
	s.say("call      %s, %s by trunk %q", cdr.ID, cdr.Direction, cdr.Trunk)
	s.say("          %s -> %s, answered by %s", cdr.From, cdr.To, cdr.AnsweredBy)
	s.say("          started %s, answered %s, ended %s by the %s", clock(cdr.Started), clock(cdr.Answered), clock(cdr.Ended), cdr.EndedBy)
	s.say("          talked %.2f s, cause %d (Q.850 %d) %s, recording %s", s.talk.Seconds(), cdr.Status, cdr.Q850, cdr.Cause, cdr.Recording)
	s.check(cdr.From == callerID && cdr.To == s.sw.DID && cdr.AnsweredBy == s.sw.Extension && cdr.EndedBy == "caller" && cdr.Recording != "" &&
		s.talk >= talkFor && s.talk < talkFor+2*time.Second, "One call record, with who, when, why and what was recorded.")
	return nil
}

func clock(t time.Time) string { return t.Local().Format("15:04:05.000") }

// recording is what the API says of a recording; the manifest is sealed beside the audio.
type recording struct {
	State      string
	DurationMS int64 `json:"duration_ms"`
	Manifest   struct {
		Notice struct {
			Prompt, Language, SHA256 string
			Packets                  int
			Complete                 bool
		}
		Dropped, Lost int64
		AudioSHA256   string `json:"audio_sha256"`
	}
}

// listen tries to play the recording as nobody, as somebody without the right, and as one who has it.
func (s *story) listen(ctx context.Context) error {
	audio := "/recordings/" + s.callID + "/audio"
	got, err := s.api.do(ctx, identity.Tokens{}, http.MethodGet, audio, nil)
	if err != nil {
		return err
	}
	s.check(got.status == http.StatusUnauthorized, "Without a token: %d. %s", got.status, got.header.Get("WWW-Authenticate"))

	oneTime, err := s.api.newUser(ctx, s.admin, "clerk", "staff")
	if err != nil {
		return err
	}
	clerk, err := s.api.signIn(ctx, "clerk", oneTime)
	if err != nil {
		return err
	}
	if got, err = s.api.do(ctx, clerk, http.MethodGet, audio, nil); err != nil {
		return err
	}
	none, err := s.api.do(ctx, clerk, http.MethodGet, "/recordings/none/audio", nil)
	if err != nil {
		return err
	}
	s.check(got.status == http.StatusNotFound && none.status == http.StatusNotFound,
		"As user clerk with the role staff: %d, as for a recording that does not exist (%d).", got.status, none.status)
	return s.play(ctx, audio)
}

// approve asks to hear the recording, for a purpose, and lets somebody else say yes: without that not even the role is enough.
func (s *story) approve(ctx context.Context, audio string) error {
	early, err := s.api.do(ctx, s.admin, http.MethodGet, audio, nil)
	if err != nil {
		return err
	}
	asked, err := s.api.do(ctx, s.admin, http.MethodPost, "/listening-requests",
		map[string]any{"purpose": "content", "reason": "demonstration", "recordings": []string{s.callID}})
	if err != nil {
		return err
	}
	var request struct{ ID string }
	if err := json.Unmarshal(asked.body, &request); err != nil {
		return err
	}
	oneTime, err := s.api.newUser(ctx, s.admin, "kacho", "recording-manager")
	if err != nil {
		return err
	}
	manager, err := s.api.signIn(ctx, "kacho", oneTime)
	if err != nil {
		return err
	}
	said, err := s.api.do(ctx, manager, http.MethodPost, "/listening-requests/"+request.ID+"/approve", map[string]any{})
	if err != nil {
		return err
	}
	s.check(early.status == http.StatusForbidden && asked.status == http.StatusCreated && said.status == http.StatusOK,
		"As admin with the role recording-listener: %d; the listening request is made (%d), and kacho with the role recording-manager approves it (%d).",
		early.status, asked.status, said.status)
	return nil
}

// play listens as the administrator, whose roles allow it.
func (s *story) play(ctx context.Context, audio string) error {
	var about recording
	if err := s.api.get(ctx, s.admin, "/recordings/"+s.callID, &about); err != nil {
		return err
	}
	n := about.Manifest.Notice
	s.check(about.State == "stored" && n.Complete && n.Prompt == s.sw.Notice && about.Manifest.Lost == 0 && about.Manifest.Dropped == 0,
		"The sealed manifest says: notice %s (%s) played to its end in %d packets; %d frames lost, %d dropped.", n.Prompt, n.Language, n.Packets,
		about.Manifest.Lost, about.Manifest.Dropped)
	if err := s.approve(ctx, audio); err != nil {
		return err
	}
	got, err := s.api.do(ctx, s.admin, http.MethodGet, audio, nil)
	if err != nil {
		return err
	}
	if got.status != http.StatusOK {
		s.check(false, "As admin with the role recording-listener: %d %.200s", got.status, got.body)
		return errors.New("nothing was played")
	}
	s.played, s.recorded = got.body, about.Manifest.AudioSHA256
	sound, err := readWAV(got.body)
	if err != nil {
		return err
	}
	off := (sound.length() - s.talk).Abs()
	s.check(off <= lateMax, "Now as user admin: %d, %d bytes, %.2f s of audio; the call's talk was %.2f s.", got.status,
		len(got.body), sound.length().Seconds(), s.talk.Seconds())
	for _, c := range []struct {
		side, whose string
		pcm         []int16
		hz, other   float64
	}{
		{"Left", "caller's", sound.left, callerTone, deskTone},
		{"Right", "desk phone's", sound.right, deskTone, callerTone},
	} {
		own, foreign := windows(c.pcm, c.hz), windows(c.pcm, c.other)
		s.check(own > 0.9 && foreign == 0, "%s is the %s %.0f Hz in %.0f %% of it, and %.0f Hz in %.0f %%.", c.side, c.whose, c.hz, 100*own, c.other,
			100*foreign)
	}
	return nil
}
