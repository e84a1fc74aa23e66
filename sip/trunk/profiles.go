package trunk

import (
	"cmp"
	"slices"

	"naisen/sip/number"
)

// Profiles are the named defaults of Fields. A carrier's own interface document wins over them, field by field.
var Profiles = map[string]Fields{
	// A carrier whose line registers by digest: JJ-90.24 without IMS, as sold over the internet. National numbers, the line's identity
	// preferred and replaced by the carrier, G.711 of 20 ms.
	"digest": {Format: number.FormatNational, UserPhone: off(), Trusted: on(), Identity: IdentityPreferred, Divert: DivertBoth, Codecs: g711, Register: RegisterSingle,
		RegisterSeconds: 3600, OptionsSeconds: 60, Reliable: ReliableSupported, Refer: off(), Replaces: off(), ForwardedCaller: off()},
	// SIPconnect 2.0 static mode (SIP Forum, sections 8 to 12): +E.164 with user=phone, P-Asserted-Identity both ways, RFC 4733, G.711, off()
	// REFER and no 3xx towards the carrier.
	"ip": {Format: number.FormatPlus, UserPhone: on(), Trusted: on(), Identity: IdentityAsserted, Divert: DivertBoth, Codecs: g711, OptionsSeconds: 60,
		Reliable: ReliableSupported, Refer: off(), Replaces: off(), ForwardedCaller: off()},
	// NTT NGN, line authentication, as observed on a line and published by aoki-taquan/sabiden (protocol.md section 2): requests leave port
	// 5060, Request-URI and To have the server's address, the DID is in P-Called-Party-ID, DSCP 32, even RTP ports, PCMU of 20 ms,
	// Session-Expires 300. Short headers keep an INVITE below 1,300 bytes.
	"ngn": {Transport: "udp", Format: number.FormatNational, UserPhone: off(), Trusted: on(), Identity: IdentityPreferred, Divert: DivertNone, SourcePort: 5060, Compact: on(),
		DIDFrom: []string{string(PlaceCalledParty), string(PlaceRequestURI), string(PlaceTo)}, Codecs: []string{"PCMU"}, EvenPorts: on(),
		DSCPSIP: dscp(32), DSCPRTP: dscp(32), SessionExpires: 300, MinSE: 300, Refresher: "uac", Reliable: ReliableSupported,
		OptionsSeconds: -1, Refer: off(), Replaces: off(), ForwardedCaller: off()},
	// Microsoft Teams Direct Routing (learn.microsoft.com, "Plan Direct Routing" and "SIP protocol"): three points in order, mutual TLS by
	// FQDN with certificates for servers only, FQDN in Contact and From, +E.164 with user=phone, OPTIONS both ways, REFER taken, Replaces
	// never sent.
	"teams": {Transport: "tls", Host: "sip.pstnhub.microsoft.com:5061", Hosts: []string{"sip2.pstnhub.microsoft.com:5061", "sip3.pstnhub.microsoft.com:5061"},
		Format: number.FormatPlus, UserPhone: on(), Trusted: off(), Identity: IdentityNone, Divert: DivertHistory, Media: "srtp-required", OptionsSeconds: 60,
		TLSClient: on(), TLSServerAuth: on(), TLSPeers: []string{"sip.pstnhub.microsoft.com", "sip2.pstnhub.microsoft.com", "sip3.pstnhub.microsoft.com"},
		Codecs: []string{"PCMU", "PCMA", "G722"}, Reliable: ReliableSupported, Refer: on(), Replaces: off(), ForwardedCaller: on()},
	// A telephone system of the same organisation that is being replaced: extensions in the Request-URI, its callers believed. Old ones
	// stumble over what came after RFC 3261, so nothing of it is offered: no session timer, no 100rel, no display names.
	"legacy-pbx": {Format: number.FormatNational, UserPhone: off(), Trusted: on(), Identity: IdentityAsserted, Divert: DivertNone, Internal: on(),
		DIDFrom: []string{string(PlaceRequestURI), string(PlaceTo)}, OptionsSeconds: 30, Reliable: ReliableOff, SessionExpires: -1, Codecs: g711,
		Refer: off(), Replaces: off(), ForwardedCaller: on(), CallerName: off(), Connected: on()},
	// A carrier's network of mobiles that are extensions (fixed-mobile convergence). As SIPconnect, but that short numbers go both ways: what was dialled
	// stands in the Request-URI, and who calls is a colleague.
	"fmc": {Format: number.FormatPlus, UserPhone: on(), Trusted: on(), Identity: IdentityAsserted, Divert: DivertNone, DIDFrom: []string{string(PlaceRequestURI), string(PlaceTo)},
		Codecs: g711, OptionsSeconds: 60, Reliable: ReliableSupported, Refer: off(), Replaces: off(), ForwardedCaller: on(), Connected: on(), Internal: on()},
	// Bulk registration (RFC 6140, SIPconnect 2.0 registration mode): one REGISTER with ;bnc for all numbers.
	"gin": {Format: number.FormatPlus, UserPhone: on(), Trusted: on(), Identity: IdentityAsserted, Divert: DivertBoth, Codecs: g711, Register: RegisterBulk,
		RegisterSeconds: 3600, OptionsSeconds: 60, Reliable: ReliableSupported, Refer: off(), Replaces: off(), ForwardedCaller: off()},
}

