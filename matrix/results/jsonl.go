package results

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// File is the name of the file with the records.
const File = "results.jsonl"

// encode is the line of a record. JSON never has the end of a line in it.
func encode(r Result) ([]byte, error) {
	r = r.bound()
	if err := r.check(); err != nil {
		return nil, err
	}
	line, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("recording %s: %w", r.ID, err)
	}
	if len(line) >= maxLine {
		return nil, fmt.Errorf("recording %s: it is longer than %d MiB", r.ID, maxLine>>20)
	}
	return append(line, '\n'), nil
}

// Read reads records, and tells how many bytes those have: a last line without
// its end is of somebody who was killed while writing it, and is none. Anything
// else that is no record is an error with its line.
func Read(from io.Reader) (list []Result, whole int64, err error) {
	lines := bufio.NewReaderSize(from, 64<<10)
	for n := 1; ; n++ {
		line, err := readLine(lines)
		if err == io.EOF {
			return list, whole, nil
		}
		if err != nil {
			return nil, 0, fmt.Errorf("line %d: %w", n, err)
		}
		whole += int64(len(line))
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		var r Result
		if err := json.Unmarshal(line, &r); err != nil {
			return nil, 0, fmt.Errorf("line %d: %w", n, err)
		}
		if err := r.check(); err != nil {
			return nil, 0, fmt.Errorf("line %d: %w", n, err)
		}
		list = append(list, r.bound())
	}
}

// readLine is the next line with its end. What is behind the last one is not
// one: io.EOF.
func readLine(from *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := from.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case len(line) > maxLine:
			return nil, fmt.Errorf("it is longer than %d MiB", maxLine>>20)
		case err == nil:
			return line, nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		}
	}
}

// ReadFile reads a file of records.
func ReadFile(path string) ([]Result, error) {
	list, _, err := readFile(path)
	return list, err
}

func readFile(path string) ([]Result, int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, fmt.Errorf("reading results: %w", err)
	}
	defer f.Close()
	list, whole, err := Read(f)
	if err != nil {
		return nil, 0, fmt.Errorf("%s: %w", path, err)
	}
	return list, whole, nil
}
