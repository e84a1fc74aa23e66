package rest

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"naisen/provisioning"
	"naisen/provisioning/policy"
)

// Speech makes audio of a text.
type Speech interface {
	// Speak gives a WAV. Errors: *provisioning.Invalid for a text that cannot be spoken, ErrNoVoice, ErrSpeechBusy.
	Speak(ctx context.Context, language, text string) (wav []byte, voice string, err error)
}

// Why there is no speech.
var (
	ErrNoVoice    = errors.New("rest: no program for speech in this language")
	ErrSpeechBusy = errors.New("rest: too many texts are being spoken")
)

// noVoice is said where the program is missing: what to install, and the way without it.
const noVoice = "この言語の音声合成プログラムが入っていません。open-jtalk、open-jtalk-mecab-naist-jdic（日本語）、flite（英語）を入れるか、WAV をアップロードして upload に名前を指定してください。 / " +
	"The program that speaks this language is not installed. Install open-jtalk and open-jtalk-mecab-naist-jdic (Japanese) or flite (English), or upload a WAV as an announcement and give its name as upload."

// uploaded is the voice of a wording that a person spoke.
const uploaded = "upload"

type draftInput struct {
	ItemPath
	Body struct {
		Language string `json:"language" enum:"ja,en"`
		Text     string `json:"text,omitempty" maxLength:"1000" doc:"What is said; with upload what is said there, for those who approve it"`
		Upload   string `json:"upload,omitempty" maxLength:"64" doc:"Announcement of this domain in the same language that is used instead of speaking the text"`
	}
}

type versionPath struct {
	ItemPath
	Number int `path:"number" minimum:"1"`
}

type scheduleInput struct {
	ItemPath
	Number int `path:"number" minimum:"1"`
	Body   struct {
		From  time.Time `json:"from,omitzero" doc:"In effect from then on; left out: from now"`
		Until time.Time `json:"until,omitzero" doc:"Left out: until a later one is"`
	}
}

// Steps of a wording in the audit log, beside policy.NoticeApprove.
const (
	noticeDraft    provisioning.Action = "notice.draft"
	noticeHear     provisioning.Action = "notice.hear"
	noticeSchedule provisioning.Action = "notice.schedule"
)

// registerNotices: a wording is typed or uploaded, heard, approved by another person, and given its dates.
func (a *api) registerNotices() {
	notices := resource[provisioning.Notice]{plural: "notices", one: "notice", read: policy.NoticeRead, del: policy.NoticeDelete, keep: a.noticeOver}
	entities(a, notices)
	const versions = "/v1/domains/{domain}/notices/{key}/versions"
	r := rule{action: policy.NoticePut, kind: provisioning.KindNotice, key: "key", domain: "domain"}
	huma.Register(a.huma, operation(http.MethodPost, versions, "draft-notice", "Make a wording of a recording notice, from a text or an upload; nobody on a telephone hears it yet", r, 409, 413, 415, 422, 503),
		a.draftNotice)
	huma.Register(a.huma, operation(http.MethodPost, versions+"/{number}/schedule", "schedule-notice", "Say from when on an approved wording is heard, and until when", r, 409, 413, 415, 422), a.scheduleNotice)
	r.action = policy.NoticeRead
	huma.Register(a.huma, operation(http.MethodGet, versions+"/{number}/audio", "hear-notice", "Hear a wording as WAV; who has heard all of it may approve it", r), a.hearNotice)
	r.action = policy.NoticeApprove
	huma.Register(a.huma, operation(http.MethodPost, versions+"/{number}/approve", "approve-notice", "Approve a wording that somebody else made, after hearing it", r, 409), a.approveNotice)
}

// noticeOver lets no notice go that is heard now, or will be.
func (a *api) noticeOver(_ provisioning.Reader, _ string, n provisioning.Notice) error {
	if n.InUse(a.Clock()) {
		return huma.NewError(http.StatusConflict, "a wording of it is in use, or shall be: end it first")
	}
	return nil
}

