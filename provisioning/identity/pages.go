package identity

import (
	"bytes"
	_ "embed"
	"html/template"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/text/language"
)

//go:embed pages/page.html
var pageHTML string

var pageTemplate = template.Must(template.New("page").Parse(pageHTML))

// texts of the pages in one language.
type texts struct {
	Lang, SignIn, User, Password, NewPassword, Again, Other string
	Continue, ContinueAs                                    string // ContinueAs: %user, %client
	SetPassword, SetPasswordWhy                             string
	Wrong, Wait, Weak, Differ                               string
	Gone, GoneTitle, SignedOut, Fault                       string
}

var pageTexts = map[string]texts{
	"en": {
		Lang: "en", SignIn: "Sign in", User: "User", Password: "Password", NewPassword: "New password", Again: "New password again",
		Other: "Use another account", Continue: "Continue", ContinueAs: "Sign in to %client as %user?",
		SetPassword: "Set a new password", SetPasswordWhy: "The password was for one use. Choose a new one of at least 12 characters.",
		Wrong: "User or password is wrong.", Wait: "Too many attempts. Wait a moment, then try again.",
		Weak:   "This password cannot be used: at least 12 characters, not the old one, not your user name.",
		Differ: "The two passwords differ.", GoneTitle: "Start again",
		Gone:      "This sign-in has expired or was begun in another browser. Go back to the application and sign in again.",
		SignedOut: "You are signed out.", Fault: "Something went wrong here. Try again later.",
	},
	"ja": {
		Lang: "ja", SignIn: "ログイン", User: "ユーザー名", Password: "パスワード", NewPassword: "新しいパスワード", Again: "新しいパスワード(確認)",
		Other: "別のアカウントを使う", Continue: "続ける", ContinueAs: "%user として %client にログインしますか?",
		SetPassword: "新しいパスワードの設定", SetPasswordWhy: "このパスワードは一度しか使えません。12文字以上の新しいパスワードを決めてください。",
		Wrong: "ユーザー名またはパスワードが違います。", Wait: "試行回数が多すぎます。しばらく待ってからやり直してください。",
		Weak:   "このパスワードは使えません。12文字以上で、以前のパスワードやユーザー名を含まないものにしてください。",
		Differ: "二つのパスワードが一致しません。", GoneTitle: "最初からやり直してください",
		Gone:      "このログインは期限切れか、別のブラウザーで始められたものです。アプリケーションに戻ってログインし直してください。",
		SignedOut: "ログアウトしました。", Fault: "サーバーで問題が起きました。しばらくしてからやり直してください。",
	},
}

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
	redirect                         string // where the form may lead in the end: Chrome applies form-action to redirects
}

// show writes a page. Nothing on it is active; a form goes to this service and from there to the client's address only.
func (s *Service) show(w http.ResponseWriter, status int, p page) {
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, p); err != nil {
		s.cfg.Log.Error("identity: page", "err", err)
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	form := "'none'"
	if p.Action != "" {
		form = "'self'"
		if u, err := url.Parse(p.redirect); err == nil && u.Host != "" && !strings.ContainsAny(u.Host, " ;,'\"") {
			form += " " + u.Scheme + "://" + u.Host
		}
	}
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action "+form)
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", p.T.Lang)
	h.Set("Vary", "Accept-Language")
	w.WriteHeader(status)
	w.Write(b.Bytes())
}

func (s *Service) formPage(r *http.Request, a authRequest, kind string) page {
	t := textsFor(r)
	p := page{T: t, Kind: kind, ID: a.id, CSRF: s.csrf(a.browser, a.id), redirect: a.redirect}
	switch kind {
	case "login":
		p.Title, p.Button, p.Action, p.User = t.SignIn, t.SignIn, s.path+"/login", a.hint
	case "new-password":
		p.Title, p.Button, p.Action, p.Text = t.SetPassword, t.SetPassword, s.path+"/password", t.SetPasswordWhy
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
