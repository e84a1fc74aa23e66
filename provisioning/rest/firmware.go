package rest

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"naisen/provisioning"
	"naisen/provisioning/policy"
)

// firmwareTime bounds an upload of firmware, from its first byte to its last.
const firmwareTime = 15 * time.Minute

type firmwareStatusOutput struct{ Body firmwareView }

// firmwareView is how far a roll-out came, with what is seen of its last wave.
type firmwareView struct {
	provisioning.FirmwareStatus
	Wave     provisioning.FirmwareCount `json:"wave" doc:"The last wave that has begun, now"`
	Uploaded bool                       `json:"uploaded" doc:"The file is here"`
}

type rolloutInput struct {
	ItemPath
	Body struct {
		Do  string `json:"do" enum:"start,halt,resume,rollback" doc:"resume goes on with the wave that was halted: what is registered now is the measure from then on"`
		Why string `json:"why,omitempty" maxLength:"128"`
	}
}

// firmwareUpload streams its body, which is not read before the right was checked.
type firmwareUpload struct {
	ItemPath
	file io.Reader
	bad  error
}

// registerFirmware: the catalogue, its files, and how they reach telephones.
func (a *api) registerFirmware() {
	res := resource[provisioning.Firmware]{plural: "firmware", one: "firmware-version", read: policy.FirmwareRead, put: policy.FirmwarePut, del: policy.FirmwareDelete,
		setKey: func(f *provisioning.Firmware, k string) { f.Name = k },
		keep: func(r provisioning.Reader, domain string, f provisioning.Firmware) error {
			return provisioning.FirmwareStays(r, domain, f.Name)
		}}
	entities(a, res)
	putPlain(a, res)
	if a.Rollouts == nil {
		return
	}
	item := "/v1/domains/{domain}/firmware/{key}"
	of := func(action provisioning.Action) rule {
		return rule{action: action, kind: provisioning.KindFirmware, key: "key", domain: "domain"}
	}
	huma.Register(a.huma, operation(http.MethodGet, item+"/status", "get-firmware-status", "How far a roll-out came, and what is seen of its last wave", of(policy.FirmwareRead)), a.firmwareStatus)
	huma.Register(a.huma, operation(http.MethodPost, item+"/rollout", "steer-firmware", "Begin a roll-out, halt it, go on, or roll back", of(policy.FirmwareRollout), 413, 415, 422), a.steerFirmware)
	upload := of(policy.FirmwareUpload)
	upload.time = firmwareTime
	huma.Register(a.huma, operation(http.MethodPut, item+"/file", "put-firmware-file", "Upload the file: it must have the hash and size of the catalogue", upload, 408, 413, 415, 422), a.putFirmwareFile)
	// Said after the registration: a body known at registration would be read into memory.
	a.huma.OpenAPI().Paths[item+"/file"].Put.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
		"application/octet-stream": {Schema: &huma.Schema{Type: "string", Format: "binary"}}}}
}

// Resolve takes the body's stream from the library.
func (u *firmwareUpload) Resolve(ctx huma.Context) []error {
	r, w := humago.Unwrap(ctx)
	if err := ctx.SetReadDeadline(time.Now().Add(firmwareTime)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		u.bad = err
		return nil
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case r.ContentLength > provisioning.MaxFirmware:
		u.bad = huma.NewError(http.StatusRequestEntityTooLarge, "")
	case err != nil || kind != "application/octet-stream":
		u.bad = huma.NewError(http.StatusUnsupportedMediaType, "")
	}
	u.file = http.MaxBytesReader(w, r.Body, provisioning.MaxFirmware)
	return nil
}

// firmware reads one, if the asker may do that to it.
func (a *api) firmware(ctx context.Context, action provisioning.Action, at ItemPath) (f provisioning.Firmware, err error) {
	err = a.Store.View(ctx, func(r provisioning.Reader) (err error) {
		f, _, err = provisioning.Get[provisioning.Firmware](r, at.Domain, at.Key)
		return err
	})
	if err == nil {
		err = a.may(ctx, action, provisioning.Object{Domain: at.Domain, Kind: f.Kind(), Key: f.Name})
	}
	return f, err
}

func (a *api) firmwareStatus(ctx context.Context, in *ItemPath) (*firmwareStatusOutput, error) {
	f, err := a.firmware(ctx, policy.FirmwareRead, *in)
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	out := &firmwareStatusOutput{firmwareView{Wave: a.Rollouts.FirmwareCount(in.Domain, f.Name), Uploaded: a.Rollouts.HasFirmware(f)}}
	err = a.Store.View(ctx, func(r provisioning.Reader) (err error) {
		out.Body.FirmwareStatus, _, err = provisioning.Get[provisioning.FirmwareStatus](r, in.Domain, f.Name)
		if errors.Is(err, provisioning.ErrNotFound) {
			out.Body.FirmwareStatus, err = provisioning.FirmwareStatus{Name: f.Name}, nil
		}
		return err
	})
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return out, nil
}

func (a *api) steerFirmware(ctx context.Context, in *rolloutInput) (*firmwareStatusOutput, error) {
	f, err := a.firmware(ctx, policy.FirmwareRollout, in.ItemPath)
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	if in.Body.Do == provisioning.FirmwareStart && !a.Rollouts.HasFirmware(f) {
		return nil, invalidAt(http.StatusUnprocessableEntity, "body.do", "needs the file: PUT .../file first")
	}
	err = a.Store.Update(ctx, subjectOf(ctx), func(w provisioning.Writer) error {
		_, err := provisioning.SteerFirmware(w, in.Domain, f.Name, in.Body.Do, in.Body.Why, a.Rollouts.FirmwareCount(in.Domain, f.Name).Registered, a.Clock())
		if err != nil {
			return err
		}
		return w.AddAudit(provisioning.AuditEntry{Domain: in.Domain, Action: string(policy.FirmwareRollout), Object: "firmware/" + f.Name, Outcome: "ok", Reason: in.Body.Why,
			Detail: map[string]any{"do": in.Body.Do, "version": f.Version}})
	})
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return a.firmwareStatus(ctx, &in.ItemPath)
}

func (a *api) putFirmwareFile(ctx context.Context, in *firmwareUpload) (*emptyOutput, error) {
	f, err := a.firmware(ctx, policy.FirmwareUpload, in.ItemPath)
	if err == nil {
		err = in.bad
	}
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	err = a.act(ctx, in.Domain, policy.FirmwareUpload, "firmware/"+f.Name, map[string]any{"sha256": f.SHA256, "size": f.Size}, func() (map[string]any, error) {
		return nil, a.Rollouts.PutFirmware(ctx, f, in.file)
	})
	var large *http.MaxBytesError
	var timeout interface{ Timeout() bool }
	switch {
	case errors.As(err, &large):
		return nil, huma.NewError(http.StatusRequestEntityTooLarge, "")
	case errors.As(err, &timeout) && timeout.Timeout():
		return nil, huma.NewError(http.StatusRequestTimeout, "")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, invalidAt(http.StatusBadRequest, "body", "ends too early")
	case err != nil:
		return nil, a.problem(ctx, err)
	}
	return &emptyOutput{}, nil
}
