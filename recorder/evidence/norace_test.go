//go:build !race

package evidence

// mutations that are tried.
const mutations = 10_000
