package provider

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// within puts the view together and calls f with its root, on the one thread that
// has it: programs that f starts see it too. When f is back, processes that it
// left there are killed.
//
// The namespaces are those of a thread that ends with f, and of the processes in
// them. The kernel undoes the mounts when the last of these is gone, however it
// ends: nothing has to be unmounted, and nothing can be forgotten.
func (v view) within(ctx context.Context, f func(ctx context.Context, root string) error) error {
	base, err := os.MkdirTemp("", "modwsgi-root-")
	if err != nil {
		return err
	}
	defer os.Remove(base) // empty here, always
	steps, err := v.steps(base)
	if err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // for good
		done <- v.inside(steps, func() error { return f(ctx, top(base)) })
	}()
	return <-done
}

// inside does the work of within on its thread.
func (v view) inside(steps []step, f func() error) error {
	flags := unix.CLONE_NEWNS
	if !v.network {
		flags |= unix.CLONE_NEWNET
	}
	if err := unix.Unshare(flags); err != nil {
		return missing(Platform, fmt.Errorf("making a namespace for %s: %w", v.tree, err), "run it where root may mount: not in a container without CAP_SYS_ADMIN")
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("keeping mounts to ourselves: %w", err)
	}
	for _, s := range steps {
		if err := s.carryOut(); err != nil {
			return fmt.Errorf("entering %s: %s: %w", v.tree, s, err)
		}
	}
	if !v.network {
		if err := loopback(); err != nil {
			return fmt.Errorf("entering %s: a network of its own: %w", v.tree, err)
		}
	}
	err := f()
	return errors.Join(err, endNamespace())
}

// carryOut does one step.
func (s step) carryOut() error {
	switch s.do {
	case "folder":
		if err := os.Mkdir(s.to, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
			return err
		}
		return nil
	case "file":
		f, err := os.OpenFile(s.to, os.O_CREATE|os.O_WRONLY|unix.O_NOFOLLOW, 0o644)
		if err != nil {
			return err
		}
		return f.Close()
	case "link":
		return os.Symlink(s.from, s.to)
	case "bind":
		if err := unix.Mount(s.from, s.to, "", unix.MS_BIND, ""); err != nil || !s.ro {
			return err
		}
		return unix.Mount("", s.to, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY|unix.MS_NOSUID, "")
	}
	return unix.Mount(s.do, s.to, s.do, 0, s.data)
}

// loopback brings up the one interface of a new network namespace.
func loopback() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	lo.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo)
}

// endNamespace kills the processes that are left in the mount namespace of this
// thread: there is none in it that f did not start.
func endNamespace() error {
	ours, err := os.Readlink("/proc/thread-self/ns/mnt")
	if err != nil {
		return err
	}
	for range 10 { // a process may have started another meanwhile
		left, err := inNamespace(ours)
		if err != nil || len(left) == 0 {
			return err
		}
		for _, pid := range left {
			if err := endProcess(pid, ours); err != nil {
				return err
			}
		}
	}
	return errors.New("processes are left that start others faster than they are ended")
}

// inNamespace lists the processes of a mount namespace, without this one.
func inNamespace(ns string) ([]int, error) {
	names, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil, err
	}
	var list []int
	for _, name := range names {
		pid, err := strconv.Atoi(filepath.Base(name))
		if err != nil || pid == os.Getpid() {
			continue
		}
		if its, err := os.Readlink(filepath.Join(name, "ns", "mnt")); err == nil && its == ns {
			list = append(list, pid)
		}
	}
	return list, nil
}

// endProcess kills a process, as long as it is in the namespace, and waits for its
// end: the descriptor stands for that process and no other that gets its number.
func endProcess(pid int, ns string) error {
	fd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("ending process %d: %w", pid, err)
	}
	defer unix.Close(fd)
	if its, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/mnt", pid)); err != nil || its != ns {
		return nil
	}
	if err := unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("ending process %d: %w", pid, err)
	}
	until := time.Now().Add(5 * time.Second)
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(max(0, time.Until(until)).Milliseconds()))
		switch {
		case errors.Is(err, unix.EINTR) && time.Now().Before(until):
		case err == nil && n > 0:
			return nil
		default:
			return fmt.Errorf("process %d does not end: %w", pid, errors.Join(err, os.ErrDeadlineExceeded))
		}
	}
}

// alone calls f on a thread whose mounts, and those of the programs that f starts,
// are seen nowhere else, and are gone with it.
func alone(f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // for good
		done <- view{network: true}.inside(nil, f)
	}()
	return <-done
}
