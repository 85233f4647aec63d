package matrix

import (
	"encoding/binary"
	"strings"
	"testing"
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

func TestDecodeDatagramRefuses(t *testing.T) {
	number := strings.Repeat("\x00", 8)
	event := func(records ...string) []byte {
		return datagramOf(KindGCEvent, append([]string{record(8, 4, "\x01\x00g"), record(320, 2, number), record(321, 2, number), record(322, 1, number), record(323, 1, number)}, records...)...)
	}
	if _, err := DecodeDatagram(event(record(324, 1, number))); err != nil {
		t.Errorf("a good one: %v", err)
	}
	for _, test := range []struct {
		name, want string
		in         []byte
	}{
		{"short", "without the header", []byte("WSGI")},
		{"another version", "version 2", append([]byte("WSGI\x02"), make([]byte, 19)...)},
		{"unknown field", "unknown field 999", event(record(999, 1, number))},
		{"wrong type", "type 2, want 1", event(record(324, 2, number))},
		{"of another kind", "does not belong", event(record(200, 1, number))},
		{"twice", "comes twice", event(record(323, 1, number))},
		{"cut", "cut short", event(record(324, 1, number[:7]))},
		{"cut text", "cut short", datagramOf(KindGC, record(8, 4, "\x05\x00g"))},
		{"missing", "has no field 324", event()},
		{"no number", "no measure", datagramOf(KindGCEvent, record(320, 2, "\x00\x00\x00\x00\x00\x00\xf8\x7f"))},
		{"too long", "at most 256", datagramOf(KindGC, record(8, 4, "\x01\x01"+strings.Repeat("x", 257)))},
		{"buckets", "an array of 1", datagramOf(KindSample, record(90, 5, "\x01\x00\x00\x00\x00\x00"))},
	} {
		if _, err := DecodeDatagram(test.in); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
}
