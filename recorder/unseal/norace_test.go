//go:build !race

package unseal

// mutations that are tried.
const mutations = 10_000
