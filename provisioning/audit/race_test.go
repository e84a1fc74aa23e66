//go:build race

package audit_test

// mutations that are tried: the race detector makes each ten times as long, and looks for something else. `make test` tries all of them without it.
const mutations = 1_000
