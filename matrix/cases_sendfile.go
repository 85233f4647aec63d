package matrix

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"modwsgi/internal/pattern"
	"modwsgi/internal/run"
)

// sendfileCases are about files that the application returns: who reads them.
func sendfileCases() []Case {
	conf := []string{"EnableSendfile On", "<Location /on>", "WSGIEnableSendfile On", "</Location>"}
	return []Case{
		{Name: "sendfile-calls", App: "sendfile", Ours: true, Conf: conf, Do: sendfileCalls},
		{Name: "sendfile-large", App: "sendfile", Ours: true, Conf: conf, Do: largeFile},
	}
}

// sendfileCalls counts the bytes that the httpd child sends by sendfile(2) and
// those that it reads. Python sees none of them.
func sendfileCalls(t *T) {
	content := noise(16 << 20)
	if err := os.WriteFile(filepath.Join(t.Dir, "big"), content, 0o644); err != nil {
		t.Fatalf("%v", err)
	}
	t.Get("/show") // everything is loaded
	size := int64(len(content))
	for _, row := range []struct {
		path           string
		sent, leastOwn int64 // by sendfile, and read otherwise
		mostOwn        int64
	}{
		{"/on/big", size, 0, size / 16},
		{"/big", 0, size, size + size/16},
	} {
		before := t.readByHosts()
		sent, own := t.traced(func() {
			t.check(Request{Path: row.path}, Want{Body: string(content), Have: map[string]string{"Content-Length": fmt.Sprint(size)}}, t.Get(row.path))
		})
		Same(t, row.path+": bytes by sendfile(2)", sent, row.sent)
		if own < row.leastOwn || own > row.mostOwn {
			t.Errorf("%s: the httpd child read %d bytes, want %d to %d", row.path, own, row.leastOwn, row.mostOwn)
		}
		if more := t.readByHosts() - before; more > size/16 {
			t.Errorf("%s: the daemon process read %d bytes", row.path, more)
		}
	}
	// Neither was read() called nor the file's position moved.
	Same(t, "what the files saw", string(t.Get("/show").Body), "at 0 at 0")
}

// tracedCall is one line of strace, whole or resumed.
var tracedCall = pattern.New(`(?m)^\d+ +(?:<\.\.\. )?(sendfile|sendfile64|read|pread64|readv|preadv)\b.* = (\d+)$`)

// traced runs what while the one httpd child is traced, and adds up the bytes
// of its calls.
func (t *T) traced(what func()) (sent, read int64) {
	strace, err := t.Server.runner.LookPath("strace")
	if err != nil {
		t.Skipf("strace is not installed")
	}
	var children []int
	for _, p := range t.Server.Children("httpd.conf") {
		if p.Parent == t.Server.PID {
			children = append(children, p.PID)
		}
	}
	if len(children) != 1 {
		t.Skipf("%d children of httpd serve, one could be traced", len(children))
	}
	log := filepath.Join(t.Server.Root, "logs", "strace."+t.Host)
	p, err := t.Server.runner.Start(t.Context, run.Cmd{Path: strace, Args: []string{
		"-f", "-qq", "-e", "signal=none", "-e", "trace=sendfile,read,pread64,readv,preadv", "-o", log, "-p", strconv.Itoa(children[0]),
	}})
	if err != nil {
		t.Fatalf("%v", err)
	}
	gone := make(chan run.Result, 1)
	go func() {
		r, _ := p.Wait() // it ends by our signal
		gone <- r
	}()
	t.Wait("strace to attach", func() bool {
		select {
		case r := <-gone:
			t.Skipf("strace may not trace httpd here: %s", strings.TrimSpace(r.Stderr))
		default:
		}
		return allTraced(children[0])
	})
	what()
	_ = p.Signal(syscall.SIGINT)
	<-gone
	for _, m := range tracedCall.FindAllStringSubmatch(readFile(log), -1) {
		n, err := strconv.ParseInt(m[2], 10, 64)
		if err != nil {
			t.Fatalf("%v", err)
		}
		if strings.HasPrefix(m[1], "sendfile") {
			sent += n
		} else {
			read += n
		}
	}
	return sent, read
}

// allTraced tells whether every thread of the process has a tracer.
func allTraced(pid int) bool {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	if err != nil || len(threads) == 0 {
		return false
	}
	for _, path := range threads {
		if strings.Contains(readFile(path), "TracerPid:\t0\n") {
			return false
		}
	}
	return true
}

// readByHosts is how many bytes the daemon processes have read, from anywhere.
func (t *T) readByHosts() int64 {
	var sum int64
	for _, p := range t.Server.Children("(wsgi:" + sharedGroup + ")") {
		_, rest, _ := strings.Cut(readFile(fmt.Sprintf("/proc/%d/io", p.PID)), "rchar: ")
		digits, _, _ := strings.Cut(rest, "\n")
		n, err := strconv.ParseInt(digits, 10, 64)
		if err != nil {
			t.Fatalf("reading what process %d has read: %v", p.PID, err)
		}
		sum += n
	}
	if t.Mode == Daemon && sum == 0 {
		t.Fatalf("no daemon process has read anything")
	}
	return sum
}

// largeFile asks for the end of a file with holes that is longer than what 32
// bits can tell.
func largeFile(t *T) {
	const size, end = 5<<30 + 10, "the end..."
	f, err := os.Create(filepath.Join(t.Dir, "holes"))
	if err != nil {
		t.Fatalf("%v", err)
	}
	if _, err = f.WriteAt([]byte(end), size-int64(len(end))); err == nil {
		err = f.Close()
	}
	if err != nil {
		t.Fatalf("%v", err)
	}
	for _, path := range []string{"/on/holes", "/holes"} {
		whole := Request{Method: "HEAD", Path: path}
		t.check(whole, Want{Empty: true, Have: map[string]string{"Content-Length": fmt.Sprint(int64(size))}}, t.Do(whole))
		t.check(Request{Path: path + " from its middle"}, Want{Body: "\x00\x00" + end, Have: map[string]string{"Content-Length": "12"}},
			t.Get(fmt.Sprintf("%s?%d", path, int64(size-12))))
		part := Request{Path: path, Header: []string{fmt.Sprintf("Range: bytes=%d-%d", int64(size-10), int64(size-8))}}
		t.check(part, Want{Status: 206, Body: "the", Have: map[string]string{"Content-Range": fmt.Sprintf("bytes %d-%d/%d", int64(size-10), int64(size-8), int64(size))}}, t.Do(part))
		last := Request{Path: path, Header: []string{"Range: bytes=-4"}}
		t.check(last, Want{Status: 206, Body: "d..."}, t.Do(last))
	}
}
