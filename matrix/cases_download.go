package matrix

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// downloadCases are about long responses, and clients that take their time or
// leave.
func downloadCases() []Case {
	return []Case{
		{Name: "download-left", App: "download", Ours: true, Covers: "RS35", Do: downloadLeft},
		{Name: "download-slow", App: "download", Ours: true, Covers: "RS36", Do: downloadSlow},
		{Name: "keep-alive-1.0", App: "output", Ours: true, Covers: "RS39", Do: keepAliveOld},
	}
}

// download is what the application download tells of its downloads.
type download struct {
	Generator, Closed, Write, Bytes int
	Raised                          string
}

func (t *T) downloads() (d download) {
	t.JSON("/show", &d)
	return d
}

// downloadLeft leaves in mid-download: the generator is asked for no more and
// closed, write() raises OSError, and neither is a matter for the log.
func downloadLeft(t *T) {
	for _, path := range []string{"/generator", "/write"} {
		c := t.Dial()
		t.Send(c, Request{Path: path})
		if _, end := c.exactly(1 << 20); end != "" {
			t.Fatalf("%s: %s in the first megabyte", path, end)
		}
		c.Close()
	}
	t.Wait("both downloads to end", func() bool {
		d := t.downloads()
		return d.Closed == 1 && d.Raised == "OSError"
	})
	before := t.downloads()
	t.check(Request{Path: "/bytes?2"}, Want{Body: string(bytes.Repeat(counting(), 2))}, t.Get("/bytes?2"))
	after := t.downloads()
	Same(t, "blocks asked for after close()", after.Generator, before.Generator)
	Same(t, "calls of close()", after.Closed, 1)
}

// downloadSlow reads a long download with pauses in which the sender comes to
// a halt: what nobody has taken yet is never collected in memory.
func downloadSlow(t *T) {
	const block, halts, most = 64 << 10, 8, 24 << 10 // KiB
	size := t.scaled(1<<30, 256<<20)
	t.Get(fmt.Sprintf("/bytes?%d", 64)) // what is needed once is there
	c := t.Dial()
	base, told := t.resident(), t.downloads().Bytes
	t.Send(c, Request{Path: fmt.Sprintf("/bytes?%d", size/block)})
	read, worst := 0, 0
	var tail []byte
	for halt := range halts {
		last, same := -1, 0
		t.Wait("the sender to stop", func() bool {
			now := t.downloads().Bytes
			if same++; now != last {
				last, same = now, 0
			}
			return same >= 5
		})
		if ahead := (last-told)*block - read; ahead > mostAhead() {
			t.Errorf("the application is %d bytes ahead of its reader", ahead)
		}
		worst = max(worst, grown(base, t.resident()))
		for until := size / halts * (halt + 1); read < until; {
			piece, end := c.Some(clientTimeout)
			if end != "" {
				t.Fatalf("%s after %d bytes", end, read)
			}
			read += len(piece)
			tail = append(tail[:0:0], piece...)
		}
		worst = max(worst, grown(base, t.resident()))
	}
	for !bytes.HasSuffix(tail, []byte("\r\n0\r\n\r\n")) {
		piece, end := c.Some(clientTimeout)
		if end != "" {
			t.Fatalf("%s after %d bytes: the download has no end", end, read)
		}
		tail = append(tail[max(0, len(tail)-8):], piece...)
	}
	Same(t, "blocks given", t.downloads().Bytes-told, size/block)
	if worst > most {
		t.Errorf("memory of the server grew by %d KiB", worst)
	}
}

// mostAhead is how far an application can be ahead of its reader: what the kernel may
// have on its way, at both ends of a connection that it found to be worth it, and
// the buffers of httpd.
func mostAhead() int {
	sum := 8 << 20
	for _, name := range []string{"rmem", "wmem"} {
		sum += largest(readFile("/proc/sys/net/ipv4/tcp_" + name))
	}
	return max(sum, 32<<20)
}

// largest is the last of a setting's three numbers, 0 where there is no such setting.
func largest(setting string) int {
	f := strings.Fields(setting)
	if len(f) != 3 {
		return 0
	}
	n, _ := strconv.Atoi(f[2]) // the kernel's own
	return n
}

// resident is the memory of the server's children and daemon processes in KiB, by
// their numbers. Hosts without a title are not counted: they are of other cases, and
// may still be starting.
func (t *T) resident() map[int]int {
	list := map[int]int{}
	for _, p := range t.Server.Processes() {
		if strings.HasPrefix(p.Command(), "wsgi-host") {
			continue
		}
		_, rest, _ := strings.Cut(readFile(fmt.Sprintf("/proc/%d/status", p.PID)), "VmRSS:")
		digits, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
		if n, err := strconv.Atoi(digits); err == nil { // else it has just ended
			list[p.PID] = n
		}
	}
	if len(list) == 0 {
		t.Fatalf("no process of the server says how much memory it has")
	}
	return list
}

// grown is by how much the processes of before have grown since, in KiB. Those that
// started meanwhile serve other cases.
func grown(before, now map[int]int) (sum int) {
	for pid, n := range now {
		if was, ok := before[pid]; ok {
			sum += n - was
		}
	}
	return sum
}

// keepAliveOld asks by HTTP/1.0: a connection is kept for a response with a
// length, and ends one without.
func keepAliveOld(t *T) {
	old := func(path string) Request {
		return Request{Path: path, Proto: "HTTP/1.0", Header: []string{"Connection: keep-alive"}}
	}
	c := t.Dial()
	for range 3 {
		t.check(old("/single"), Want{Body: "one block", Have: map[string]string{"Connection": "Keep-Alive", "Content-Length": "9"}}, t.Exchange(c, old("/single")))
		t.check(old("/nothing"), Want{Empty: true, Have: map[string]string{"Connection": "Keep-Alive"}}, t.Exchange(c, old("/nothing")))
	}
	head := old("/single")
	head.Method = "HEAD"
	t.check(head, Want{Empty: true, Have: map[string]string{"Connection": "Keep-Alive"}}, t.Exchange(c, head))
	t.check(old("/write"), Want{Body: "written twice and returned", End: EndDelimited, Lack: []string{"Transfer-Encoding", "Content-Length", "Keep-Alive"}},
		t.Exchange(c, old("/write")))
	c = t.Dial()
	plain := Request{Path: "/single", Proto: "HTTP/1.0"}
	t.check(plain, Want{Body: "one block"}, t.Exchange(c, plain))
	if more, end := c.Rest(); len(more) > 0 || end != EndClosed {
		t.Errorf("the connection that nobody asked to keep is %s after %q", end, clip(more))
	}
}
