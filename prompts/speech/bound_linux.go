package speech

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// bound limits a child that has just begun: processor time, memory, what it writes, and its share of a machine on which people talk.
func bound(pid int) error {
	for resource, most := range map[int]uint64{unix.RLIMIT_CPU: 20, unix.RLIMIT_AS: 1 << 30, unix.RLIMIT_FSIZE: maxOutput, unix.RLIMIT_CORE: 0, unix.RLIMIT_NOFILE: 64} {
		if err := unix.Prlimit(pid, resource, &unix.Rlimit{Cur: most, Max: most}, nil); err != nil && !errors.Is(err, unix.ESRCH) { // it may be over already
			return fmt.Errorf("limit %d: %w", resource, err)
		}
	}
	if err := unix.Setpriority(unix.PRIO_PROCESS, pid, 5); err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("priority: %w", err)
	}
	return nil
}
