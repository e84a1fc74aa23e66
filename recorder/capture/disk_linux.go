package capture

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// diskSpace returns the free and the total bytes of dir's file system, as a user without privileges sees them.
func diskSpace(dir string) (free, total int64, ok bool) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return 0, 0, false
	}
	return int64(st.Bavail) * st.Bsize, int64(st.Blocks) * st.Bsize, true
}

const canSyncAll = true

// syncAll waits until everything written to dir's file system is on the disk (syncfs(2)), and tells errors of writing back since the last call with
// the same dir, as Linux does from 5.8 on.
func syncAll(dir *os.File) error { return unix.Syncfs(int(dir.Fd())) }
