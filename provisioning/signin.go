package provisioning

import "time"

// Kinds of a SignInSession.
const (
	SessionOfBrowser = "browser" // a cookie
	SessionOfProgram = "program" // a refresh token
)

// SignInSession is one place where a person is signed in at the embedded identity service.
type SignInSession struct {
	ID     string    `json:"id" doc:"To end it with; opens nothing"`
	Kind   string    `json:"kind" enum:"browser,program"`
	Client string    `json:"client,omitempty" doc:"Of a program, such as pbx-cli"`
	Source string    `json:"source,omitempty" doc:"Of a browser: the address that it signed in from"`
	Agent  string    `json:"agent,omitempty" doc:"Of a browser: what it calls itself"`
	Since  time.Time `json:"since" doc:"When the person proved who they are"`
	Used   time.Time `json:"used"`
	Ends   time.Time `json:"ends" doc:"At the latest"`
	ACR    string    `json:"acr"`
	AMR    []string  `json:"amr" nullable:"false"`
}

// SecondFactors says with what a person proves who they are besides the password; nothing of it opens anything.
type SecondFactors struct {
	App           time.Time `json:"app,omitzero" doc:"When an authenticator app (TOTP) was added; absent: there is none"`
	Passkeys      []Passkey `json:"passkeys" nullable:"false"`
	RecoveryCodes int       `json:"recovery_codes" doc:"How many were not used yet"`
}

// Passkey is a WebAuthn credential of a person.
type Passkey struct {
	ID     string    `json:"id"`
	Name   string    `json:"name" doc:"As its owner calls it"`
	Synced bool      `json:"synced" doc:"Its maker copies it between the person's devices"`
	Added  time.Time `json:"added"`
	Used   time.Time `json:"used,omitzero"`
}
