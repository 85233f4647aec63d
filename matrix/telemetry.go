package matrix

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"slices"
	"sync"
	"time"
)

// Kind is what a datagram of telemetry is about.
type Kind byte

// The kinds that there are; docs/telemetry.md says when each is sent.
const (
	KindSample   Kind = 2
	KindSlow     Kind = 4
	KindStarted  Kind = 5
	KindStopping Kind = 6
	KindStopped  Kind = 7
	KindGC       Kind = 8
	KindGCEvent  Kind = 9
)

// Datagram is one datagram of telemetry. A field is a uint64, a float64, a
// string, an []int32 or a []float64.
type Datagram struct {
	Kind     Kind
	PID      uint32
	Sequence uint32
	Time     float64
	Fields   map[uint16]any
}

// Number is a field of whole numbers, 0 if it is not there.
func (d Datagram) Number(id uint16) uint64 { n, _ := d.Fields[id].(uint64); return n }

// Float is a field of seconds or rates.
func (d Datagram) Float(id uint16) float64 { f, _ := d.Fields[id].(float64); return f }

// Text is a field of text.
func (d Datagram) Text(id uint16) string { s, _ := d.Fields[id].(string); return s }

// Types of values on the wire.
const (
	wireU64 = 1 + iota
	wireF64
	wireI64 // reserved
	wireBytes
	wireI32s
	wireF64s
)

// fields are the ids from first to last, of one type, in datagrams of kinds.
type fields struct {
	first, last uint16
	typ         byte
	kinds       []Kind
	always      bool // they are in each such datagram
	longest     int  // bytes of a text, or exactly so many of an array
}

// telemetryFields is docs/telemetry.md as a table.
func telemetryFields() []fields {
	sample, slow, gc := []Kind{KindSample}, []Kind{KindSlow}, []Kind{KindGC}
	life, ends := []Kind{KindSample, KindStarted, KindStopping, KindStopped}, []Kind{KindStopping, KindStopped}
	return []fields{
		{1, 4, wireBytes, []Kind{KindStarted}, true, 200}, {5, 6, wireBytes, life, true, 200}, {7, 7, wireU64, []Kind{KindStarted}, true, 0},
		{8, 8, wireBytes, []Kind{KindStarted, KindGC, KindGCEvent}, true, 256},
		{10, 13, wireF64, sample, true, 0}, {20, 20, wireU64, sample, true, 0}, {21, 22, wireF64, sample, true, 0}, {30, 32, wireF64, sample, true, 0},
		{40, 41, wireU64, sample, true, 0}, {50, 52, wireU64, sample, true, 0}, {60, 67, wireF64, sample, true, 0}, {70, 77, wireF64, sample, false, 0}, {80, 87, wireF64, sample, false, 0},
		{90, 97, wireI32s, sample, true, 65}, {100, 103, wireU64, sample, true, 0}, {110, 110, wireI32s, sample, true, -128}, {111, 114, wireF64s, sample, true, -128}, {120, 124, wireU64, sample, true, 0},
		{130, 130, wireBytes, ends, true, 64}, {131, 131, wireF64, ends, true, 0}, {132, 133, wireU64, ends, true, 0}, {134, 135, wireU64, []Kind{KindStopped}, true, 0},
		{200, 200, wireU64, slow, true, 0}, {201, 202, wireF64, slow, true, 0}, {203, 203, wireU64, slow, true, 0}, {204, 204, wireBytes, slow, true, 64}, {205, 205, wireU64, slow, true, 0},
		{210, 211, wireBytes, slow, true, 64}, {212, 213, wireBytes, slow, true, 256}, {214, 214, wireBytes, slow, true, 512}, {215, 216, wireBytes, slow, true, 64}, {217, 217, wireBytes, slow, false, 512},
		{220, 224, wireF64, slow, true, 0}, {225, 225, wireU64, slow, true, 0}, {230, 233, wireU64, slow, true, 0}, {234, 235, wireF64, slow, true, 0},
		{240, 240, wireU64, slow, true, 0}, {250, 251, wireF64, slow, false, 0}, {260, 260, wireU64, slow, true, 0}, {261, 261, wireU64, slow, false, 0},
		{300, 317, wireU64, gc, true, 0}, {320, 321, wireF64, []Kind{KindGCEvent}, true, 0}, {322, 324, wireU64, []Kind{KindGCEvent}, true, 0},
	}
}

