package telemetry

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// running is a service with a sender's end.
type running struct {
	*Service
	t    *testing.T
	conn *net.UnixConn
	end  func() // may be called before the test ends
}

// start runs a service until the test ends; that must be a good end.
func start(t *testing.T) *running {
	t.Helper()
	path := filepath.Join(t.TempDir(), "t.sock")
	var log bytes.Buffer
	s, err := Open(Options{Listen: "unix:" + path, Host: "127.0.0.1", Log: &log})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- s.Run(ctx) }()
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	end := sync.OnceFunc(func() {
		conn.Close()
		stop()
		if err := <-done; err != nil || !strings.Contains(log.String(), "is shown at "+s.URL()) {
			t.Errorf("its end: %v, its log: %s", err, &log)
		}
		if _, err := os.Lstat(path); err == nil {
			t.Error("the socket is left behind")
		}
	})
	t.Cleanup(end)
	return &running{s, t, conn, end}
}

func (r *running) send(p []byte) {
	r.t.Helper()
	if _, err := r.conn.Write(p); err != nil {
		r.t.Fatal(err)
	}
}

func (r *running) get(path string, header ...string) (*http.Response, string) {
	r.t.Helper()
	req, err := http.NewRequest("GET", r.URL()+path, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
		if header[i] == "Host" {
			req.Host = header[i+1]
		}
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return res, string(body)
}

// until waits for a state of the document.
func (r *running) until(what string, reached func(Snapshot) bool) Snapshot {
	r.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		var s Snapshot
		_, body := r.get("data.json")
		body = strings.ReplaceAll(body, "null", "0")
		if err := json.Unmarshal([]byte(body), &s); err != nil {
			r.t.Fatalf("%v in %.300s", err, body)
		}
		if reached(s) {
			return s
		}
	}
	r.t.Fatalf("never: %s", what)
	return Snapshot{}
}

// What is sent over the socket is in the document; what is nonsense is counted,
// and disturbs nobody.
func TestService(t *testing.T) {
	r := start(t)
	fi, err := os.Stat(r.path)
	if err != nil || fi.Mode().Perm() != 0o660 {
		t.Errorf("the socket has mode %v, %v", fi.Mode(), err) // 3.22
	}
	a := &sender{pid: 1, group: "site"}
	r.send([]byte("nonsense"))
	r.send(a.sample(1, 42, 5).bytes())
	r.send(bytes.Repeat([]byte("x"), largest+9))
	r.send(a.slow(1, 1, 2, "/path").bytes())
	s := r.until("all has come", func(s Snapshot) bool { return s.Intake.Datagrams == 2 && s.Intake.Refused == 2 })
	if s.Series.Requests != 42 || len(s.Slow) != 1 || s.Slow[0].URL != "http://h/app/path" || !strings.Contains(s.Intake.Why, "more than 65536 bytes") {
		t.Errorf("%+v", s)
	}
	if _, body := r.get("data.json?series=group:site"); !strings.Contains(body, `"key":"group:site"`) {
		t.Errorf("%.300s", body)
	}
}

// The page may load what is here and nothing else, and nobody else's page may
// read it.
func TestGuard(t *testing.T) {
	r := start(t)
	for _, test := range []struct {
		path   string
		header []string
		status int
		kind   string
	}{
		{"", nil, 200, "text/html; charset=utf-8"},
		{"page.js", nil, 200, "text/javascript; charset=utf-8"},
		{"charts.js", nil, 200, "text/javascript; charset=utf-8"},
		{"page.css", nil, 200, "text/css; charset=utf-8"},
		{"icon.svg", nil, 200, "image/svg+xml"},
		{"data.json", nil, 200, "application/json"},
		{"data.json", []string{"Host", "localhost:8888"}, 200, "application/json"},
		{"data.json", []string{"Host", "[::1]"}, 200, "application/json"},
		{"data.json", []string{"Host", "evil.example:8888"}, 403, ""},
		{"", []string{"Host", "127.0.0.1.evil.example"}, 403, ""},
		{"data.json", []string{"Sec-Fetch-Site", "cross-site"}, 403, ""},
		{"events", []string{"Sec-Fetch-Site", "cross-site"}, 403, ""},
		{"", []string{"Sec-Fetch-Site", "cross-site"}, 200, ""}, // a link to it
		{"../../etc/passwd", nil, 404, ""},
		{"none", nil, 404, ""},
	} {
		res, body := r.get(test.path, test.header...)
		if res.StatusCode != test.status || test.kind != "" && res.Header.Get("Content-Type") != test.kind {
			t.Errorf("%s %v: %d %s %.100s", test.path, test.header, res.StatusCode, res.Header.Get("Content-Type"), body)
		}
		if res.Header.Get("Content-Security-Policy") != policy || res.Header.Get("X-Content-Type-Options") != "nosniff" || res.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: %v", test.path, res.Header)
		}
	}
	if _, page := r.get(""); strings.Contains(page, "://") || strings.Contains(page, "<style") || strings.Contains(page, "style=") || strings.Contains(page, "<script>") {
		t.Error("the page loads from elsewhere, or has what its policy forbids")
	}
	res, err := http.Post(r.URL()+"data.json", "text/plain", strings.NewReader("x"))
	if err != nil || res.StatusCode != 405 {
		t.Errorf("POST: %v %v", res, err)
	}
}

// event reads the next word of a stream.
func event(t *testing.T, in *bufio.Reader) (id string, s Snapshot) {
	t.Helper()
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if text, ok := strings.CutPrefix(line, "id: "); ok {
			id = strings.TrimSpace(text)
		}
		if text, ok := strings.CutPrefix(line, "data: "); ok {
			if err := json.Unmarshal([]byte(strings.ReplaceAll(text, "null", "0")), &s); err != nil {
				t.Fatal(err)
			}
			return id, s
		}
	}
}

