package rest

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"naisen/provisioning"
	"naisen/provisioning/policy"
)

// registerDevices: which telephones an extension has now, by the names that its settings know them by.
func (a *api) registerDevices() {
	huma.Register(a.huma, operation(http.MethodGet, "/v1/domains/{domain}/extensions/{key}/devices", "list-extension-devices",
		"Telephones that ring for an extension now, and when each does by its settings",
		rule{action: policy.ExtensionRead, kind: provisioning.KindExtension, key: "key", domain: "domain"}), a.devicesOf)
}

func (a *api) devicesOf(ctx context.Context, in *ItemPath) (*pageOutput[provisioning.Device], error) {
	return ofExtension(ctx, a, in, func(_ provisioning.Reader, domain string, e provisioning.Extension) ([]provisioning.Device, error) {
		return append([]provisioning.Device{}, a.Devices.Devices(domain, e.Number)...), nil
	})
}
