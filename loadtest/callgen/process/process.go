// Package process reads what a process costs from /proc. It never touches the process.
package process

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"
)

// tick is the unit of /proc/<pid>/stat: USER_HZ is 100 on every Linux that Go supports.
const tick = 10 * time.Millisecond

// ErrFormat: the kernel's text is not what proc(5) says.
var ErrFormat = errors.New("process: unexpected format")

// CPU is the user and system time that a process used so far, all its threads together, in steps of 10 ms.
func CPU(pid int) (user, system time.Duration, err error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, 0, fmt.Errorf("process: %w", err)
	}
	return parseStat(b)
}

// parseStat reads fields 14 and 15; the name in field 2 may hold anything, a closing bracket too.
func parseStat(b []byte) (user, system time.Duration, err error) {
	_, rest, ok := bytes.Cut(b[max(bytes.LastIndexByte(b, ')'), 0):], []byte(") "))
	f := bytes.Fields(rest)
	if !ok || len(f) < 13 {
		return 0, 0, ErrFormat
	}
	u, err1 := strconv.ParseInt(string(f[11]), 10, 64)
	s, err2 := strconv.ParseInt(string(f[12]), 10, 64)
	if err1 != nil || err2 != nil {
		return 0, 0, ErrFormat
	}
	return time.Duration(u) * tick, time.Duration(s) * tick, nil
}

// RSS is the resident memory in octets.
func RSS(pid int) (int64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, fmt.Errorf("process: %w", err)
	}
	return parseStatus(b)
}

func parseStatus(b []byte) (int64, error) {
	_, rest, ok := bytes.Cut(b, []byte("\nVmRSS:"))
	f := bytes.Fields(rest)
	if !ok || len(f) < 2 || string(f[1]) != "kB" {
		return 0, ErrFormat
	}
	n, err := strconv.ParseInt(string(f[0]), 10, 64)
	if err != nil {
		return 0, ErrFormat
	}
	return n * 1024, nil
}
