package telemetry

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
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
	Unknown  []uint16 // fields that were skipped, eight at most
}

// Number is a field of whole numbers, 0 if it is not there.
func (d Datagram) Number(id uint16) uint64 { n, _ := d.Fields[id].(uint64); return n }

// Float is a field of seconds or rates, 0 if it is not there.
func (d Datagram) Float(id uint16) float64 { f, _ := d.Fields[id].(float64); return f }

// Text is a field of text, "" if it is not there.
func (d Datagram) Text(id uint16) string { s, _ := d.Fields[id].(string); return s }

// Counts is a field of many whole numbers, nil if it is not there.
func (d Datagram) Counts(id uint16) []int32 { list, _ := d.Fields[id].([]int32); return list }

// Types of values on the wire.
const (
	wireU64 = 1 + iota
	wireF64
	wireI64 // reserved
	wireBytes
	wireI32s
	wireF64s
)

const (
	headerSize = 24
	// buckets is how many counts a histogram has.
	buckets = 65
	// Beyond these no measure makes sense, and sums of many could leave what a
	// float64 can hold.
	mostSeconds = 1e12
	mostNumber  = 1 << 53
)

// field is what one id means.
type field struct {
	first, last uint16 // the row holds for all ids from first to last
	typ         byte
	kinds       []Kind
	always      bool // they are in each such datagram
	longest     int  // bytes of a text; so many of an array exactly, or if negative at most
}

var (
	ofSample = []Kind{KindSample}
	ofSlow   = []Kind{KindSlow}
	ofGC     = []Kind{KindGC}
	ofLife   = []Kind{KindSample, KindStarted, KindStopping, KindStopped}
	ofEnds   = []Kind{KindStopping, KindStopped}
)

// table is docs/telemetry.md as a table, sorted by id.
var table = []field{
	{1, 4, wireBytes, []Kind{KindStarted}, true, 200}, {5, 6, wireBytes, ofLife, true, 200}, {7, 7, wireU64, []Kind{KindStarted}, true, 0},
	{8, 8, wireBytes, []Kind{KindStarted, KindGC, KindGCEvent}, true, 256}, {9, 9, wireF64, []Kind{KindStarted}, false, 0},
	{10, 13, wireF64, ofSample, true, 0}, {20, 20, wireU64, ofSample, true, 0}, {21, 22, wireF64, ofSample, true, 0}, {30, 32, wireF64, ofSample, true, 0},
	{40, 41, wireU64, ofSample, true, 0}, {50, 52, wireU64, ofSample, true, 0}, {60, 67, wireF64, ofSample, true, 0}, {70, 77, wireF64, ofSample, false, 0}, {80, 87, wireF64, ofSample, false, 0},
	{90, 97, wireI32s, ofSample, true, buckets}, {100, 103, wireU64, ofSample, true, 0}, {110, 110, wireI32s, ofSample, true, -128}, {111, 114, wireF64s, ofSample, true, -128}, {120, 124, wireU64, ofSample, true, 0},
	{130, 130, wireBytes, ofEnds, true, 64}, {131, 131, wireF64, ofEnds, true, 0}, {132, 133, wireU64, ofEnds, true, 0}, {134, 135, wireU64, []Kind{KindStopped}, true, 0},
	{200, 200, wireU64, ofSlow, true, 0}, {201, 202, wireF64, ofSlow, true, 0}, {203, 203, wireU64, ofSlow, true, 0}, {204, 204, wireBytes, ofSlow, true, 64}, {205, 205, wireU64, ofSlow, true, 0},
	{210, 211, wireBytes, ofSlow, true, 64}, {212, 213, wireBytes, ofSlow, true, 256}, {214, 214, wireBytes, ofSlow, true, 512}, {215, 216, wireBytes, ofSlow, true, 64}, {217, 217, wireBytes, ofSlow, false, 512},
	{220, 224, wireF64, ofSlow, true, 0}, {225, 225, wireU64, ofSlow, true, 0}, {230, 233, wireU64, ofSlow, true, 0}, {234, 235, wireF64, ofSlow, true, 0},
	{240, 240, wireU64, ofSlow, true, 0}, {250, 251, wireF64, ofSlow, false, 0}, {260, 260, wireU64, ofSlow, true, 0}, {261, 261, wireU64, ofSlow, false, 0},
	{300, 317, wireU64, ofGC, true, 0}, {320, 321, wireF64, []Kind{KindGCEvent}, true, 0}, {322, 324, wireU64, []Kind{KindGCEvent}, true, 0},
}

func fieldOf(id uint16) *field {
	i, found := slices.BinarySearchFunc(table, id, func(f field, id uint16) int {
		switch {
		case id < f.first:
			return 1
		case id > f.last:
			return -1
		}
		return 0
	})
	if !found {
		return nil
	}
	return &table[i]
}

