package rest

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"naisen/provisioning"
	"naisen/provisioning/policy"
)

type particularsInput struct {
	ItemPath
	Body provisioning.DeviceParticulars
}

type particularsOutput struct {
	Body provisioning.DeviceParticulars
}

type deviceStateInput struct {
	ItemPath
	Body struct {
		State string `json:"state" enum:",locked,quarantined,wiped" doc:"Empty: in service"`
		Why   string `json:"why,omitempty" maxLength:"128"`
	}
}

type deviceStatusOutput struct{ Body provisioning.DeviceStatus }

type claimInput struct {
	ItemPath
	Hours int `query:"hours" minimum:"1" maximum:"720" default:"24" doc:"How long the code counts"`
}

type claimOutput struct{ Body deviceClaim }

// deviceClaim is a code in the one answer that holds it.
type deviceClaim struct {
	Code  string    `json:"code" doc:"Shown only here; it gives the configuration once"`
	URL   string    `json:"url,omitempty" doc:"What the telephone is given as the server of its configuration; absent where the switch serves none"`
	Until time.Time `json:"until"`
}

// registerInventory: the telephones as things, and what is done to them.
func (a *api) registerInventory() {
	res := resource[provisioning.ManagedDevice]{plural: "devices", one: "device", read: policy.DeviceRead, put: policy.DevicePut, del: policy.DeviceDelete,
		setKey: func(d *provisioning.ManagedDevice, k string) { d.MAC = k }, owner: func(d provisioning.ManagedDevice) string { return d.User }, keep: endClaims}
	entities(a, res)
	putPlain(a, res)
	item := "/v1/domains/{domain}/devices/{key}"
	of := func(action provisioning.Action) rule {
		return rule{action: action, kind: provisioning.KindDevice, key: "key", domain: "domain"}
	}
	huma.Register(a.huma, operation(http.MethodGet, item+"/status", "get-device-status", "What became of a device, and when it was last given its configuration", of(policy.DeviceRead)), a.deviceStatus)
	huma.Register(a.huma, operation(http.MethodGet, item+"/particulars", "get-device-particulars", "Serial number and contract of a device", of(policy.DeviceParticulars)), a.deviceParticulars)
	huma.Register(a.huma, operation(http.MethodPut, item+"/particulars", "put-device-particulars", "Set serial number and contract of a device", of(policy.DevicePutParticulars), 413, 415, 422), a.putParticulars)
	huma.Register(a.huma, operation(http.MethodPut, item+"/state", "put-device-state",
		"Lock, quarantine or wipe a device, or take it back into service: its registrations end at once", of(policy.DeviceState), 413, 415, 422), a.putDeviceState)
	huma.Register(a.huma, operation(http.MethodPost, item+"/claim", "new-device-claim", "Make the code by which a device gets its configuration, once; the one of before ends",
		of(policy.DeviceClaim), 409, 422), a.newDeviceClaim)
	huma.Register(a.huma, operation(http.MethodPost, item+"/rotation", "rotate-device",
		"Bring in a new SIP password: the old one counts until the device has registered with the new one, at most 72 hours", of(policy.DeviceRotate), 409), a.rotateDevice)
	if a.Fleet == nil {
		return
	}
	huma.Register(a.huma, operation(http.MethodGet, item+"/report", "get-device-report", "What a device is against what it was told", of(policy.DeviceRead)), a.deviceReport)
	huma.Register(a.huma, operation(http.MethodPost, item+"/resync", "resync-device", "Ask a device to fetch its configuration now", of(policy.DeviceResync)), a.resyncDevice)
}

type deviceReportOutput struct{ Body provisioning.DeviceReport }

type resyncOutput struct {
	Body struct {
		Asked int `json:"asked" doc:"Registrations that were asked; 0: it can be reached nowhere"`
	}
}

