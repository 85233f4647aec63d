package run

import "syscall"

// tie has a program get SIGTERM when the thread that started it ends.
func tie(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGTERM }
