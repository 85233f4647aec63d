package expressgen

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"modwsgi/internal/cli"
	"modwsgi/internal/hint"
	"modwsgi/internal/run"
	"modwsgi/internal/words"
)

// quoteWord makes s a word that a person can paste into a shell.
func quoteWord(s string) string { return words.Quote(s) }

// PortFree is an error if s cannot listen: somebody else does, or the host is
// no address of this machine. Ports that need a privilege are left for httpd to
// try, since the system may grant it in ways that cannot be seen from here.
func PortFree(s *Server) error {
	err := portFree(s, "port", s.Host, s.Port)
	if s.HTTPS != 0 {
		err = errors.Join(err, portFree(s, "https-port", s.Host, s.HTTPS))
	}
	if s.Telemetry != 0 {
		err = errors.Join(err, portFree(s, "telemetry-ui-port", "127.0.0.1", s.Telemetry))
	}
	return err
}

func portFree(s *Server, option, host string, port int) error {
	if port < 1024 && os.Geteuid() != 0 {
		return nil
	}
	err := claim(host, port)
	host = cmp.Or(host, "any address")
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.EADDRINUSE):
		return portTaken(s, option, port, host)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return hint.New(fmt.Errorf("%s is not an address of this machine", host), "choose another --host")
	}
	return fmt.Errorf("listening on port %d of %s: %w", port, host, err)
}

// claim binds a socket to the address as httpd will, and gives it up. It does not
// listen: whoever waits for httpd would be let in, and thrown out again.
func claim(host string, port int) error {
	addr, err := net.ResolveTCPAddr("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	if err != nil {
		return err
	}
	if ip := addr.IP.To4(); ip != nil {
		return bound(unix.AF_INET, &unix.SockaddrInet4{Port: port, Addr: [4]byte(ip)})
	}
	six := &unix.SockaddrInet6{Port: port}
	copy(six.Addr[:], addr.IP)
	if link, err := net.InterfaceByName(addr.Zone); err == nil {
		six.ZoneId = uint32(link.Index)
	}
	err = bound(unix.AF_INET6, six)
	if addr.IP == nil && (errors.Is(err, unix.EAFNOSUPPORT) || errors.Is(err, unix.EADDRNOTAVAIL)) { // no IPv6 here
		err = bound(unix.AF_INET, &unix.SockaddrInet4{Port: port})
	}
	return err
}

func bound(family int, addr unix.Sockaddr) error {
	fd, err := unix.Socket(family, unix.SOCK_STREAM, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	unix.CloseOnExec(fd)
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil { // ended connections are no reason
		return err
	}
	if family == unix.AF_INET6 {
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 0); err != nil {
			return err
		}
	}
	return unix.Bind(fd, addr)
}

// PrintBanner writes the lines of a banner.
func PrintBanner(w io.Writer, banner []Line) {
	for _, l := range banner {
		fmt.Fprintf(w, "%-18s : %s\n", l.Label, l.Value)
	}
}

// Run starts httpd on a root that was written and returns its exit status.
//
// On a terminal this process stays in front of it: httpd gets a process group
// of its own, so that ^C and a change of the window's size do not reach it by
// the terminal, and every signal but the latter is passed on. Otherwise this
// process becomes httpd and Run does not return: under a supervisor or in a
// container it is httpd that is watched.
func Run(ctx context.Context, r *run.Runner, s *Server) (int, error) {
	args := []string{"start", "-DFOREGROUND"}
	if s.Debug || !watched(os.Stdout) { // whoever debugs needs the terminal itself
		return 1, run.Replace(s.Path("apachectl"), args...)
	}
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT,
		syscall.SIGUSR1, syscall.SIGWINCH)
	defer signal.Stop(signals)
	began := time.Now()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	p, err := r.Start(context.WithoutCancel(ctx), run.Cmd{
		Path: s.Path("apachectl"), Args: args, Env: os.Environ(),
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Tied: true, // killed, this process cannot pass anything on
	})
	if err != nil {
		return 1, err
	}
	settle := time.AfterFunc(settled, shrink)
	defer settle.Stop()
	ended := make(chan struct{})
	go forward(p.PID(), signals, ended)
	res, err := p.Wait()
	close(ended)
	if res.Code == 0 || !isExit(err) {
		return res.Code, err
	}
	if s.ErrorLog != "" && time.Since(began) < 10*time.Second {
		fmt.Fprintf(os.Stderr, "mod_wsgi-express: Apache ended with status %d; see %s\n", res.Code, s.ErrorLog)
	}
	return res.Code, nil
}

// settled is when a server has started, and this process is not in its way.
const settled = 2 * time.Second

// shrink gives back what generating took: from here on there are signals to pass on.
func shrink() {
	debug.SetGCPercent(100)
	debug.FreeOSMemory()
}

// watched tells whether f is a terminal. The null device is a character device
// too, and a supervisor's way to say that nobody looks.
func watched(f *os.File) bool {
	if !cli.Terminal(f) {
		return false
	}
	fi, err := f.Stat()
	null, nullErr := os.Stat(os.DevNull)
	return err == nil && nullErr == nil && !os.SameFile(fi, null)
}

// isExit tells an end of httpd, whose status becomes ours, from a failure to
// run it at all.
func isExit(err error) bool {
	var e *run.Error
	return errors.As(err, &e) && e.Code > 0
}

// forward passes signals on to httpd until it has ended. SIGWINCH stays here: a
// terminal sends it when its size changes, and to httpd it means to stop.
func forward(pid int, signals <-chan os.Signal, ended <-chan struct{}) {
	for {
		select {
		case <-ended:
			return
		case sig := <-signals:
			if s, ok := sig.(syscall.Signal); ok && s != syscall.SIGWINCH {
				_ = syscall.Kill(pid, s) // gone already: Wait will say so
			}
		}
	}
}
