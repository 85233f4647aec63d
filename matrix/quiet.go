package matrix

import (
	"context"
	"errors"
	"strconv"

	"modwsgi/internal/run"
)

// benchCase is hello world with five threads in one process.
func benchCase(mode Mode) Case {
	c := Case{Name: "hello"}
	if mode == Daemon {
		c.Daemon = "threads=5"
	}
	return c
}

// startBenchServer starts httpd for one case where costs are counted: 25 threads
// in one child, no access log.
func startBenchServer(ctx context.Context, r *run.Runner, t Target, mode Mode, c Case) (*Session, error) {
	s, err := NewServer(ctx, r, t, "event")
	if err != nil {
		return nil, err
	}
	session := &Session{Cell: Cell{Target: t, MPM: "event", Mode: mode}, Server: s, first: -1}
	s.Conf.Threads, s.Conf.Quiet = 25, true
	// As every distribution has it: else each folder is searched for .htaccess.
	s.Conf.Global = append(s.Conf.Global, "<Directory />\n    AllowOverride None\n</Directory>")
	if err := session.prepare([]Case{c}); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if err := s.Start(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return session, nil
}

// url is where a path of the server is.
func (s *Session) url(path string) string {
	return "http://127.0.0.1:" + strconv.Itoa(s.Server.Port) + path
}

// only is the one process of the server with this in its command line. It is
// there when httpd, or the supervisor, has come to start it.
func (s *Session) only(ctx context.Context, command string) (p Process, err error) {
	err = s.Server.await(ctx, startDeadline, "one process with "+command, func() bool {
		list := s.Server.Children(command)
		if len(list) == 1 {
			p = list[0]
		}
		return len(list) == 1
	})
	return p, err
}

// stop ends a server that was started for its costs.
func (s *Session) stop() error { return errors.Join(s.Server.Stop(), s.Server.Close()) }
