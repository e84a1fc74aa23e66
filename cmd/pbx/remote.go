package main

import (
	"net/netip"

	"naisen/cmd/pbx/internal/route"
	"naisen/provisioning/directory"
	"naisen/sip"
	"naisen/sip/stack"
)

// handset is what tells a softphone from a desk telephone.
type handset struct {
	transport, agent string
	contact          sip.URI
}

// handsetOf sent a request.
func handsetOf(req *stack.Request) handset {
	h := handset{transport: req.Flow.Transport(), agent: req.Get("User-Agent")}
	if list, err := req.Contacts(); err == nil && len(list) == 1 {
		h.contact = list[0].URI
	}
	return h
}

// remoteOf says whether a telephone stands outside the premises, and whether it is one that may be anywhere: a browser, one that is woken by push
// (RFC 8599 section 3), or one that says so.
func remoteOf(snap *directory.Snapshot, domain string, addr netip.Addr, h handset) route.Remote {
	if !snap.Outside(domain, addr) {
		return route.OnPremises
	}
	d, _ := snap.Domain(domain)
	if _, woken := h.contact.Params.Get("pn-provider"); woken || h.transport == "ws" || h.transport == "wss" || d.Remote.Soft(h.agent) {
		return route.RemoteSoft
	}
	return route.RemoteDesk
}
