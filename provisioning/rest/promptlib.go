package rest

import (
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"naisen/provisioning"
	"naisen/provisioning/policy"
)

// PromptPath names an announcement in one language; exported as ItemPath is.
type PromptPath struct {
	Domain   string `path:"domain" maxLength:"253"`
	Language string `path:"language" enum:"ja,en"`
	Name     string `path:"name" maxLength:"64" doc:"Such as notice/recording"`
}

// promptUpload streams its body: it is neither read into memory nor parsed before the right was checked.
type promptUpload struct {
	PromptPath
	audio io.Reader
	drain func() error // after the audio: nothing may follow
	bad   error        // why there is no audio
}

// registerPrompts: announcements of a domain. The name comes last in the path because it may hold a slash.
func (a *api) registerPrompts() {
	at := "/v1/domains/{domain}/prompts"
	one := at + "/{language}/{name...}"
	r := rule{action: policy.PromptRead, kind: policy.KindPrompt, domain: "domain"}
	huma.Register(a.huma, operation(http.MethodGet, at, "list-prompts", "List announcements, the built-in ones too", r), a.listPrompts)
	r.key = "name"
	huma.Register(a.huma, operation(http.MethodGet, one, "get-prompt", "Read an announcement as WAV", r), a.getPrompt)
	r.action = policy.PromptDelete
	huma.Register(a.huma, operation(http.MethodDelete, one, "delete-prompt", "Delete an upload; a built-in one of that name comes back", r, 409), a.deletePrompt)
	r.action = policy.PromptPut
	huma.Register(a.huma, operation(http.MethodPut, one, "put-prompt", "Upload an announcement", r, 408, 413, 415, 422), a.putPrompt)
	// Said after the registration: a body known at registration would be read into memory.
	a.huma.OpenAPI().Paths[one].Put.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
		"audio/wav": {Schema: &huma.Schema{Type: "string", Format: "binary"}},
		"multipart/form-data": {Schema: &huma.Schema{Type: "object", Required: []string{"file"},
			Properties: map[string]*huma.Schema{"file": {Type: "string", Format: "binary"}}}},
	}}
}

// plainPrompt refuses names that could lead out of a directory or be another name in disguise (G10).
func plainPrompt(name string) bool {
	if name == "" || len(name) > 64 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789._/-") != "" {
		return false
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || strings.HasPrefix(part, ".") {
			return false
		}
	}
	return true
}

// Resolve takes the body's stream from the library.
func (p *promptUpload) Resolve(ctx huma.Context) []error {
	p.bad = p.open(ctx)
	return nil
}

func (p *promptUpload) open(ctx huma.Context) error {
	r, w := humago.Unwrap(ctx)
	if err := ctx.SetReadDeadline(time.Now().Add(requestTimeout)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	const most = MaxPrompt + 64<<10 // with the parts' headers
	if r.ContentLength > most {
		return huma.NewError(http.StatusRequestEntityTooLarge, "")
	}
	body := http.MaxBytesReader(w, r.Body, most)
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return huma.NewError(http.StatusUnsupportedMediaType, "")
	}
	switch kind {
	case "multipart/form-data":
		return p.multipart(body, params["boundary"])
	case "audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave", "application/octet-stream":
		p.audio = http.MaxBytesReader(w, body, MaxPrompt)
		return nil
	}
	return huma.NewError(http.StatusUnsupportedMediaType, "")
}

// multipart finds the one part named file.
func (p *promptUpload) multipart(body io.ReadCloser, boundary string) error {
	onePart := invalidAt(http.StatusBadRequest, "body", "must have one part, named file")
	if boundary == "" {
		return invalidAt(http.StatusBadRequest, "header.Content-Type", "has no boundary")
	}
	m := multipart.NewReader(body, boundary)
	part, err := m.NextRawPart()
	if err != nil || part.FormName() != "file" {
		return onePart
	}
	p.audio = http.MaxBytesReader(nil, io.NopCloser(part), MaxPrompt)
	p.drain = func() error {
		if _, err := m.NextRawPart(); !errors.Is(err, io.EOF) {
			return onePart
		}
		return nil
	}
	return nil
}

// promptStream is the audio until it breaks a rule; then the library sees an error and keeps nothing.
type promptStream struct {
	r     io.Reader
	drain func() error
}

func (s *promptStream) Read(b []byte) (int, error) {
	n, err := s.r.Read(b)
	if errors.Is(err, io.EOF) && s.drain != nil {
		if bad := s.drain(); bad != nil {
			return n, bad
		}
	}
	return n, err
}