// DecodeDatagram reads one datagram and refuses whatever the format does not
// allow, unknown fields included.
func DecodeDatagram(p []byte) (Datagram, error) {
	if len(p) < 24 || string(p[:4]) != "WSGI" {
		return Datagram{}, fmt.Errorf("%d bytes without the header of a datagram", len(p))
	}
	d := Datagram{
		Kind: Kind(p[5]), PID: binary.LittleEndian.Uint32(p[8:]), Sequence: binary.LittleEndian.Uint32(p[12:]),
		Time: math.Float64frombits(binary.LittleEndian.Uint64(p[16:])), Fields: map[uint16]any{},
	}
	if p[4] != 1 || binary.LittleEndian.Uint16(p[6:]) != 0 {
		return d, fmt.Errorf("version %d, flags %d", p[4], binary.LittleEndian.Uint16(p[6:]))
	}
	for rest := p[24:]; len(rest) > 0; {
		n, err := d.record(rest)
		if err != nil {
			return d, fmt.Errorf("kind %d: %w", d.Kind, err)
		}
		rest = rest[n:]
	}
	return d, d.whole()
}

var errCut = errors.New("a record is cut short")

// record reads one record and returns its length.
func (d *Datagram) record(p []byte) (int, error) {
	if len(p) < 3 {
		return 0, errCut
	}
	id, typ := binary.LittleEndian.Uint16(p), p[2]
	f := fieldOf(id)
	switch {
	case f == nil:
		return 0, fmt.Errorf("unknown field %d", id)
	case f.typ != typ:
		return 0, fmt.Errorf("field %d has type %d, want %d", id, typ, f.typ)
	case !slices.Contains(f.kinds, d.Kind):
		return 0, fmt.Errorf("field %d does not belong there", id)
	case d.Fields[id] != nil:
		return 0, fmt.Errorf("field %d comes twice", id)
	}
	value, n, err := valueOf(typ, p[3:])
	if err == nil {
		err = f.fits(value)
	}
	if err != nil {
		return 0, fmt.Errorf("field %d: %w", id, err)
	}
	d.Fields[id] = value
	return 3 + n, nil
}

func fieldOf(id uint16) *fields {
	for _, f := range telemetryFields() {
		if id >= f.first && id <= f.last {
			return &f
		}
	}
	return nil
}

// valueOf reads a value of a type and returns its length.
func valueOf(typ byte, p []byte) (any, int, error) {
	switch {
	case typ == wireU64 && len(p) >= 8:
		return binary.LittleEndian.Uint64(p), 8, nil
	case typ == wireF64 && len(p) >= 8:
		return math.Float64frombits(binary.LittleEndian.Uint64(p)), 8, nil
	case typ < wireBytes || len(p) < 2:
		return nil, 0, errCut
	}
	n, size := int(binary.LittleEndian.Uint16(p)), map[byte]int{wireBytes: 1, wireI32s: 4, wireF64s: 8}[typ]
	p = p[2:]
	if len(p) < n*size {
		return nil, 0, errCut
	}
	switch typ {
	case wireBytes:
		return string(p[:n]), 2 + n, nil
	case wireI32s:
		list := make([]int32, n)
		for i := range list {
			list[i] = int32(binary.LittleEndian.Uint32(p[4*i:]))
		}
		return list, 2 + 4*n, nil
	}
	list := make([]float64, n)
	for i := range list {
		list[i] = math.Float64frombits(binary.LittleEndian.Uint64(p[8*i:]))
	}
	return list, 2 + 8*n, nil
}

// fits tells whether a value is within the bounds of its field.
func (f *fields) fits(value any) error {
	n := 0
	switch v := value.(type) {
	case string:
		n = len(v)
		if n > f.longest {
			return fmt.Errorf("%d bytes, at most %d are allowed", n, f.longest)
		}
		return nil
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) || v < 0 {
			return fmt.Errorf("%v is no measure", v)
		}
		return nil
	case []int32:
		n = len(v)
	case []float64:
		n = len(v)
	default:
		return nil
	}
	if f.longest > 0 && n != f.longest || f.longest < 0 && (n < 1 || n > -f.longest) {
		return fmt.Errorf("an array of %d", n)
	}
	return nil
}

// whole tells whether every field is there that has to be.
func (d *Datagram) whole() error {
	for _, f := range telemetryFields() {
		if !f.always || !slices.Contains(f.kinds, d.Kind) {
			continue
		}
		for id := f.first; id <= f.last; id++ {
			if d.Fields[id] == nil {
				return fmt.Errorf("kind %d has no field %d", d.Kind, id)
			}
		}
	}
	if d.PID == 0 || d.Sequence == 0 || len(d.Fields) == 0 {
		return fmt.Errorf("kind %d: pid %d, sequence %d, %d fields", d.Kind, d.PID, d.Sequence, len(d.Fields))
	}
	return nil
}

// Ingester listens as a telemetry service does.
type Ingester struct {
	conn *net.UnixConn

	mu   sync.Mutex
	all  []Datagram
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
		d, err := DecodeDatagram(buf[:n])
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
func (in *Ingester) Got(kind Kind, pid uint32) []Datagram {
	in.mu.Lock()
	defer in.mu.Unlock()
	var out []Datagram
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
