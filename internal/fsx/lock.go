package fsx

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Held tells whether somebody holds the lock file path. Nothing is written.
func Held(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	return errors.Is(unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB), unix.EWOULDBLOCK)
}

// RemoveLock removes a lock file, unless somebody holds it: then it stays. Who opened it meanwhile finds
// out that it is no longer the one, and makes another.
func RemoveLock(path string) error {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("locking %s: %w", path, reason(err))
	}
	defer f.Close()
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); errors.Is(err, unix.EWOULDBLOCK) {
		return nil
	} else if err != nil {
		return fmt.Errorf("locking %s: %w", path, err)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// Lock waits until nobody else holds the lock file path, which is made if it is
// missing, and holds it until release is called or the process ends. If it has
// to wait it calls waiting once, with the process id of the holder (0: not
// known).
func Lock(ctx context.Context, path string, waiting func(pid int)) (release func(), err error) {
	return keep(path, func(f *os.File) error {
		if waiting != nil {
			waiting(holder(path))
		}
		return waitFor(ctx, f)
	})
}

// HeldError says who holds a lock.
type HeldError struct {
	Path string
	PID  int // 0: not known
}

func (e *HeldError) Error() string { return fmt.Sprintf("the process %d holds %s", e.PID, e.Path) }

// TryLock is Lock for who does not wait: if somebody else holds the lock file, that
// is a HeldError.
func TryLock(path string) (release func(), err error) {
	return keep(path, func(f *os.File) error {
		return errors.Join(&HeldError{path, holder(path)}, f.Close())
	})
}

// keep holds the lock file path. busy waits for it to be free, or ends in an error
// and sees to it that the file is closed.
func keep(path string, busy func(*os.File) error) (release func(), err error) {
	for {
		f, err := lock(path, busy)
		if err != nil {
			return nil, err
		}
		if mine, err := f.Stat(); err == nil {
			if there, err := os.Stat(path); err != nil || !os.SameFile(mine, there) {
				f.Close() // removed between opening and locking
				continue
			}
		}
		// Who waits wants to know for whom. The lock holds without it.
		_ = f.Truncate(0)
		_, _ = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
		return func() { f.Close() }, nil
	}
}

// lock holds the lock of the file that is at path when it is opened.
func lock(path string, busy func(*os.File) error) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("locking %s: %w", path, reason(err))
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		if err := busy(f); err != nil {
			return nil, fmt.Errorf("waiting for %s: %w", path, err)
		}
		return f, nil
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("locking %s: %w", path, err)
	}
	return f, nil
}

// waitFor blocks in flock. If ctx ends first, f is closed as soon as flock is
// over, which gives the lock up again; if flock fails, at once.
func waitFor(ctx context.Context, f *os.File) error {
	got := make(chan error, 1)
	go func() {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX)
		for errors.Is(err, unix.EINTR) {
			err = unix.Flock(int(f.Fd()), unix.LOCK_EX)
		}
		got <- err
	}()
	select {
	case err := <-got:
		if err != nil {
			f.Close()
		}
		return err
	case <-ctx.Done():
		go func() {
			<-got
			f.Close()
		}()
		return ctx.Err()
	}
}

func holder(path string) int {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil {
		return 0
	}
	return pid
}