func (a *api) putPrompt(ctx context.Context, in *promptUpload) (*itemOutput[PromptInfo], error) {
	if !plainPrompt(in.Name) {
		return nil, invalidAt(http.StatusUnprocessableEntity, "path.name", "must be a name such as notice/recording")
	}
	if ofNotice(in.Name) || strings.HasPrefix(in.Name, provisioning.NoticePrefix) {
		return nil, wordingStays()
	}
	if in.bad != nil {
		return nil, a.problem(ctx, in.bad)
	}
	var info PromptInfo
	err := a.onPrompt(ctx, policy.PromptPut, &in.PromptPath, func() (_ map[string]any, err error) {
		info, err = a.Prompts.Put(ctx, in.Domain, in.Name, in.Language, &promptStream{in.audio, in.drain})
		if err != nil {
			return nil, err
		}
		return map[string]any{"sha256": info.SHA256, "millis": info.Millis}, nil
	})
	var large *http.MaxBytesError
	var timeout interface{ Timeout() bool }
	switch {
	case errors.As(err, &large):
		return nil, huma.NewError(http.StatusRequestEntityTooLarge, "")
	case errors.As(err, &timeout) && timeout.Timeout() && !errors.Is(err, context.DeadlineExceeded):
		return nil, huma.NewError(http.StatusRequestTimeout, "")
	case errors.Is(err, io.ErrUnexpectedEOF) && ctx.Err() == nil:
		return nil, invalidAt(http.StatusBadRequest, "body", "ends too early")
	case err != nil:
		return nil, a.problem(ctx, err)
	}
	return &itemOutput[PromptInfo]{Status: http.StatusOK, ETag: etag(info.SHA256), Body: info}, nil
}

// wordingStays: what people are told before they are recorded is what two of ours agreed to.
func wordingStays() error {
	return huma.NewError(http.StatusConflict, "what a recording notice says is changed by a new wording, which somebody else approves: POST .../notices/NAME/versions")
}

// lastWording: where nothing is heard nobody is recorded.
func lastWording() error {
	return huma.NewError(http.StatusConflict, "recording policies tell people so: let another wording take its place first, or give the policies another prompt")
}

func (a *api) listPrompts(ctx context.Context, in *DomainPath) (*pageOutput[PromptInfo], error) {
	list, err := a.Prompts.List(ctx, in.Domain)
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return &pageOutput[PromptInfo]{Body: page[PromptInfo]{Items: append([]PromptInfo{}, list...)}}, nil
}

func (a *api) getPrompt(ctx context.Context, in *PromptPath) (*huma.StreamResponse, error) {
	if !plainPrompt(in.Name) {
		return nil, notFound()
	}
	audio, info, err := a.Prompts.Get(ctx, in.Domain, in.Name, in.Language)
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return &huma.StreamResponse{Body: func(out huma.Context) {
		defer audio.Close()
		out.SetHeader("Content-Type", "audio/wav")
		out.SetHeader("ETag", etag(info.SHA256))
		out.SetHeader("Content-Disposition", "attachment; filename="+strconv.Quote(strings.ReplaceAll(info.Name, "/", "-")+"."+info.Language+".wav"))
		if _, err := io.Copy(out.BodyWriter(), audio); err != nil {
			panic(http.ErrAbortHandler) // a cut answer must not look whole
		}
	}}, nil
}

func (a *api) deletePrompt(ctx context.Context, in *PromptPath) (*emptyOutput, error) {
	if !plainPrompt(in.Name) {
		return nil, notFound()
	}
	if ofNotice(in.Name) {
		return nil, wordingStays()
	}
	err := a.Store.View(ctx, func(r provisioning.Reader) error { return provisioning.KeepPrompt(r, in.Domain, in.Name) })
	if errors.Is(err, provisioning.ErrLastWording) { // an upload of before, which has no wording
		return nil, lastWording()
	}
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	err = a.onPrompt(ctx, policy.PromptDelete, in, func() (map[string]any, error) {
		return nil, a.Prompts.Delete(ctx, in.Domain, in.Name, in.Language)
	})
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return &emptyOutput{}, nil
}

func (a *api) onPrompt(ctx context.Context, action provisioning.Action, at *PromptPath, do func() (map[string]any, error)) error {
	return a.act(ctx, at.Domain, action, policy.KindPrompt+"/"+at.Language+"/"+at.Name, nil, do)
}
