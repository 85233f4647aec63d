package matrix

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// clientTimeout bounds every wait of the client for the server.
const clientTimeout = 20 * time.Second

// End is how a response ended on the wire.
type End string

const (
	EndFramed    End = "framed"    // by its length or the last chunk: the connection may go on
	EndDelimited End = "delimited" // by the end of the connection, as it should without a length
	EndClosed    End = "closed"    // the connection was closed before the end
	EndReset     End = "reset"     // the connection was reset
	EndStuck     End = "stuck"     // nothing came within the deadline
)

// Conn is one connection to the server that sends exact bytes and keeps exact
// bytes: what net/http would repair or hide is what the cases look at.
type Conn struct {
	net  net.Conn
	buf  []byte // received and not taken yet
	sent int    // requests sent, for the access log
}

// dial opens a connection to the port on the loopback interface.
func dial(ctx context.Context, port int) (*Conn, error) {
	d := net.Dialer{Timeout: clientTimeout}
	c, err := d.DialContext(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return nil, err
	}
	return &Conn{net: c}, nil
}

// Port is the client's port, by which the access log names the connection.
func (c *Conn) Port() int { return c.net.LocalAddr().(*net.TCPAddr).Port }

// Close closes the connection; a server that still writes sees a reset.
func (c *Conn) Close() { _ = c.net.Close() }

// CloseWrite ends the client's side only.
func (c *Conn) CloseWrite() error { return c.net.(*net.TCPConn).CloseWrite() }

// Send writes p as it is. It does not count as a request; see [Conn.Request].
func (c *Conn) Send(p []byte) error {
	_ = c.net.SetWriteDeadline(time.Now().Add(clientTimeout))
	_, err := c.net.Write(p)
	return err
}

// Request writes a request head (and body) and counts it.
func (c *Conn) Request(p []byte) error {
	c.sent++
	return c.Send(p)
}

// fill reads once more. The End says why there is no more; "" when there is.
func (c *Conn) fill(deadline time.Time) End {
	_ = c.net.SetReadDeadline(deadline)
	var chunk [64 << 10]byte
	n, err := c.net.Read(chunk[:])
	c.buf = append(c.buf, chunk[:n]...)
	switch {
	case n > 0:
		return ""
	case errors.Is(err, io.EOF):
		return EndClosed
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return EndReset
	default:
		return EndStuck
	}
}

// until returns the bytes up to and with mark, or what came before the end.
func (c *Conn) until(mark string) ([]byte, End) {
	deadline := time.Now().Add(clientTimeout)
	for {
		if i := bytes.Index(c.buf, []byte(mark)); i >= 0 {
			return c.take(i + len(mark)), ""
		}
		if end := c.fill(deadline); end != "" {
			return c.take(len(c.buf)), end
		}
	}
}

// exactly returns n bytes, or what came before the end.
func (c *Conn) exactly(n int) ([]byte, End) {
	deadline := time.Now().Add(clientTimeout)
	for len(c.buf) < n {
		if end := c.fill(deadline); end != "" {
			return c.take(len(c.buf)), end
		}
	}
	return c.take(n), ""
}

func (c *Conn) take(n int) []byte {
	p := c.buf[:n:n]
	c.buf = c.buf[n:]
	return p
}

// Rest reads everything until the server ends the connection.
func (c *Conn) Rest() ([]byte, End) {
	deadline := time.Now().Add(clientTimeout)
	for {
		if end := c.fill(deadline); end != "" {
			return c.take(len(c.buf)), end
		}
	}
}

// Some returns what is there, waiting for at least one byte until deadline.
func (c *Conn) Some(wait time.Duration) ([]byte, End) {
	if len(c.buf) == 0 {
		if end := c.fill(time.Now().Add(wait)); end != "" {
			return nil, end
		}
	}
	return c.take(len(c.buf)), ""
}

// Response is one response, byte by byte.
type Response struct {
	Proto  string
	Status int
	Reason string
	Header http.Header
	Body   []byte
	Chunks [][]byte // of a chunked body, as they were sent
	End    End
	Raw    []byte // everything, head included
}

// maxBody bounds the body of a response: a larger one is a fault of the server.
const maxBody = 256 << 20

