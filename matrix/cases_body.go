package matrix

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"sync"
)

// noise is n bytes that no compressor or accident makes again.
func noise(n int) []byte {
	p := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(p) // never fails
	return p
}

// digested is what the application answers to a body at /sha256.
func digested(p []byte) string {
	return fmt.Sprintf("(%d, '%x')", len(p), sha256.Sum256(p))
}

// upload sends bodies of sizes round every limit there is, and a large one.
func upload(t *T) {
	for _, size := range []int{0, 1, 11, 1024, 8191, 8192, 16383, 16384, 16385, 65536, 1 << 20, 20 << 20} {
		body := noise(size)
		r := t.Do(Request{Method: "POST", Path: "/sha256", Body: body})
		t.check(Request{Path: fmt.Sprintf("/sha256 of %d", size)}, Want{Body: digested(body)}, r)
	}
}

// uploadParallel sends twenty bodies at a time to five threads.
func uploadParallel(t *T) {
	body := noise(1 << 20)
	conns := make([]*Conn, 20)
	for i := range conns {
		conns[i] = t.Dial()
	}
	var all sync.WaitGroup
	for _, c := range conns {
		all.Go(func() {
			q := Request{Method: "POST", Path: "/sha256", Body: body}
			if err := c.Request(t.bytes(q, true)); err != nil {
				t.Errorf("sending: %v", err)
				return
			}
			r, err := c.Read("POST")
			if err != nil {
				t.Errorf("%v", err)
				return
			}
			t.check(q, Want{Body: digested(body)}, r)
		})
	}
	all.Wait()
}

// expectContinue wants "100 Continue" before the body is sent, and then the
// answer to it.
func expectContinue(t *T) {
	c := t.Dial()
	if err := c.Request([]byte("POST /read HTTP/1.1\r\nHost: " + t.Host + "\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")); err != nil {
		t.Fatalf("sending: %v", err)
	}
	r, err := c.Head()
	if err != nil {
		t.Fatalf("%v", err)
	}
	Same(t, "first status", r.Status, 100)
	if err := c.Send([]byte("12345")); err != nil {
		t.Fatalf("sending the body: %v", err)
	}
	r, err = c.Read("POST")
	if err != nil {
		t.Fatalf("%v", err)
	}
	t.check(Request{}, Want{Body: "b'12345'"}, r)
}
