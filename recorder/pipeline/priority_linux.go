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

// diesWithUs kills a process when the thread that began it ends, and keeps what a terminal says to this one from it: whoever stops the switch waits for
// renders.
func diesWithUs() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}
