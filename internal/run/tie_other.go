//go:build !linux

package run

import "syscall"

// tie does nothing: this system has no such thing.
func tie(*syscall.SysProcAttr) {}