// Head reads a status line and header. End is not set yet unless the
// connection ended before the head was whole.
func (c *Conn) Head() (Response, error) {
	raw, end := c.until("\r\n\r\n")
	r := Response{Raw: raw, Header: http.Header{}, End: end}
	if end != "" {
		return r, fmt.Errorf("connection %s in the response's head after %q", end, clip(raw))
	}
	lines := strings.Split(strings.TrimSuffix(string(raw), "\r\n\r\n"), "\r\n")
	proto, rest, _ := strings.Cut(lines[0], " ")
	code, reason, _ := strings.Cut(rest, " ")
	status, err := strconv.Atoi(code)
	if err != nil || len(code) != 3 || !strings.HasPrefix(proto, "HTTP/") {
		return r, fmt.Errorf("bad status line %q", lines[0])
	}
	r.Proto, r.Status, r.Reason = proto, status, reason
	for _, line := range lines[1:] {
		name, value, ok := strings.Cut(line, ":")
		if !ok || strings.TrimSpace(name) != name || name == "" {
			return r, fmt.Errorf("bad header line %q", line)
		}
		r.Header.Add(name, strings.TrimSpace(value))
	}
	return r, nil
}

// Read reads one whole response to a request of the method. A broken one is
// returned as far as it came, with its End; the error is for bytes that are
// no HTTP.
func (c *Conn) Read(method string) (Response, error) {
	r, err := c.Head()
	if err != nil {
		return r, err
	}
	err = c.Body(&r, method)
	return r, err
}

// Body reads the body that belongs to the head in r.
func (c *Conn) Body(r *Response, method string) error {
	length := r.Header.Get("Content-Length")
	switch {
	case method == "HEAD", r.Status < 200, r.Status == 204, r.Status == 304:
		r.End = EndFramed
	case strings.EqualFold(r.Header.Get("Transfer-Encoding"), "chunked"):
		if length != "" {
			return errors.New("response has both Content-Length and Transfer-Encoding")
		}
		return c.chunked(r)
	case length != "":
		n, err := strconv.Atoi(length)
		if err != nil || n < 0 || n > maxBody {
			return fmt.Errorf("bad Content-Length %q", length)
		}
		r.Body, r.End = c.exactly(n)
		r.Raw = append(r.Raw, r.Body...)
		if r.End == "" {
			r.End = EndFramed
		}
	default:
		r.Body, r.End = c.Rest()
		r.Raw = append(r.Raw, r.Body...)
		if r.End == EndClosed {
			r.End = EndDelimited
		}
	}
	return nil
}

func (c *Conn) chunked(r *Response) error {
	for {
		line, end := c.until("\r\n")
		r.Raw = append(r.Raw, line...)
		if end != "" {
			r.End = end
			return nil
		}
		digits := strings.TrimSpace(string(line))
		size, err := strconv.ParseUint(digits, 16, 31)
		if err != nil || size > maxBody {
			return fmt.Errorf("bad chunk size %q", digits)
		}
		chunk, end := c.exactly(int(size) + 2)
		r.Raw = append(r.Raw, chunk...)
		if end != "" {
			r.Body = append(r.Body, chunk...)
			r.End = end
			return nil
		}
		if !bytes.HasSuffix(chunk, []byte("\r\n")) {
			return fmt.Errorf("chunk of %d bytes without its end", size)
		}
		if size == 0 {
			r.End = EndFramed
			return nil
		}
		chunk = chunk[:size]
		r.Chunks = append(r.Chunks, chunk)
		r.Body = append(r.Body, chunk...)
	}
}

// clip shortens bytes for a message.
func clip(p []byte) string {
	const most = 300
	if len(p) > most {
		return string(p[:most]) + "…"
	}
	return string(p)
}

// Request is what a case asks for. The zero value is GET / HTTP/1.1.
type Request struct {
	Method string
	Path   string   // "/" when empty; sent as it is
	Proto  string   // "HTTP/1.1" when empty
	Header []string // whole lines, "X-A: 1", sent in this order
	Body   []byte   // sent with a Content-Length unless Header has a framing of its own
	Host   string   // the case's when empty
}

// bytes is the request as it goes over the wire. close asks the server to end
// the connection.
func (q Request) bytes(host string, close bool) []byte {
	if q.Host != "" {
		host = q.Host
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s %s\r\nHost: %s\r\n", q.method(), orElse(q.Path, "/"), orElse(q.Proto, "HTTP/1.1"), host)
	framed, conn := false, false
	for _, line := range q.Header {
		name, _, _ := strings.Cut(strings.ToLower(line), ":")
		framed = framed || name == "content-length" || name == "transfer-encoding"
		conn = conn || name == "connection"
		b.WriteString(line + "\r\n")
	}
	if len(q.Body) > 0 && !framed {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(q.Body))
	}
	if close && !conn {
		b.WriteString("Connection: close\r\n")
	}
	b.WriteString("\r\n")
	b.Write(q.Body)
	return b.Bytes()
}

func (q Request) method() string { return orElse(q.Method, "GET") }

func orElse(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}