func (a *api) draftNotice(ctx context.Context, in *draftInput) (*itemOutput[provisioning.Notice], error) {
	s := subjectOf(ctx)
	draft := provisioning.NoticeVersion{Language: in.Body.Language, Text: in.Body.Text, By: who(s), Audio: freshAudio(in.Key)}
	wav, err := a.wording(ctx, in, &draft)
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	info, err := a.Prompts.Put(ctx, in.Domain, draft.Audio, draft.Language, wav)
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	draft.SHA256, draft.Millis = info.SHA256, info.Millis
	var gone []provisioning.NoticeVersion
	out, err := a.changeNotice(ctx, noticeDraft, &in.ItemPath, 0, func(n provisioning.Notice) (next provisioning.Notice, err error) {
		n.Name = in.Key
		next, gone, err = n.Draft(draft, a.Clock())
		return next, err
	})
	if err != nil {
		gone = []provisioning.NoticeVersion{draft}
	}
	a.dropAudio(ctx, in.Domain, gone)
	return out, a.problem(ctx, err)
}

// wording is the audio of a draft: the text as it is spoken, or what was uploaded.
func (a *api) wording(ctx context.Context, in *draftInput, draft *provisioning.NoticeVersion) (io.Reader, error) {
	if in.Body.Upload != "" {
		if !plainPrompt(in.Body.Upload) || ofNotice(in.Body.Upload) {
			return nil, invalidAt(http.StatusUnprocessableEntity, "body.upload", "must be the name of an announcement")
		}
		audio, _, err := a.Prompts.Get(ctx, in.Domain, in.Body.Upload, in.Body.Language)
		if errors.Is(err, provisioning.ErrNotFound) {
			return nil, invalidAt(http.StatusUnprocessableEntity, "body.upload", "there is no such announcement in this language")
		}
		if err != nil {
			return nil, err
		}
		defer audio.Close()
		raw, err := io.ReadAll(io.LimitReader(audio, MaxPrompt))
		draft.Voice = uploaded
		return bytes.NewReader(raw), err
	}
	if a.Speech == nil {
		return nil, huma.NewError(http.StatusConflict, noVoice)
	}
	raw, voice, err := a.Speech.Speak(ctx, in.Body.Language, in.Body.Text)
	switch {
	case errors.Is(err, ErrNoVoice):
		return nil, huma.NewError(http.StatusConflict, noVoice)
	case errors.Is(err, ErrSpeechBusy):
		return nil, huma.ErrorWithHeaders(huma.NewError(http.StatusServiceUnavailable, ""), http.Header{"Retry-After": {"10"}})
	}
	draft.Voice = voice
	return bytes.NewReader(raw), err
}

// freshAudio is a name in the library that nothing had before, so that no two drafts can meet there.
func freshAudio(notice string) string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // it never fails
	return provisioning.NoticeAudio + notice + "/" + hex.EncodeToString(b[:])
}

// ofNotice says that a name of the library belongs to a wording.
func ofNotice(name string) bool { return strings.HasPrefix(name, provisioning.NoticeAudio) }

// who is a subject as a record of two people's work names it.
func who(s provisioning.Subject) string { return s.User + "@" + s.Domain }

// dropAudio removes the audio of wordings that are no more. What stays behind is never played.
func (a *api) dropAudio(ctx context.Context, domain string, gone []provisioning.NoticeVersion) {
	for _, v := range gone {
		if err := a.Prompts.Delete(context.WithoutCancel(ctx), domain, v.Audio, v.Language); err != nil && !errors.Is(err, provisioning.ErrNotFound) {
			a.Log.WarnContext(ctx, "rest: audio of a wording is left behind", "request", requestID(ctx), "audio", v.Audio, "err", err)
		}
	}
}

