package main

import (
	"naisen/media"
	"naisen/provisioning"
	"naisen/sip/dialog"
	"naisen/sip/number"
	"naisen/sip/trunk"
)

// trunkProfile turns provisioning's words into the signalling plane's.
func trunkProfile(domain string, t provisioning.Trunk) (*trunk.Profile, error) {
	return trunk.New(trunk.Fields{Domain: domain, Name: t.Name, Profile: t.Profile, Host: t.Host, Hosts: t.Hosts, Transport: t.Transport,
		DIDFrom: t.DIDFrom, CallerID: t.CallerID, Format: number.Format(t.NumberFormat), UserPhone: t.UserPhone, Trusted: t.Trusted,
		Identity: trunk.Identity(t.Identity), FromHost: t.FromHost, CallerRanges: t.CallerRanges, ForwardedCaller: t.ForwardedCaller, CallerName: t.CallerName, Connected: t.Connected,
		Divert: trunk.Divert(t.DivertHeader), Internal: internal(t), ContactHost: t.ContactHost, SourcePort: t.SourcePort, Compact: t.CompactHeaders,
		SessionExpires: t.SessionExpires, MinSE: t.MinSE, Refresher: t.Refresher, Reliable: t.Reliable, Refer: t.Refer, Replaces: t.Replaces,
		OptionsSeconds: t.OptionsSeconds, Register: t.Register, RegisterSeconds: t.RegisterSeconds, TLSName: t.TLSName, TLSPeers: t.TLSPeers,
		TLSTrust: t.TLSTrust, TLSClient: t.TLSClient, TLSServerAuth: t.TLSServerAuth, EvenPorts: unlessFalse(t.EvenPorts), Codecs: t.Codecs, Suites: t.Suites,
		DSCPSIP: t.DSCPSIP, DSCPRTP: t.DSCPRTP, EarlyMedia: t.EarlyMedia, Media: t.Media})
}

// internal: mobiles that are extensions are shown colleagues, whatever profile their carrier's interface is like.
func internal(t provisioning.Trunk) *bool {
	if t.FMC() {
		return new(t.FMC())
	}
	return t.Internal
}

// unlessFalse: false is what nobody wrote, and leaves the choice to the profile.
func unlessFalse(b bool) *bool {
	if !b {
		return nil
	}
	return &b
}

// styleOf is what a carrier's profile asks of our requests to it.
func styleOf(p *trunk.Profile) dialog.Style {
	s := dialog.Style{Allow: []string{"INVITE", "ACK", "CANCEL", "BYE", "PRACK", "UPDATE", "INFO", "OPTIONS", "NOTIFY"},
		MinSE: p.MinSE, Refresher: p.Refresher}
	if p.SessionExpires >= 0 {
		s.Supported = append(s.Supported, "timer")
	}
	if p.Refer {
		s.Allow = append(s.Allow, "REFER")
	}
	if p.Reliable != trunk.ReliableOff {
		s.Supported = append(s.Supported, "100rel")
	}
	if p.Reliable == trunk.ReliableRequired {
		s.Require = append(s.Require, "100rel")
	}
	return s
}

// codecsOf is what a carrier takes; nil: all.
func codecsOf(p *trunk.Profile) []media.Codec {
	var out []media.Codec
	for _, c := range p.Codecs {
		out = append(out, media.Codec(c))
	}
	return out
}
