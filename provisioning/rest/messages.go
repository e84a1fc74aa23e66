package rest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"naisen/provisioning"
	"naisen/provisioning/policy"
)

// MessagePath names one message; exported as ItemPath is.
type MessagePath struct {
	ItemPath
	ID string `path:"id" maxLength:"100"`
}

// GreetingPath names a greeting by its occasion.
type GreetingPath struct {
	ItemPath
	Mode string `path:"mode" enum:"usual,busy,no-answer,night,holiday"`
}

type messageList struct {
	Items []provisioning.Message `json:"items" nullable:"false"`
}

type messagesOutput struct{ Body messageList }
type messageOutput struct{ Body provisioning.Message }

type heardInput struct {
	MessagePath
	Body struct {
		Heard bool `json:"heard" required:"true" doc:"false: it is new again"`
	}
}

// registerMessages: what owners do with their messages. Nobody else is told that a message exists.
func (a *api) registerMessages() {
	const box = "/v1/domains/{domain}/mailboxes/{key}"
	of := func(action provisioning.Action) rule {
		return rule{action: action, kind: policy.KindMessage, key: "key", domain: "domain"}
	}
	huma.Register(a.huma, operation(http.MethodGet, box+"/messages", "list-messages", "The messages of an own mailbox, the newest first",
		of(policy.MessageRead)), a.listMessages)
	huma.Register(a.huma, operation(http.MethodGet, box+"/messages/{id}", "get-message", "Who left a message, and when", of(policy.MessageRead)), a.getMessage)
	huma.Register(a.huma, operation(http.MethodGet, box+"/messages/{id}/audio", "play-message",
		"The audio: 16-bit PCM WAV, one channel; ranges are served. It is not marked as heard by that", of(policy.MessageListen), 503), a.playMessage)
	huma.Register(a.huma, operation(http.MethodPut, box+"/messages/{id}/heard", "mark-message", "Mark a message as heard, or as new",
		of(policy.MessageMark), 413, 415, 422), a.markMessage)
	huma.Register(a.huma, operation(http.MethodDelete, box+"/messages/{id}", "delete-message", "Delete a message", of(policy.MessageDelete)), a.deleteMessage)
	huma.Register(a.huma, operation(http.MethodGet, box+"/greetings", "list-greetings", "The greetings that were spoken by telephone",
		of(policy.MessageRead)), a.listGreetings)
	huma.Register(a.huma, operation(http.MethodDelete, box+"/greetings/{mode}", "delete-greeting", "Delete a spoken greeting: the announcement comes back",
		of(policy.MessageDelete)), a.deleteGreeting)
}

// mayMessage asks whether the asker is one of those for whom the mailbox takes messages.
func (a *api) mayMessage(ctx context.Context, action provisioning.Action, at ItemPath) error {
	o, err := a.ownMailbox(ctx, at, policy.KindMessage)
	if err != nil {
		return err
	}
	return a.may(ctx, action, o)
}

func (a *api) listMessages(ctx context.Context, in *ItemPath) (*messagesOutput, error) {
	return a.messages(ctx, *in, a.Messages.Messages)
}

func (a *api) listGreetings(ctx context.Context, in *ItemPath) (*messagesOutput, error) {
	return a.messages(ctx, *in, a.Messages.Greetings)
}

func (a *api) messages(ctx context.Context, at ItemPath, list func(context.Context, string, string) ([]provisioning.Message, error)) (*messagesOutput, error) {
	err := a.mayMessage(ctx, policy.MessageRead, at)
	out := &messagesOutput{messageList{[]provisioning.Message{}}}
	if err == nil {
		var all []provisioning.Message
		all, err = list(ctx, at.Domain, at.Key)
		out.Body.Items = append(out.Body.Items, all...)
	}
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return out, nil
}

func (a *api) getMessage(ctx context.Context, in *MessagePath) (*messageOutput, error) {
	err := a.mayMessage(ctx, policy.MessageRead, in.ItemPath)
	var m provisioning.Message
	if err == nil {
		m, err = a.Messages.Message(ctx, in.Domain, in.Key, in.ID)
	}
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return &messageOutput{m}, nil
}

// onMessage does something to a message, with its entries in the audit log before and after.
func (a *api) onMessage(ctx context.Context, action provisioning.Action, at MessagePath, detail map[string]any, do func() error) (*emptyOutput, error) {
	err := a.mayMessage(ctx, action, at.ItemPath)
	if err == nil {
		_, err = a.Messages.Message(ctx, at.Domain, at.Key, at.ID)
	}
	if err == nil {
		err = a.act(ctx, at.Domain, action, messageObject(at), detail, func() (map[string]any, error) { return nil, do() })
	}
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return &emptyOutput{}, nil
}

