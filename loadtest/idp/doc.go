// Package idp signs people in at identity services that are not ours, the certified oidc-provider and Debian's glewlwyd, by `pbx login` as it is, and shows
// what they got to a running switch. It only has tests.
package idp
