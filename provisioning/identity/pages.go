package identity

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/text/language"
)

//go:embed pages/*.html
var pageFiles embed.FS

//go:embed pages/passkey.js
var passkeyScript []byte

var pageTemplates = template.Must(template.ParseFS(pageFiles, "pages/*.html"))

var pageLanguages = language.NewMatcher([]language.Tag{language.English, language.Japanese})

// textsFor chooses by Accept-Language (RFC 9110 section 12.5.4).
func textsFor(r *http.Request) texts {
	header := r.Header.Get("Accept-Language")
	if len(header) > 256 {
		header = ""
	}
	tags, _, err := language.ParseAcceptLanguage(header)
	if err != nil {
		return pageTexts["en"]
	}
	_, i, _ := pageLanguages.Match(tags...)
	return pageTexts[[]string{"en", "ja"}[i]]
}

// page is what the template shows.
type page struct {
	T                                texts
	Kind, Title, Text, Error, Button string
	Action, ID, CSRF                 string
	User                             string
	Lines                            []string
	AsksCode                         bool
	Options, Script                  string // of a passkey; "": there is none to ask for
	redirect                         string // where the form may lead in the end: Chrome applies form-action to redirects
}

// Ask is what the browser is to do with a passkey.
func (page) Ask() string { return "get" }

// show writes a page. Nothing on it is active but what asks for a passkey; a form goes to this service and from there to the client's address only.
func (s *Service) show(w http.ResponseWriter, status int, p page) {
	form := "'none'"
	if p.Action != "" {
		form = "'self'"
		if u, err := url.Parse(p.redirect); err == nil && u.Host != "" && !strings.ContainsAny(u.Host, " ;,'\"") {
			form += " " + u.Scheme + "://" + u.Host
		}
	}
	if p.Options != "" {
		p.Script = s.path + "/passkey.js"
	}
	s.write(w, status, p.T.Lang, "page.html", form, p.Script != "", p)
}

func (s *Service) write(w http.ResponseWriter, status int, lang, file, form string, script bool, data any) {
	var b bytes.Buffer
	if err := pageTemplates.ExecuteTemplate(&b, file, data); err != nil {
		s.cfg.Log.Error("identity: page", "err", err)
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	policy := "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action " + form
	if script {
		policy += "; script-src 'self'"
	}
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", lang)
	h.Set("Vary", "Accept-Language")
	w.WriteHeader(status)
	w.Write(b.Bytes())
}

func (s *Service) showScript(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/javascript; charset=utf-8")
	h.Set("Cache-Control", "public, max-age=60")
	w.Write(passkeyScript)
}

func (s *Service) formPage(r *http.Request, a authRequest, kind string) page {
	t := textsFor(r)
	p := page{T: t, Kind: kind, ID: a.id, CSRF: s.csrf(a.browser, a.id), redirect: a.redirect}
	switch kind {
	case "login":
		p.Title, p.Button, p.Action, p.User = t.SignIn, t.SignIn, s.path+"/login", a.hint
		p.Options = s.askPasskey(r.Context(), a, factors{})
	case "second":
		p.Title, p.Button, p.Action, p.Text = t.Second, t.Continue, s.path+"/second", t.SecondWhy
	case "new-password":
		p.Title, p.Button, p.Action, p.Text = t.SetPassword, t.SetPassword, s.path+"/password", t.SetPasswordWhy
	case "device-confirm":
		p.Title, p.Button, p.Action = t.Device, t.DeviceAllow, s.path+"/device/confirm"
	case "reason":
		p.Title, p.Button, p.Action, p.Text = t.Emergency, t.Continue, s.path+"/reason", t.EmergencyWhy
	case "continue":
		p.Title, p.Button, p.Action = t.SignIn, t.Continue, s.path+"/continue"
	}
	return p
}

func (s *Service) showGone(w http.ResponseWriter, r *http.Request) {
	t := textsFor(r)
	s.show(w, http.StatusBadRequest, page{T: t, Title: t.GoneTitle, Text: t.Gone})
}

func (s *Service) showFault(w http.ResponseWriter, r *http.Request, what string, err error) {
	s.cfg.Log.Error("identity: "+what, "err", err)
	t := textsFor(r)
	s.show(w, http.StatusInternalServerError, page{T: t, Title: t.SignIn, Error: t.Fault})
}

func (s *Service) showSignedOut(w http.ResponseWriter, r *http.Request) {
	t := textsFor(r)
	s.show(w, http.StatusOK, page{T: t, Title: t.SignedOut})
}
