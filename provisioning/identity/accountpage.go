package identity

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"naisen/provisioning"
	"naisen/provisioning/qr"
)

// accountPage is what the account page shows. Either it is plain, or it asks for what completes a new factor.
type accountPage struct {
	T                 texts
	Who, Error        string
	Action, CSRF, For string
	Back              string

	Next, Need string // where the sign-in goes on that led here, and what it needs
	Reached    bool

	Codes           []string // recovery codes, shown this once
	NewApp          string   // the key of an app that is being added
	QR              qr.Code
	Options, Script string // of a passkey that is being added
	Plain           bool

	Factors, Sessions, Buttons, Ends []press
	NoPasskeys                       bool
}

// Ask is what the browser is to do with a passkey.
func (accountPage) Ask() string { return "create" }

// press is a line with a button that does something.
type press struct {
	Text, Label, Do, Key string
	Action, CSRF, For    string
}

// accountPage fills in what each of its forms shows. p says what is special about it.
func (s *Service) accountPage(w http.ResponseWriter, r *http.Request, v visitor, status int, p accountPage) {
	t := textsFor(r)
	p.T, p.Who = t, strings.ReplaceAll(t.AccountOf, "%user", v.who.sub())
	p.Action, p.CSRF, p.Back = s.path+"/account", s.csrf(v.cookie, "account"), s.path+"/account"
	if a, err := s.requests.get(v.next); err == nil && a.browser == s.cookie(r, cookieBrowser) {
		p.For, p.Next, p.Reached, p.Need = a.id, s.path+"/login?id="+url.QueryEscape(a.id), levelOf(v.acr) >= a.need, t.NeedFactor
		if a.need == levelPasskey {
			p.Need = t.NeedPasskey
		}
		p.Back += "?for=" + url.QueryEscape(a.id)
	}
	if p.Options != "" {
		p.Script = s.path + "/passkey.js"
	}
	if p.Plain {
		if err := s.listAccount(r, v, &p); err != nil {
			s.showFault(w, r, "account", err)
			return
		}
	}
	for _, list := range [][]press{p.Factors, p.Sessions, p.Buttons, p.Ends} {
		for i := range list {
			list[i].Action, list[i].CSRF, list[i].For = p.Action, p.CSRF, p.For
		}
	}
	s.write(w, status, t.Lang, "account.html", "'self'", p.Script != "", p)
}

func (s *Service) listAccount(r *http.Request, v visitor, p *accountPage) error {
	f, err := s.Factors(r.Context(), v.who.domain, v.who.user)
	if err != nil {
		return err
	}
	t := p.T
	p.NoPasskeys = s.passkeys == nil
	if !f.App.IsZero() {
		p.Factors = append(p.Factors, press{Text: t.App + " (" + t.AppSince + " " + day(f.App) + ")", Label: t.Remove, Do: "remove-app"})
	}
	for _, k := range f.Passkeys {
		text := k.Name + " (" + t.AppSince + " " + day(k.Added)
		if !k.Used.IsZero() {
			text += ", " + t.LastUsed + " " + day(k.Used)
		}
		p.Factors = append(p.Factors, press{Text: text + ")", Label: t.Remove, Do: "remove-passkey", Key: k.ID})
	}
	p.Buttons = append(p.Buttons, press{Label: t.AddApp, Do: "app"})
	if s.passkeys != nil && len(f.Passkeys) < maxPasskeys {
		p.Buttons = append(p.Buttons, press{Label: t.AddPasskey, Do: "passkey"})
	}
	if len(p.Factors) > 0 {
		left := strings.ReplaceAll(t.RecoveryLeft, "%n", fmt.Sprint(f.RecoveryCodes))
		p.Factors = append(p.Factors, press{Text: t.Recovery + ": " + left, Label: t.RenewRecovery, Do: "recovery"})
	}
	sessions, err := s.Sessions(r.Context(), v.who.domain, v.who.user)
	if err != nil {
		return err
	}
	for _, x := range sessions {
		line := press{Text: sessionText(t, x), Label: t.End, Do: "end", Key: x.ID}
		if x.ID == v.id {
			line.Text, line.Do = line.Text+" ("+t.ThisBrowser+")", ""
		}
		p.Sessions = append(p.Sessions, line)
	}
	p.Ends = []press{{Label: t.EndOthers, Do: "end-others"}, {Label: t.SignOut, Do: "sign-out"}}
	return nil
}

func sessionText(t texts, x provisioning.SignInSession) string {
	what := x.Client
	if x.Kind == provisioning.SessionOfBrowser {
		what = strings.TrimSpace(x.Source + " " + x.Agent)
	}
	return what + ", " + t.Since + " " + x.Since.Format("2006-01-02 15:04") + " UTC"
}

func day(at time.Time) string { return at.Format(time.DateOnly) }