func (a *api) deviceReport(ctx context.Context, in *ItemPath) (*deviceReportOutput, error) {
	out := &deviceReportOutput{}
	err := a.viewDevice(ctx, policy.DeviceRead, *in, func(provisioning.Reader, provisioning.ManagedDevice) error { return nil })
	if err != nil {
		return nil, err
	}
	if out.Body, err = a.Fleet.Report(in.Domain, in.Key); err != nil {
		return nil, a.problem(ctx, err)
	}
	return out, nil
}

func (a *api) resyncDevice(ctx context.Context, in *ItemPath) (*resyncOutput, error) {
	err := a.changeDevice(ctx, policy.DeviceResync, *in, func(w provisioning.Writer, d provisioning.ManagedDevice) error {
		return w.AddAudit(provisioning.AuditEntry{Domain: in.Domain, Action: string(policy.DeviceResync), Object: "device/" + d.MAC, Outcome: "ok"})
	})
	if err != nil {
		return nil, err
	}
	out := &resyncOutput{}
	if out.Body.Asked, err = a.Fleet.Resync(in.Domain, in.Key); err != nil {
		return nil, a.problem(ctx, err)
	}
	return out, nil
}

// endClaims: a device that is gone is not claimed any more.
func endClaims(r provisioning.Reader, domain string, old provisioning.ManagedDevice) error {
	w, ok := r.(provisioning.Writer)
	if !ok {
		return errors.New("rest: a change without a writer")
	}
	_, err := r.Row(domain, provisioning.KindDevice, old.MAC)
	if errors.Is(err, provisioning.ErrNotFound) {
		return provisioning.EndEnrolments(w, domain, provisioning.EnrolDevice, old.MAC)
	}
	return err
}

// device reads one, if the asker may do that to it.
func (a *api) device(ctx context.Context, r provisioning.Reader, action provisioning.Action, at ItemPath) (provisioning.ManagedDevice, error) {
	d, _, err := provisioning.Get[provisioning.ManagedDevice](r, at.Domain, at.Key)
	if err != nil {
		return d, err
	}
	return d, a.can(subjectOf(ctx), action, provisioning.Object{Domain: at.Domain, Kind: d.Kind(), Key: d.MAC, Owner: d.User})
}

// changeDevice runs f in a transaction once the asker may.
func (a *api) changeDevice(ctx context.Context, action provisioning.Action, at ItemPath, f func(provisioning.Writer, provisioning.ManagedDevice) error) error {
	err := a.Store.Update(ctx, subjectOf(ctx), func(w provisioning.Writer) error {
		d, err := a.device(ctx, w, action, at)
		if err != nil {
			return err
		}
		return f(w, d)
	})
	return a.problem(ctx, err)
}

// viewDevice likewise for what changes nothing. What is denied leaves its trace.
func (a *api) viewDevice(ctx context.Context, action provisioning.Action, at ItemPath, f func(provisioning.Reader, provisioning.ManagedDevice) error) error {
	var d provisioning.ManagedDevice
	err := a.Store.View(ctx, func(r provisioning.Reader) (err error) {
		if d, _, err = provisioning.Get[provisioning.ManagedDevice](r, at.Domain, at.Key); err != nil {
			return err
		}
		return f(r, d)
	})
	if err == nil {
		err = a.may(ctx, action, provisioning.Object{Domain: at.Domain, Kind: d.Kind(), Key: d.MAC, Owner: d.User})
	}
	return a.problem(ctx, err)
}

