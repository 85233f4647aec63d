package importers

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// maxNodes is how many values a document may have.
const maxNodes = 20000

// document is a JSON document of which it is kept what was looked at: what
// nobody asked for is not dropped in silence.
type document struct {
	root any
	seen map[string]bool // path of a value: it has a finding
}

// node is a value at a path.
type node struct {
	path  string
	value any
	doc   *document
}

// parseUnit reads JSON with the comments that NGINX Unit allows.
func parseUnit(data []byte) (*document, error) {
	d := json.NewDecoder(bytes.NewReader(withoutComments(data)))
	d.UseNumber()
	doc := &document{seen: map[string]bool{}}
	if err := d.Decode(&doc.root); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is more than one document in it")
	}
	if n := doc.count(doc.root); n > maxNodes {
		return nil, fmt.Errorf("more than %d values", maxNodes)
	}
	return doc, nil
}

func (d *document) count(v any) int {
	n := 1
	switch v := v.(type) {
	case map[string]any:
		for _, each := range v {
			n += d.count(each)
		}
	case []any:
		for _, each := range v {
			n += d.count(each)
		}
	}
	return n
}

// withoutComments puts blanks in place of comments, outside of strings.
func withoutComments(data []byte) []byte {
	out := bytes.Clone(data)
	for i := 0; i < len(out); i++ {
		switch {
		case out[i] == '"':
			for i++; i < len(out) && out[i] != '"'; i++ {
				if out[i] == '\\' {
					i++
				}
			}
		case bytes.HasPrefix(out[i:], []byte("//")):
			for ; i < len(out) && out[i] != '\n'; i++ {
				out[i] = ' '
			}
		case bytes.HasPrefix(out[i:], []byte("/*")):
			end := bytes.Index(out[i+2:], []byte("*/"))
			if end < 0 {
				end = len(out) - i - 4
			}
			for last := min(len(out), i+end+4); i < last; i++ {
				if out[i] != '\n' {
					out[i] = ' '
				}
			}
			i--
		}
	}
	return out
}

// get is the member of an object, or one with no value.
func (n node) get(key string) node {
	object, _ := n.value.(map[string]any)
	return node{n.path + "/" + strings.ReplaceAll(strings.ReplaceAll(key, "~", "~0"), "/", "~1"), object[key], n.doc}
}

// item is an element of a list.
func (n node) item(i int) node {
	list, _ := n.value.([]any)
	return node{n.path + "/" + strconv.Itoa(i), list[i], n.doc}
}

// there tells whether it has a value.
func (n node) there() bool { return n.value != nil }

// keys are the names of an object's members, sorted.
func (n node) keys() []string {
	object, _ := n.value.(map[string]any)
	return slices.Sorted(maps.Keys(object))
}

// items are the elements of a list; a value that is none is the only one.
func (n node) items() []node {
	list, is := n.value.([]any)
	if !is {
		if n.value == nil {
			return nil
		}
		return []node{n}
	}
	var out []node
	for i := range list {
		out = append(out, n.item(i))
	}
	return out
}

// text is the value as one would write it.
func (n node) text() string {
	switch v := n.value.(type) {
	case nil:
		return ""
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		return strconv.FormatBool(v)
	}
	text, _ := json.Marshal(n.value)
	return string(text)
}

// setting marks the value as looked at, with all that is in it.
func (n node) setting() setting {
	n.doc.seen[n.path] = true
	return setting{name: n.path[strings.LastIndexByte(n.path, '/')+1:], value: n.text(), place: n.path}
}

// unseen are the innermost values that nobody has looked at, in order.
func (n node) unseen() []node {
	if n.doc.seen[n.path] {
		return nil
	}
	var out []node
	switch v := n.value.(type) {
	case map[string]any:
		for _, key := range n.keys() {
			out = append(out, n.get(key).unseen()...)
		}
		if len(v) > 0 {
			return out
		}
	case []any:
		for _, each := range n.items() {
			out = append(out, each.unseen()...)
		}
		if len(v) > 0 {
			return out
		}
	}
	return []node{n}
}
