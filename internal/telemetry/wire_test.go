package telemetry

import (
	"encoding/binary"
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// datagramOf is a header of a kind with records behind it.
func datagramOf(kind Kind, records ...string) []byte {
	p := append([]byte("WSGI\x01"), byte(kind), 0, 0, 1, 0, 0, 0, 1, 0, 0, 0)
	p = append(p, make([]byte, 8)...)
	return append(p, strings.Join(records, "")...)
}

func record(id uint16, typ byte, value string) string {
	return string(binary.LittleEndian.AppendUint16(nil, id)) + string(typ) + value
}

func strictly(p []byte) error {
	d, err := Decode(p)
	if err == nil {
		err = d.Strict()
	}
	return err
}

const aNumber = "\x00\x00\x00\x00\x00\x00\x00\x00"

// passOfGC is a datagram about a pass of the collector, but for its last field.
func passOfGC(records ...string) []byte {
	return datagramOf(KindGCEvent, append([]string{record(8, 4, "\x01\x00g"), record(320, 2, aNumber), record(321, 2, aNumber), record(322, 1, aNumber), record(323, 1, aNumber)}, records...)...)
}

func TestDecodeRefuses(t *testing.T) {
	if err := strictly(passOfGC(record(324, 1, aNumber))); err != nil {
		t.Errorf("a good one: %v", err)
	}
	for _, test := range []struct {
		name, want string
		in         []byte
	}{
		{"short", "without the header", []byte("WSGI")},
		{"another version", "version 2", append([]byte("WSGI\x02"), make([]byte, 19)...)},
		{"no process", "pid 0", append([]byte("WSGI\x01"), make([]byte, 19)...)},
		{"wrong type", "type 2, want 1", passOfGC(record(324, 2, aNumber))},
		{"of another kind", "does not belong", passOfGC(record(200, 1, aNumber))},
		{"twice", "comes twice", passOfGC(record(323, 1, aNumber))},
		{"cut", "cut short", passOfGC(record(324, 1, aNumber[:7]))},
		{"cut text", "cut short", datagramOf(KindGC, record(8, 4, "\x05\x00g"))},
		{"cut after its type", "cut short", datagramOf(KindGC, record(8, 4, "\x05"))},
		{"cut id", "cut short", datagramOf(KindGC, "\x08")},
		{"type of an unknown field", "unknown type 9", passOfGC(record(999, 9, aNumber))},
		{"unknown field cut short", "cut short", passOfGC(record(999, 6, "\xff\xff"))},
		{"no number", "no measure", datagramOf(KindGCEvent, record(320, 2, "\x00\x00\x00\x00\x00\x00\xf8\x7f"))},
		{"below nothing", "no measure", datagramOf(KindGCEvent, record(320, 2, "\x00\x00\x00\x00\x00\x00\xf0\xbf"))},
		{"for ever", "no measure", datagramOf(KindGCEvent, record(320, 2, "\x00\x00\x00\x00\x00\x00\xf0\x7f"))},
		{"too much", "no measure", datagramOf(KindGCEvent, record(322, 1, strings.Repeat("\xff", 8)))},
		{"too long", "at most 256", datagramOf(KindGC, record(8, 4, "\x01\x01"+strings.Repeat("x", 257)))},
		{"buckets", "an array of 1", datagramOf(KindSample, record(90, 5, "\x01\x00\x00\x00\x00\x00"))},
		{"negative count", "no count", datagramOf(KindSample, record(110, 5, "\x01\x00\xff\xff\xff\xff"))},
	} {
		if _, err := Decode(test.in); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
}

// 13.2: readers skip fields that they do not know.
func TestDecodeSkips(t *testing.T) {
	p := passOfGC(record(324, 1, aNumber), record(999, 4, "\x02\x00ab"), record(1000, 3, aNumber), record(1001, 6, "\x01\x00"+aNumber))
	d, err := Decode(p)
	if err != nil || len(d.Unknown) != 3 || len(d.Fields) != 6 {
		t.Errorf("%v, %v", d, err)
	}
	for _, test := range []struct {
		want string
		in   []byte
	}{
		{"unknown field 999", p},
		{"has no field 324", passOfGC()},
		{"unknown kind 3", datagramOf(3)},
	} {
		if err := strictly(test.in); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v, want %q", err, test.want)
		}
	}
}

// The table is searched by id.
func TestFieldsAreSorted(t *testing.T) {
	for i, f := range table {
		if f.first > f.last || i > 0 && f.first <= table[i-1].last {
			t.Errorf("field %d is out of order", f.first)
		}
	}
}

// FuzzDecode wants whatever is accepted to keep its bounds, and to leave a store
// whose picture can be shown.
func FuzzDecode(f *testing.F) {
	f.Add([]byte("WSGI"))
	f.Add(passOfGC(record(324, 1, aNumber)))
	f.Add(passOfGC(record(999, 4, "\x02\x00ab")))
	for _, s := range samples() {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		d, err := Decode(p)
		if err != nil {
			return
		}
		if len(d.Fields) > len(p)/5 || len(d.Unknown) > 8 {
			t.Errorf("%d fields of %d bytes", len(d.Fields), len(p))
		}
		clock := &clock{}
		s := newStore(clock.now)
		for range 3 {
			s.Take(d)
			clock.add(2 * time.Second)
		}
		for _, series := range s.Snapshot("all", 0).List {
			if _, err := json.Marshal(s.Snapshot(series.Key, 0)); err != nil {
				t.Errorf("%v of %v", err, d)
			}
		}
	})
}
