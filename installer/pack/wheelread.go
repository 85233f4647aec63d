package pack

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"
	"time"
)

// readRecord reads RECORD: what each file's hash and size are; of itself it has
// neither.
func readRecord(text string) (map[string]string, error) {
	list := map[string]string{}
	for line := range strings.Lines(text) {
		words := strings.Split(strings.TrimSuffix(line, "\n"), ",")
		if len(words) != 3 || words[0] == "" || strings.ContainsAny(line, "\"\r") {
			return nil, fmt.Errorf("RECORD has the line %q", line)
		}
		if _, twice := list[words[0]]; twice {
			return nil, fmt.Errorf("RECORD has %s twice", words[0])
		}
		list[words[0]] = words[1] + "," + words[2]
	}
	return list, nil
}

// checkWheel reads a wheel as pip would, and everything that it says of itself
// (rules ).
func checkWheel(name string, data []byte, date time.Time) error {
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return err
	}
	parts := strings.Split(strings.TrimSuffix(name, ".whl"), "-")
	if len(parts) != 6 {
		return fmt.Errorf("its name has %d parts", len(parts))
	}
	info := parts[0] + "-" + parts[1] + ".dist-info/"
	files := map[string][]byte{}
	for i, f := range z.File {
		if err := checkWheelFile(f, date); err != nil {
			return err
		}
		if later := strings.HasPrefix(f.Name, info); later != (i >= len(z.File)-6) {
			return fmt.Errorf("%s is not in its place", f.Name)
		}
		if _, twice := files[f.Name]; twice {
			return fmt.Errorf("%s is there twice", f.Name)
		}
		if files[f.Name], err = readZipped(f); err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	record, err := readRecord(string(files[info+"RECORD"]))
	if err != nil {
		return err
	}
	var list []error
	for name, data := range files {
		want := "sha256=" + wheelSum(data) + "," + strconv.Itoa(len(data))
		if name == info+"RECORD" {
			want = ","
		}
		if record[name] != want {
			list = append(list, fmt.Errorf("RECORD says %q of %s", record[name], name))
		}
		delete(record, name)
	}
	for name := range record {
		list = append(list, fmt.Errorf("RECORD names %s, which is not there", name))
	}
	for _, line := range []string{"Root-Is-Purelib: false\n", "Tag: " + strings.Join(parts[3:], "-") + "\n", "Build: " + parts[2] + "\n"} {
		if !strings.Contains(string(files[info+"WHEEL"]), line) {
			list = append(list, fmt.Errorf("WHEEL lacks %q", line))
		}
	}
	return errors.Join(list...)
}

func checkWheelFile(f *zip.File, date time.Time) error {
	switch {
	case path.IsAbs(f.Name) || path.Clean(f.Name) != f.Name || strings.HasPrefix(f.Name, "..") || strings.ContainsAny(f.Name, "\\\n"):
		return fmt.Errorf("%q is no place for a file", f.Name)
	case !f.Modified.Equal(zipTime(date)):
		return fmt.Errorf("%s is of %v", f.Name, f.Modified)
	case f.Mode() != 0o644 && f.Mode() != 0o755:
		return fmt.Errorf("%s has the mode %v", f.Name, f.Mode())
	case f.UncompressedSize64 > maxEntry:
		return fmt.Errorf("%s has %d bytes", f.Name, f.UncompressedSize64)
	}
	return nil
}

func readZipped(f *zip.File) ([]byte, error) {
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(io.LimitReader(r, maxEntry))
}
