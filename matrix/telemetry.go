package matrix

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"modwsgi/internal/telemetry"
)

// decodeDatagram reads one datagram as a telemetry service does, and refuses
// besides what is not known and what lacks something.
func decodeDatagram(p []byte) (telemetry.Datagram, error) {
	d, err := telemetry.Decode(p)
	if err == nil {
		err = d.Strict()
	}
	return d, err
}

// Ingester listens as a telemetry service does.
type Ingester struct {
	conn *net.UnixConn

	mu   sync.Mutex
	all  []telemetry.Datagram
	errs []error
}

// Ingest listens on a socket that anybody may send to. Close it.
func Ingest(path string) (*Ingester, error) {
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return nil, fmt.Errorf("listening for telemetry: %w", err)
	}
	in := &Ingester{conn: conn}
	if err := os.Chmod(path, 0o777); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	go in.read()
	return in, nil
}

func (in *Ingester) read() {
	buf := make([]byte, 1<<17)
	for {
		n, err := in.conn.Read(buf)
		if err != nil {
			return // closed
		}
		d, err := decodeDatagram(buf[:n])
		in.mu.Lock()
		in.all = append(in.all, d)
		if err != nil {
			in.errs = append(in.errs, err)
		}
		in.mu.Unlock()
	}
}

// Close ends it.
func (in *Ingester) Close() error { return in.conn.Close() }

// Got are the datagrams so far of a kind, and of a process unless pid is 0.
func (in *Ingester) Got(kind telemetry.Kind, pid uint32) []telemetry.Datagram {
	in.mu.Lock()
	defer in.mu.Unlock()
	var out []telemetry.Datagram
	for _, d := range in.all {
		if d.Kind == kind && (pid == 0 || d.PID == pid) {
			out = append(out, d)
		}
	}
	return out
}

// Errors is what was wrong with what came.
func (in *Ingester) Errors() []error {
	in.mu.Lock()
	defer in.mu.Unlock()
	return slices.Clone(in.errs)
}

// telemetryDeadline is how long a datagram may take that is sent once an
// interval.
const telemetryDeadline = 10 * time.Second
