// Package telemetry receives what processes of the module tell of themselves by
// WSGITelemetryService, keeps the last minutes of it, and shows them: a page of
// live charts for people, a document for programs.
//
// A datagram is read (Decode), taken into a Store of fixed size, and looked at by
// Snapshot. Nothing is written to disk, and nothing of it can make this process
// grow or end, whoever sends it.
package telemetry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"modwsgi/internal/hint"
)

// largest is how long a datagram may be; the longest that the module sends have
// a few thousand bytes.
const largest = 64 << 10

// Options are what a service is run with.
type Options struct {
	Listen string // unix:/path of the socket that datagrams come to
	Host   string // address of the page
	Port   int    // 0: any
	Log    io.Writer
}

// Service is one that is ready to run.
type Service struct {
	store *Store
	in    *net.UnixConn
	path  string // of the socket
	http  net.Listener
	o     Options
}

// Open takes the socket and the port. Whoever opened it has to Run it.
func Open(o Options) (*Service, error) {
	path, ok := strings.CutPrefix(o.Listen, "unix:")
	if !ok || !strings.HasPrefix(path, "/") {
		return nil, hint.Exit(fmt.Errorf("--listen %q: must be unix:/path/of/a/socket", o.Listen), hint.Usage)
	}
	in, err := listen(path)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", net.JoinHostPort(o.Host, strconv.Itoa(o.Port)))
	if err != nil {
		err = fmt.Errorf("listening for browsers: %w", err)
		if errors.Is(err, syscall.EADDRINUSE) {
			err = hint.New(err, "choose another port: --telemetry-ui-port of start-server, --http-port of telemetry")
		}
		return nil, errors.Join(err, release(in, path))
	}
	return &Service{store: NewStore(), in: in, path: path, http: l, o: o}, nil
}

// listen makes the socket. Who may write to it may send: its user and its group.
// One that nobody listens to any more is replaced; anything else is left alone.
func listen(path string) (*net.UnixConn, error) {
	at := &net.UnixAddr{Name: path, Net: "unixgram"}
	if fi, err := os.Lstat(path); err == nil && fi.Mode().Type() == os.ModeSocket {
		c, err := net.DialUnix("unixgram", nil, at)
		if err == nil {
			return nil, errors.Join(fmt.Errorf("another service listens at %s", path), c.Close())
		}
		if errors.Is(err, syscall.ECONNREFUSED) {
			_ = os.Remove(path) // a failure shows in the next step
		}
	}
	conn, err := net.ListenUnixgram("unixgram", at)
	if err != nil {
		return nil, fmt.Errorf("listening for telemetry: %w", err)
	}
	if err := os.Chmod(path, 0o660); err != nil {
		return nil, errors.Join(fmt.Errorf("listening for telemetry: %w", err), conn.Close())
	}
	return conn, nil
}

// release gives up the socket. Its name goes first: once nobody listens, it may be
// that of another service.
func release(in *net.UnixConn, path string) error {
	err := os.Remove(path)
	return errors.Join(err, in.Close())
}

// URL is where the page is.
func (s *Service) URL() string { return "http://" + s.http.Addr().String() + "/" }

// Run serves until ctx ends, which is no error, or the socket or the port fails.
func (s *Service) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	page := &web{store: s.store, loopback: loopback(s.http.Addr()), tick: time.Second,
		followers: make(chan struct{}, mostFollowers), stop: ctx.Done()}
	server := &http.Server{
		Handler: page.handler(), ReadHeaderTimeout: writeTime, IdleTimeout: 2 * time.Minute,
		WriteTimeout: writeTime, MaxHeaderBytes: 16 << 10,
	}
	done := make(chan struct{}, 2)
	go func() { cancel(s.receive()); done <- struct{}{} }()
	go func() { cancel(server.Serve(s.http)); done <- struct{}{} }()
	if !page.loopback {
		fmt.Fprintf(s.o.Log, "warning: whoever reaches %s sees what is asked for there, without a password\n", s.http.Addr())
	}
	fmt.Fprintf(s.o.Log, "telemetry of %s is shown at %s\n", s.path, s.URL())
	<-ctx.Done()
	err := context.Cause(ctx)
	if errors.Is(err, context.Canceled) {
		err = nil
	}
	soon, stop := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer stop()
	_ = server.Shutdown(soon) // who is still reading then is left
	_ = release(s.in, s.path)
	<-done
	<-done
	return err
}

// loopback tells whether an address is reached from this machine alone.
func loopback(a net.Addr) bool {
	addr, err := netip.ParseAddrPort(a.String())
	return err == nil && addr.Addr().IsLoopback()
}

// receive takes in what comes until the socket is closed.
func (s *Service) receive() error {
	buf := make([]byte, largest+1)
	for {
		n, err := s.in.Read(buf)
		if err != nil {
			return fmt.Errorf("receiving telemetry: %w", err)
		}
		if n > largest {
			s.store.Refuse(fmt.Errorf("more than %d bytes in one datagram", largest))
			continue
		}
		d, err := Decode(buf[:n])
		if err != nil {
			s.store.Refuse(err)
			continue
		}
		s.store.Take(d)
	}
}