// Decode reads one datagram. It skips fields and leaves kinds alone that it does
// not know, and refuses what the format does not allow: another version, a
// record that is cut short, a field twice, of a wrong type or of another kind,
// and values out of their bounds. Nothing of p is kept.
func Decode(p []byte) (Datagram, error) {
	if len(p) < headerSize || string(p[:4]) != "WSGI" {
		return Datagram{}, fmt.Errorf("%d bytes without the header of a datagram", len(p))
	}
	d := Datagram{
		Kind: Kind(p[5]), PID: binary.LittleEndian.Uint32(p[8:]), Sequence: binary.LittleEndian.Uint32(p[12:]),
		Time: math.Float64frombits(binary.LittleEndian.Uint64(p[16:])), Fields: map[uint16]any{},
	}
	if p[4] != 1 || binary.LittleEndian.Uint16(p[6:]) != 0 {
		return d, fmt.Errorf("version %d, flags %d", p[4], binary.LittleEndian.Uint16(p[6:]))
	}
	if d.PID == 0 || d.Sequence == 0 {
		return d, fmt.Errorf("kind %d: pid %d, sequence %d", d.Kind, d.PID, d.Sequence)
	}
	for rest := p[headerSize:]; len(rest) > 0; {
		n, err := d.record(rest)
		if err != nil {
			return d, fmt.Errorf("kind %d: %w", d.Kind, err)
		}
		rest = rest[n:]
	}
	return d, nil
}

// Strict is an error unless everything in d is known and everything is there
// that has to be.
func (d Datagram) Strict() error {
	if len(d.Unknown) > 0 {
		return fmt.Errorf("kind %d: unknown field %d", d.Kind, d.Unknown[0])
	}
	known := false
	for _, f := range table {
		if !slices.Contains(f.kinds, d.Kind) {
			continue
		}
		known = true
		for id := f.first; f.always && id <= f.last; id++ {
			if d.Fields[id] == nil {
				return fmt.Errorf("kind %d has no field %d", d.Kind, id)
			}
		}
	}
	if !known {
		return fmt.Errorf("unknown kind %d", d.Kind)
	}
	return nil
}

var errCut = errors.New("a record is cut short")

// record reads one record and returns its length.
func (d *Datagram) record(p []byte) (int, error) {
	if len(p) < 3 {
		return 0, errCut
	}
	id, typ := binary.LittleEndian.Uint16(p), p[2]
	f := fieldOf(id)
	if f == nil {
		if len(d.Unknown) < 8 {
			d.Unknown = append(d.Unknown, id)
		}
		n, err := sizeOf(typ, p[3:])
		return 3 + n, err
	}
	switch {
	case f.typ != typ:
		return 0, fmt.Errorf("field %d has type %d, want %d", id, typ, f.typ)
	case !slices.Contains(f.kinds, d.Kind):
		return 0, fmt.Errorf("field %d does not belong there", id)
	case d.Fields[id] != nil:
		return 0, fmt.Errorf("field %d comes twice", id)
	}
	n, err := sizeOf(typ, p[3:])
	if err == nil {
		d.Fields[id], err = f.value(p[3 : 3+n])
	}
	if err != nil {
		return 0, fmt.Errorf("field %d: %w", id, err)
	}
	return 3 + n, nil
}

// sizeOf is how many bytes at the beginning of p are a value of type typ.
func sizeOf(typ byte, p []byte) (int, error) {
	n := 8
	switch typ {
	case wireU64, wireF64, wireI64:
	case wireBytes, wireI32s, wireF64s:
		if len(p) < 2 {
			return 0, errCut
		}
		n = 2 + int(binary.LittleEndian.Uint16(p))*map[byte]int{wireBytes: 1, wireI32s: 4, wireF64s: 8}[typ]
	default:
		return 0, fmt.Errorf("unknown type %d", typ)
	}
	if len(p) < n {
		return 0, errCut
	}
	return n, nil
}

// value reads the value that p is. Its bounds are checked before anything is
// allocated by them.
func (f *field) value(p []byte) (any, error) {
	switch f.typ {
	case wireU64:
		n := binary.LittleEndian.Uint64(p)
		if n > mostNumber {
			return nil, fmt.Errorf("%d is no measure", n)
		}
		return n, nil
	case wireF64:
		return measure(p)
	}
	n := int(binary.LittleEndian.Uint16(p))
	p = p[2:]
	switch {
	case f.typ == wireBytes && n > f.longest:
		return nil, fmt.Errorf("%d bytes, at most %d are allowed", n, f.longest)
	case f.typ == wireBytes:
		return string(p), nil
	case f.longest > 0 && n != f.longest, f.longest < 0 && (n < 1 || n > -f.longest):
		return nil, fmt.Errorf("an array of %d", n)
	case f.typ == wireI32s:
		list := make([]int32, n)
		for i := range list {
			if list[i] = int32(binary.LittleEndian.Uint32(p[4*i:])); list[i] < 0 {
				return nil, fmt.Errorf("%d is no count", list[i])
			}
		}
		return list, nil
	}
	list := make([]float64, n)
	for i := range list {
		var err error
		if list[i], err = measure(p[8*i:]); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// measure reads a double that must be one of something.
func measure(p []byte) (float64, error) {
	v := math.Float64frombits(binary.LittleEndian.Uint64(p))
	if !(v >= 0 && v <= mostSeconds) {
		return 0, fmt.Errorf("%v is no measure", v)
	}
	return v, nil
}