// changeNotice changes a notice in one transaction, with an audit entry that says which step it was. do gets an empty one where there is none, and may
// refuse that.
func (a *api) changeNotice(ctx context.Context, step provisioning.Action, at *ItemPath, number int, do func(provisioning.Notice) (provisioning.Notice, error)) (*itemOutput[provisioning.Notice], error) {
	out := &itemOutput[provisioning.Notice]{Status: http.StatusOK}
	err := a.Store.Update(ctx, subjectOf(ctx), func(w provisioning.Writer) error {
		n, _, err := provisioning.Get[provisioning.Notice](w, at.Domain, at.Key)
		if err != nil && !errors.Is(err, provisioning.ErrNotFound) {
			return err
		}
		if out.Body, err = do(n); err != nil {
			return err
		}
		if err := provisioning.KeepWords(w, at.Domain, n, out.Body, a.Clock()); err != nil {
			return err
		}
		tag, err := w.Put(at.Domain, out.Body, "")
		if err != nil {
			return err
		}
		out.ETag = etag(tag)
		v := out.Body.Versions[0]
		if number > 0 {
			v, _ = out.Body.Version(number)
		}
		return w.AddAudit(provisioning.AuditEntry{Domain: at.Domain, Action: string(step), Object: provisioning.KindNotice + "/" + at.Key, Outcome: "ok",
			Detail: map[string]any{"version": v.Number, "language": v.Language, "sha256": v.SHA256}})
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (a *api) hearNotice(ctx context.Context, in *versionPath) (*huma.StreamResponse, error) {
	var v provisioning.NoticeVersion
	err := a.Store.View(ctx, func(r provisioning.Reader) error {
		n, _, err := provisioning.Get[provisioning.Notice](r, in.Domain, in.Key)
		if err == nil {
			v, err = n.Version(in.Number)
		}
		return err
	})
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	audio, info, err := a.Prompts.Get(ctx, in.Domain, v.Audio, v.Language)
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	if info.SHA256 != v.SHA256 {
		audio.Close()
		return nil, huma.NewError(http.StatusConflict, "its audio was changed in the library: make a new wording")
	}
	return &huma.StreamResponse{Body: func(out huma.Context) {
		defer audio.Close()
		out.SetHeader("Content-Type", "audio/wav")
		out.SetHeader("ETag", etag(v.SHA256))
		if _, err := io.Copy(out.BodyWriter(), audio); err != nil {
			panic(http.ErrAbortHandler) // a cut answer must not look whole
		}
		a.heard(ctx, in)
	}}, nil
}

// heard notes who was given all of a wording. Where that fails, it can be heard again.
func (a *api) heard(ctx context.Context, in *versionPath) {
	_, err := a.changeNotice(context.WithoutCancel(ctx), noticeHear, &in.ItemPath, in.Number, func(n provisioning.Notice) (provisioning.Notice, error) {
		return n.Hear(in.Number, who(subjectOf(ctx)), a.Clock())
	})
	if err != nil {
		a.Log.WarnContext(ctx, "rest: not noted who heard a wording", "request", requestID(ctx), "err", err)
	}
}

func (a *api) approveNotice(ctx context.Context, in *versionPath) (*itemOutput[provisioning.Notice], error) {
	s := subjectOf(ctx)
	kept, err := a.keeps(ctx, in, s)
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	out, err := a.changeNotice(ctx, policy.NoticeApprove, &in.ItemPath, in.Number, func(n provisioning.Notice) (provisioning.Notice, error) {
		if kept {
			return n, &provisioning.Denied{Rule: provisioning.RuleTwoPeople}
		}
		return n.Approve(in.Number, who(s), a.Clock())
	})
	var denied *provisioning.Denied
	switch {
	case errors.As(err, &denied):
		a.auditDenied(ctx, s, policy.NoticeApprove, provisioning.Object{Domain: in.Domain, Kind: provisioning.KindNotice, Key: in.Key}, err)
	case errors.Is(err, provisioning.ErrUnheard):
		return nil, huma.NewError(http.StatusConflict, "hear all of it first")
	}
	return out, a.problem(ctx, err)
}

// keeps says that who approves a wording and who made it may be one person: one of them has set the other's password. A recording manager's is set by
// others, since that role waits for another manager then.
func (a *api) keeps(ctx context.Context, in *versionPath, s provisioning.Subject) (kept bool, err error) {
	err = a.Store.View(ctx, func(r provisioning.Reader) error {
		n, _, err := provisioning.Get[provisioning.Notice](r, in.Domain, in.Key)
		if err != nil {
			return err
		}
		v, err := n.Version(in.Number)
		if err != nil {
			return err
		}
		if kept, err = provisioning.Keeps(r, in.Domain, who(s), v.By); err == nil && !kept && !slices.Contains(s.Roles, provisioning.RoleManager) {
			kept, err = provisioning.Keeps(r, in.Domain, v.By, who(s))
		}
		return err
	})
	return kept, err
}

func (a *api) scheduleNotice(ctx context.Context, in *scheduleInput) (*itemOutput[provisioning.Notice], error) {
	out, err := a.changeNotice(ctx, noticeSchedule, &in.ItemPath, in.Number, func(n provisioning.Notice) (provisioning.Notice, error) {
		return n.Schedule(in.Number, in.Body.From, in.Body.Until, a.Clock())
	})
	switch {
	case errors.Is(err, provisioning.ErrUnapproved):
		return nil, huma.NewError(http.StatusConflict, "somebody else must approve it first")
	case errors.Is(err, provisioning.ErrLastWording):
		return nil, lastWording()
	}
	return out, a.problem(ctx, err)
}