func messageObject(at MessagePath) string {
	return policy.KindMessage + "/" + clip(at.Key) + "/" + clip(at.ID)
}

func (a *api) markMessage(ctx context.Context, in *heardInput) (*emptyOutput, error) {
	return a.onMessage(ctx, policy.MessageMark, in.MessagePath, map[string]any{"heard": in.Body.Heard}, func() error {
		return a.Messages.MarkMessage(ctx, in.Domain, in.Key, in.ID, in.Body.Heard)
	})
}

func (a *api) deleteMessage(ctx context.Context, in *MessagePath) (*emptyOutput, error) {
	return a.onMessage(ctx, policy.MessageDelete, *in, nil, func() error { return a.Messages.RemoveMessage(ctx, in.Domain, in.Key, in.ID) })
}

func (a *api) deleteGreeting(ctx context.Context, in *GreetingPath) (*emptyOutput, error) {
	if err := a.mayMessage(ctx, policy.MessageDelete, in.ItemPath); err != nil {
		return nil, a.problem(ctx, err)
	}
	all, err := a.Messages.Greetings(ctx, in.Domain, in.Key)
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	id, ok := greetingMode(all, in.Mode)
	if !ok {
		return nil, a.problem(ctx, provisioning.ErrNotFound)
	}
	return a.deleteMessage(ctx, &MessagePath{in.ItemPath, id})
}

// playMessage streams a message. The order is the point: right, audit entry, first octet; how much went out is noted afterwards.
func (a *api) playMessage(ctx context.Context, in *MessagePath) (*huma.StreamResponse, error) {
	err := a.mayMessage(ctx, policy.MessageListen, in.ItemPath)
	if err == nil {
		_, err = a.Messages.Message(ctx, in.Domain, in.Key, in.ID)
	}
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) { a.stream(ctx, hc, *in) }}, nil
}

// stream audits, opens and sends: what fails before the first octet is a problem, what fails later cuts the connection.
func (a *api) stream(ctx context.Context, hc huma.Context, at MessagePath) {
	r, w := humago.Unwrap(hc)
	body := &served{ResponseWriter: w}
	var broken error
	err := a.act(ctx, at.Domain, policy.MessageListen, messageObject(at), map[string]any{"range": clip(r.Header.Get("Range"))}, func() (map[string]any, error) {
		audio, err := a.Messages.Audio(r.Context(), at.Domain, at.Key, at.ID)
		if err != nil {
			return nil, err
		}
		defer audio.Close()
		h := w.Header()
		h.Set("Content-Type", "audio/wav")
		h.Set("Content-Disposition", `inline; filename="message.wav"`)
		h.Set("Cache-Control", "no-store")
		h.Set("ETag", etag(at.ID))
		r.Header.Del("If-Range") // the audio never changes
		content := &noted{ReadSeeker: io.NewSectionReader(audio, 0, audio.Size())}
		http.ServeContent(body, r, "", time.Time{}, content)
		broken = content.err
		return map[string]any{"bytes": body.n}, broken
	})
	switch {
	case broken != nil && body.n > 0:
		panic(http.ErrAbortHandler) // the listener must not take it for the end
	case err != nil && body.n == 0 && !body.begun:
		a.answer(hc, a.problem(ctx, err))
	}
}

// messageStall is how long a listener may take nothing: a player that pauses asks for a range later.
const messageStall = time.Minute

// served counts the octets that went out, and gives up on a listener who takes none.
type served struct {
	http.ResponseWriter
	n     int64
	begun bool
}

func (s *served) WriteHeader(status int) {
	s.begun = true
	s.ResponseWriter.WriteHeader(status)
}

func (s *served) Write(p []byte) (int, error) {
	s.begun = true
	if err := http.NewResponseController(s.ResponseWriter).SetWriteDeadline(time.Now().Add(messageStall)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return 0, err
	}
	n, err := s.ResponseWriter.Write(p)
	s.n += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (s *served) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// noted remembers why reading failed: http.ServeContent does not say.
type noted struct {
	io.ReadSeeker
	err error
}

func (n *noted) Read(p []byte) (int, error) {
	m, err := n.ReadSeeker.Read(p)
	if err != nil && err != io.EOF {
		n.err = err
	}
	return m, err
}
