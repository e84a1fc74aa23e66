//go:build !race

package audit_test

// mutations that are tried.
const mutations = 10_000
