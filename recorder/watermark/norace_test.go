//go:build !race

package watermark

// raced: the race detector watches, and everything takes ten times as long.
const raced = false
