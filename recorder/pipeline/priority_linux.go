package pipeline

import (
	"runtime"
	"syscall"
)

// lowerPriority binds the goroutine to its thread and makes that thread nicer than those which move packets. The thread ends with it.
func lowerPriority() {
	runtime.LockOSThread()
	// Where it is not allowed the render only runs at normal priority.
	_ = syscall.Setpriority(syscall.PRIO_PROCESS, syscall.Gettid(), 10)
}