var g711 = []string{"PCMU", "PCMA"}

// plain is what is assumed of a carrier without a profile: nothing that could tell it more than it needs.
var plain = Fields{Transport: "udp", Format: number.FormatPlus, UserPhone: on(), Identity: IdentityNone, Divert: DivertNone, Register: RegisterNone,
	Reliable: ReliableSupported, EarlyMedia: EarlyAllow, DIDFrom: []string{string(PlaceCalledParty), string(PlaceRequestURI), string(PlaceTo)},
	Refer: off(), Replaces: off(), CallerName: on(), Connected: off(), Plan: &number.Japan}

func on() *bool  { v := true; return &v }
func off() *bool { return new(bool) }

func dscp(v int) *int { return &v }

// over gives f the values of base where it has none.
func (f Fields) over(base Fields) Fields {
	f.Host, f.Transport, f.Format, f.Plan = cmp.Or(f.Host, base.Host), cmp.Or(f.Transport, base.Transport), cmp.Or(f.Format, base.Format), cmp.Or(f.Plan, base.Plan)
	f.Hosts, f.DIDFrom, f.TLSPeers, f.Codecs = list(f.Hosts, base.Hosts), list(f.DIDFrom, base.DIDFrom), list(f.TLSPeers, base.TLSPeers), list(f.Codecs, base.Codecs)
	f.Suites = list(f.Suites, base.Suites)
	f.UserPhone, f.Trusted, f.Identity = cmp.Or(f.UserPhone, base.UserPhone), cmp.Or(f.Trusted, base.Trusted), cmp.Or(f.Identity, base.Identity)
	f.Divert, f.ForwardedCaller, f.Internal = cmp.Or(f.Divert, base.Divert), cmp.Or(f.ForwardedCaller, base.ForwardedCaller), cmp.Or(f.Internal, base.Internal)
	f.CallerName, f.Connected = cmp.Or(f.CallerName, base.CallerName), cmp.Or(f.Connected, base.Connected)
	f.SourcePort, f.Compact = cmp.Or(f.SourcePort, base.SourcePort), cmp.Or(f.Compact, base.Compact)
	f.SessionExpires, f.MinSE, f.Refresher = cmp.Or(f.SessionExpires, base.SessionExpires), cmp.Or(f.MinSE, base.MinSE), cmp.Or(f.Refresher, base.Refresher)
	f.Reliable, f.Refer, f.Replaces = cmp.Or(f.Reliable, base.Reliable), cmp.Or(f.Refer, base.Refer), cmp.Or(f.Replaces, base.Replaces)
	f.OptionsSeconds, f.Register, f.RegisterSeconds = cmp.Or(f.OptionsSeconds, base.OptionsSeconds), cmp.Or(f.Register, base.Register), cmp.Or(f.RegisterSeconds, base.RegisterSeconds)
	f.TLSClient, f.TLSServerAuth = cmp.Or(f.TLSClient, base.TLSClient), cmp.Or(f.TLSServerAuth, base.TLSServerAuth)
	f.EvenPorts, f.DSCPSIP, f.DSCPRTP = cmp.Or(f.EvenPorts, base.EvenPorts), cmp.Or(f.DSCPSIP, base.DSCPSIP), cmp.Or(f.DSCPRTP, base.DSCPRTP)
	f.EarlyMedia, f.Media = cmp.Or(f.EarlyMedia, base.EarlyMedia), cmp.Or(f.Media, base.Media)
	return f
}

func list(own, base []string) []string {
	if len(own) > 0 {
		return own
	}
	return slices.Clone(base)
}