func (r *running) follow(header ...string) *bufio.Reader {
	r.t.Helper()
	req, _ := http.NewRequest("GET", r.URL()+"events", nil)
	if len(header) > 0 {
		req.Header.Set(header[0], header[1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { res.Body.Close() })
	if res.StatusCode != 200 {
		r.t.Fatalf("events: %s", res.Status)
	}
	return bufio.NewReader(res.Body)
}

// A page gets everything once, then what is new; one that comes back goes on
// where it was, unless the service is another one.
func TestFollow(t *testing.T) {
	r := start(t)
	offset := 100 * time.Second
	began := time.Now()
	r.store.mu.Lock()
	r.store.now = func() time.Duration { return offset + time.Since(began) }
	r.store.mu.Unlock()
	a := &sender{pid: 1, group: "site"}
	r.send(a.sample(60, 600, 5).bytes())
	r.until("it has come", func(s Snapshot) bool { return s.Intake.Datagrams == 1 })
	in := r.follow()
	_, first := event(t, in)
	id, second := event(t, in)
	if len(first.Points) < 90 || len(second.Points) > renewed+3 || second.Slot <= first.Slot {
		t.Errorf("%d points, then %d", len(first.Points), len(second.Points))
	}
	if _, again := event(t, r.follow("Last-Event-ID", id)); len(again.Points) > renewed+3 {
		t.Errorf("one that comes back gets %d points", len(again.Points))
	}
	for _, odd := range []string{"other-90", "nonsense", "-", r.store.epoch + "--5"} {
		if _, again := event(t, r.follow("Last-Event-ID", odd)); len(again.Points) < 90 {
			t.Errorf("%s: %d points", odd, len(again.Points))
		}
	}
}

// Pages that stay open are so many and no more.
func TestFollowersAreBounded(t *testing.T) {
	r := start(t)
	for range mostFollowers {
		event(t, r.follow())
	}
	if res, body := r.get("events"); res.StatusCode != 503 || res.Header.Get("Retry-After") == "" {
		t.Errorf("%s %s", res.Status, body)
	}
	if res, _ := r.get("data.json"); res.StatusCode != 200 {
		t.Error(res.Status)
	}
}

// A socket that was left behind is replaced; one that is in use, a file and a
// relative path are not.
func TestOpenSocket(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "t.sock")
	stale, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Listen: "unix:" + path, Host: "127.0.0.1", Log: io.Discard}
	if _, err := Open(o); err == nil || !strings.Contains(err.Error(), "another service listens at "+path) {
		t.Errorf("one in use: %v", err)
	}
	stale.Close()
	s, err := Open(o)
	if err != nil {
		t.Fatalf("one left behind: %v", err)
	}
	port := s.http.Addr().(*net.TCPAddr).Port
	if _, err := Open(Options{Listen: "unix:" + dir + "/other", Host: "127.0.0.1", Port: port}); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("a port in use: %v", err)
	}
	if _, err := os.Lstat(dir + "/other"); err == nil {
		t.Error("a socket is left behind")
	}
	ctx, stop := context.WithCancel(context.Background())
	stop()
	if err := s.Run(ctx); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(o); err == nil {
		t.Error("a file was replaced")
	}
	for _, listen := range []string{"t.sock", "unix:t.sock", "udp:127.0.0.1:1", ""} {
		if _, err := Open(Options{Listen: listen}); err == nil || !strings.Contains(err.Error(), "must be unix:/") {
			t.Errorf("%s: %v", listen, err)
		}
	}
}

// A service that comes while another ends has a socket that can be found: the one
// that ends takes its own name away and not the next one's.
func TestSocketPassesOn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "t.sock")
	old, err := listen(path)
	for round := 0; err == nil && round < 500; round++ {
		next := make(chan *net.UnixConn)
		go func() {
			for {
				if conn, err := listen(path); err == nil {
					next <- conn
					return
				}
			}
		}()
		if err := release(old, path); err != nil {
			t.Error(err)
		}
		old = <-next
		if _, err = os.Lstat(path); err != nil {
			t.Errorf("round %d: %v", round, err)
		}
	}
	if err := errors.Join(err, old.Close()); err != nil {
		t.Error(err)
	}
}

// A flood is taken in or dropped by the system; the page is served all the while.
func TestFlood(t *testing.T) {
	r := start(t)
	stop := make(chan struct{})
	sent := make(chan int)
	go func() {
		n := 0
		for ; ; n++ {
			select {
			case <-stop:
				sent <- n
				return
			default:
				a := &sender{pid: uint32(n%1000) + 1, group: fmt.Sprint(n % 50)}
				if _, err := r.conn.Write(a.sample(100, 1000, n%buckets).bytes()); err != nil {
					t.Error(err)
				}
			}
		}
	}()
	slowest := time.Duration(0)
	for range 20 {
		began := time.Now()
		if res, _ := r.get("data.json"); res.StatusCode != 200 {
			t.Error(res.Status)
		}
		slowest = max(slowest, time.Since(began))
	}
	close(stop)
	n := <-sent
	s := r.until("all of it has come", func(s Snapshot) bool { return s.Intake.Datagrams == uint64(n) })
	if s.Series.Requests != float64(1000*n) || len(s.Processes) > mostProcesses {
		t.Errorf("%v requests of %d datagrams, %d processes", s.Series.Requests, n, len(s.Processes))
	}
	t.Logf("note: telemetry: %d datagrams while the page was asked for 20 times, %v at most", n, slowest.Round(time.Millisecond))
}
