//go:build !linux

package pipeline

import "syscall"

// lowerPriority: threads have no priority of their own here.
func lowerPriority() {}

// diesWithUs: nothing kills it with us here.
func diesWithUs() *syscall.SysProcAttr { return nil }