func (a *api) deviceStatus(ctx context.Context, in *ItemPath) (*deviceStatusOutput, error) {
	out := &deviceStatusOutput{}
	err := a.viewDevice(ctx, policy.DeviceRead, *in, func(r provisioning.Reader, d provisioning.ManagedDevice) (err error) {
		out.Body, _, err = provisioning.Get[provisioning.DeviceStatus](r, in.Domain, d.MAC)
		if errors.Is(err, provisioning.ErrNotFound) {
			out.Body, err = provisioning.DeviceStatus{MAC: d.MAC}, nil
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (a *api) deviceParticulars(ctx context.Context, in *ItemPath) (*particularsOutput, error) {
	out := &particularsOutput{}
	err := a.viewDevice(ctx, policy.DeviceParticulars, *in, func(r provisioning.Reader, d provisioning.ManagedDevice) error {
		plain, err := provisioning.Secret(r, in.Domain, provisioning.SecretDeviceParticulars, d.MAC)
		switch {
		case errors.Is(err, provisioning.ErrNotFound):
			return nil
		case err != nil:
			return err
		}
		return json.Unmarshal(plain, &out.Body)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (a *api) putParticulars(ctx context.Context, in *particularsInput) (*emptyOutput, error) {
	err := a.changeDevice(ctx, policy.DevicePutParticulars, in.ItemPath, func(w provisioning.Writer, d provisioning.ManagedDevice) error {
		if err := in.Body.Validate(); err != nil {
			return err
		}
		plain, err := json.Marshal(in.Body)
		if err != nil {
			return err
		}
		return w.PutSecret(in.Domain, provisioning.SecretDeviceParticulars, d.MAC, plain)
	})
	if err != nil {
		return nil, err
	}
	return &emptyOutput{}, nil
}

func (a *api) putDeviceState(ctx context.Context, in *deviceStateInput) (*deviceStatusOutput, error) {
	out := &deviceStatusOutput{}
	err := a.changeDevice(ctx, policy.DeviceState, in.ItemPath, func(w provisioning.Writer, d provisioning.ManagedDevice) (err error) {
		out.Body, err = provisioning.SetDeviceState(w, in.Domain, d.MAC, in.Body.State, in.Body.Why, a.Clock())
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// newDeviceClaim is for a device in service: another one would get nothing by it.
func (a *api) newDeviceClaim(ctx context.Context, in *claimInput) (*claimOutput, error) {
	out := &claimOutput{deviceClaim{Until: a.Clock().Add(time.Duration(in.Hours) * time.Hour).UTC().Truncate(time.Second)}}
	err := a.changeDevice(ctx, policy.DeviceClaim, in.ItemPath, func(w provisioning.Writer, d provisioning.ManagedDevice) error {
		if err := inService(w, in.Domain, d.MAC); err != nil {
			return err
		}
		var err error
		out.Body.Code, err = provisioning.NewEnrolment(w, in.Domain, provisioning.Enrolment{Of: provisioning.EnrolDevice, Name: d.MAC, Until: out.Body.Until}, a.Clock())
		if err != nil {
			return err
		}
		return w.AddAudit(provisioning.AuditEntry{Domain: in.Domain, Action: string(policy.DeviceClaim), Object: "device/" + d.MAC, Outcome: "ok"})
	})
	if err != nil {
		return nil, err
	}
	if a.Fleet != nil {
		out.Body.URL = a.Fleet.URL(in.Domain, out.Body.Code)
	}
	return out, nil
}

func (a *api) rotateDevice(ctx context.Context, in *ItemPath) (*emptyOutput, error) {
	err := a.changeDevice(ctx, policy.DeviceRotate, *in, func(w provisioning.Writer, d provisioning.ManagedDevice) error {
		if err := inService(w, in.Domain, d.MAC); err != nil {
			return err
		}
		if err := provisioning.RotateDevice(w, in.Domain, d.MAC, a.Clock()); err != nil {
			return err
		}
		return w.AddAudit(provisioning.AuditEntry{Domain: in.Domain, Action: string(policy.DeviceRotate), Object: "device/" + d.MAC, Outcome: "ok"})
	})
	if err != nil {
		return nil, err
	}
	return &emptyOutput{}, nil
}

// inService refuses what makes sense only for a device that is.
func inService(r provisioning.Reader, domain, mac string) error {
	s, _, err := provisioning.Get[provisioning.DeviceStatus](r, domain, mac)
	if errors.Is(err, provisioning.ErrNotFound) {
		return nil
	}
	if err == nil && !s.InService() {
		err = &provisioning.Invalid{Field: "state", Reason: "is " + s.State + ": take the device back into service first"}
	}
	return err
}
