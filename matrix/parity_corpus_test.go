package matrix

import (
	"fmt"
	"slices"
	"strings"
)

// protocol is how the requests of a conversation follow one another.
type protocol string

const (
	http10     protocol = "HTTP/1.0"
	http10Kept protocol = "1.0 keep-alive"
	http11     protocol = "1.1"
	http11Kept protocol = "1.1 keep-alive"
	pipelined  protocol = "pipelined" // 1.1, all sent before the first answer is read
)

// protocols are all of them, in the order in which they are counted.
var protocols = []protocol{http10, http10Kept, http11, http11Kept, pipelined}

// spoken is one request as it is sent.
type spoken struct{ method, bytes string }

// exact is one conversation of the parity corpus: bytes for one application,
// ended by the client's wish to close.
type exact struct {
	mount, name string
	proto       protocol
	requests    []spoken
}

// parityMount is an application with the paths that answer the same each time.
type parityMount struct {
	Case
	paths   []string
	chunked bool // its uploads come in chunks, too
}

// parityMounts are the applications of the corpus, some of them more than once
// with other directives.
func parityMounts() []parityMount {
	bodyPaths := []string{"/read", "/read-minus", "/split", "/zero", "/end", "/readline", "/readline-5", "/readlines", "/readlines-1",
		"/iterate", "/closed", "/wrong", "/lacks", "/sha256", "/type"}
	outputPaths := []string{"/single", "/in_tuple", "/nothing", "/iterator", "/write", "/write_only", "/write_str", "/empty_blocks", "/sized"}
	responsePaths := []string{"/plain", "/no-type", "/no-content", "/not-modified", "/found", "/absolute", "/custom", "/odd", "/bare", "/words",
		"/error", "/cookies", "/challenge", "/repeated", "/many", "/long", "/latin", "/status-header", "/type", "/etag"}
	wrapPaths := []string{"/whole", "/offset", "/limited", "/memory", "/middleware", "/written", "/text", "/attributes"}
	at := func(name, app string, paths []string, conf ...string) parityMount {
		return parityMount{Case: Case{Name: name, App: app, Conf: conf}, paths: paths}
	}
	mounts := []parityMount{
		at("hello", "", []string{"/", "/?q=%20", "//a//b"}),
		at("output", "", outputPaths),
		at("response", "", responsePaths),
		at("failing", "", []string{"/before", "/started", "/first_block", "/after", "/fine", "/bad_close", "/no_start", "/no_start_empty", "/none", "/text",
			"/text_later", "/number", "/array", "/raw_bytes", "/system_exit", "/replaced", "/reraised", "/twice", "/twice_late",
			"/bad_length?abc", "/bad_length?-1", "/bad_length?+5", "/two_lengths"}),
		at("length", "", []string{"/5/5", "/500/5", "/500/0", "/12/20", "/0/5", "/0/0"}),
		at("framing", "", []string{"/transfer-encoding", "/connection", "/keep-alive", "/upgrade", "/trailer", "/te", "/proxy-connection"}),
		at("filewrap", "", wrapPaths),
		at("early", "", []string{"/"}),
		at("mapping", "", []string{"/a%20b/%C3%A9?x", "//x///y", "/a;b=c/%2e%2e/d"}),
		at("refused", "", []string{"/fine", "/bare-status", "/status-int", "/status-wide", "/status-crlf", "/status-early", "/status-continue", "/headers-tuple",
			"/item-three", "/name-colon", "/name-empty", "/value-crlf", "/value-nul", "/value-wide", "/exc-info-str", "/status-word"}),
		at("hints", "", []string{"/", "/two", "/split", "/body", "/late", "/fail", "/none"}),
		at("body", "", bodyPaths),
		at("body-chunked", "body", bodyPaths, "WSGIChunkedRequest On"),
		at("early-chunked", "early", []string{"/"}, "WSGIChunkedRequest On"),
		at("override", "response", responsePaths, "WSGIErrorOverride On", `ErrorDocument 503 "the server's words"`),
		at("head-kept", "output", outputPaths, "WSGIMapHEADToGET Off"),
		at("deflated", "output", outputPaths, "SetOutputFilter DEFLATE"),
		at("sendfile", "filewrap", wrapPaths, "WSGIEnableSendfile On"),
		at("included", "nested", []string{"/page", "/part?5", "/fail"}, "<Location /page>", "Options +Includes", "SetOutputFilter INCLUDES", "</Location>", "ErrorDocument 500 /sorry"),
		at("limited", "body", []string{"/read", "/sha256"}, "WSGIChunkedRequest On", "LimitRequestBody 8"),
	}
	for i := range mounts {
		mounts[i].chunked = strings.HasSuffix(mounts[i].Name, "-chunked") || mounts[i].Name == "limited"
	}
	return mounts
}

const (
	threeLines   = "one\ntwo\nthree"
	saysClose    = "Connection: close"
	saysKeep     = "Connection: keep-alive"
	inChunks     = "Transfer-Encoding: chunked"
	largerThanIn = 80 << 10 // more than rides along with the head of a request
)

// corpus collects the conversations with one mount.
type corpus struct {
	host string
	list *[]exact
}

// add notes a conversation.
func (c corpus) add(proto protocol, name string, requests ...spoken) {
	*c.list = append(*c.list, exact{strings.TrimSuffix(c.host, ".test"), name, proto, requests})
}

// say is one request with a Host field, and with a Content-Length where there
// is a body and no line in front of it says otherwise.
func (c corpus) say(method, path, proto, body string, lines ...string) spoken {
	head := fmt.Sprintf("%s %s %s\r\nHost: %s\r\n", method, path, proto, c.host)
	framed := false
	for _, l := range lines {
		framed = framed || l == inChunks
		head += l + "\r\n"
	}
	if body != "" && !framed {
		head += fmt.Sprintf("Content-Length: %d\r\n", len(body))
	}
	return spoken{method, head + "\r\n" + body}
}

// corpusOf pairs every path with requests of every kind.
func corpusOf(mounts []parityMount) []exact {
	var list []exact
	for _, m := range mounts {
		c := corpus{hostOf(m.Case), &list}
		for _, path := range m.paths {
			c.plain(path)
			c.kept(path)
			if m.chunked {
				c.chunked(path)
			}
		}
	}
	return list
}

// parityCorpus pairs every application that answers the same each time with
// requests of every kind.
func parityCorpus() []exact {
	list := corpusOf(parityMounts())
	body := corpus{hostOf(Case{Name: "body"}), &list}
	early := corpus{hostOf(Case{Name: "early"}), &list}
	const v11 = "HTTP/1.1"
	body.add(http11, "chunked, not allowed", body.say("POST", "/read", v11, chunks(threeLines), saysClose, inChunks))
	body.add(http11, "bad length", body.say("POST", "/read", v11, "", saysClose, "Content-Length: abc"))
	body.add(http11, "two lengths", body.say("POST", "/read", v11, "", saysClose, "Content-Length: 3", "Content-Length: 4"))
	body.add(http11, "unknown transfer-encoding", body.say("POST", "/read", v11, "", saysClose, "Transfer-Encoding: gzip"))
	body.add(http11, "expect", body.say("POST", "/read", v11, "body", saysClose, "Expect: 100-continue"))
	early.add(http11, "expect", early.say("POST", "/", v11, "body", saysClose, "Expect: 100-continue"))
	large := strings.Repeat("0123456789abcdef", largerThanIn/16)
	body.add(http11, "80 kB", body.say("POST", "/sha256", v11, large, saysClose))
	body.add(http10, "80 kB", body.say("POST", "/sha256", "HTTP/1.0", large))
	body.add(http11Kept, "80 kB", body.say("POST", "/sha256", v11, large), body.say("PUT", "/read", v11, threeLines), body.say("GET", "/read", v11, "", saysClose))
	early.add(http11Kept, "body unread", early.say("POST", "/", v11, large), early.say("GET", "/", v11, "", saysClose))
	early.add(pipelined, "body unread", early.say("POST", "/", v11, large), early.say("PUT", "/", v11, large), early.say("GET", "/", v11, "", saysClose))
	return list
}

// plain are conversations of one request: each method, and what asks for a
// part or for nothing new.
func (c corpus) plain(path string) {
	const v10, v11 = "HTTP/1.0", "HTTP/1.1"
	for _, method := range []string{"GET", "HEAD", "OPTIONS", "DELETE", "PURGE"} {
		c.add(http11, method+" "+path, c.say(method, path, v11, "", saysClose))
	}
	for _, method := range []string{"POST", "PUT", "PATCH", "DELETE"} {
		c.add(http11, method+" with a body "+path, c.say(method, path, v11, threeLines, saysClose))
	}
	c.add(http11, "empty POST "+path, c.say("POST", path, v11, "", saysClose, "Content-Length: 0"))
	c.add(http11, "range "+path, c.say("GET", path, v11, "", saysClose, "Range: bytes=1-3"))
	c.add(http11, "ranges "+path, c.say("GET", path, v11, "", saysClose, "Range: bytes=9999999-"))
	c.add(http11, "if-none-match "+path, c.say("GET", path, v11, "", saysClose, `If-None-Match: "x"`))
	c.add(http11, "gzip "+path, c.say("GET", path, v11, "", saysClose, "Accept-Encoding: gzip"))
	for _, method := range []string{"GET", "HEAD"} {
		c.add(http10, method+" "+path, c.say(method, path, v10, ""))
	}
	c.add(http10, "POST "+path, c.say("POST", path, v10, threeLines))
}

// kept are conversations of several requests on one connection.
func (c corpus) kept(path string) {
	const v10, v11 = "HTTP/1.0", "HTTP/1.1"
	c.add(http10Kept, "GET twice "+path, c.say("GET", path, v10, "", saysKeep), c.say("GET", path, v10, ""))
	c.add(http10Kept, "POST, HEAD, GET "+path, c.say("POST", path, v10, threeLines, saysKeep), c.say("HEAD", path, v10, "", saysKeep), c.say("GET", path, v10, ""))
	c.add(http11Kept, "GET twice "+path, c.say("GET", path, v11, ""), c.say("GET", path, v11, "", saysClose))
	c.add(http11Kept, "HEAD, PUT, GET "+path, c.say("HEAD", path, v11, ""), c.say("PUT", path, v11, threeLines), c.say("GET", path, v11, "", saysClose))
	c.add(pipelined, "GET twice "+path, c.say("GET", path, v11, ""), c.say("GET", path, v11, "", saysClose))
	c.add(pipelined, "POST, HEAD, OPTIONS, GET "+path, c.say("POST", path, v11, threeLines), c.say("HEAD", path, v11, ""),
		c.say("OPTIONS", path, v11, ""), c.say("GET", path, v11, "", saysClose))
}

// chunked are uploads in chunks: of every size, with what may stand beside
// them, broken ones, and others behind them.
func (c corpus) chunked(path string) {
	const v11 = "HTTP/1.1"
	ones := slices.Repeat([]int{1}, len(threeLines))
	for _, method := range []string{"POST", "PUT", "PATCH", "PURGE"} {
		c.add(http11, method+" in chunks "+path, c.say(method, path, v11, chunks(threeLines, 4, 1), saysClose, inChunks))
	}
	c.add(http11, "bytes in chunks "+path, c.say("POST", path, v11, chunks(threeLines, ones...), saysClose, inChunks))
	c.add(http11, "no chunk "+path, c.say("POST", path, v11, finalChunk, saysClose, inChunks))
	c.add(http11, "chunk with extension, and trailer "+path, c.say("POST", path, v11, "3;a=b\r\none\r\n0\r\nX-Trailer: 1\r\n\r\n", saysClose, inChunks))
	c.add(http11, "large chunks "+path, c.say("POST", path, v11, chunks(strings.Repeat("line of text\n", largerThanIn/13), 7, 70000), saysClose, inChunks))
	c.add(http11, "bad chunk "+path, c.say("POST", path, v11, "3\r\none\r\nzz\r\n", saysClose, inChunks))
	c.add(http11, "chunks and length "+path, c.say("POST", path, v11, chunks(threeLines), saysClose, inChunks, "Content-Length: 3"))
	c.add(http11, "chunks and 100-continue "+path, c.say("POST", path, v11, chunks(threeLines), saysClose, inChunks, "Expect: 100-continue"))
	c.add(http11Kept, "chunks, GET "+path, c.say("POST", path, v11, chunks(threeLines, 5), inChunks), c.say("GET", path, v11, "", saysClose))
	c.add(pipelined, "chunks, chunks, POST, GET "+path, c.say("POST", path, v11, chunks(threeLines, 5), inChunks), c.say("PUT", path, v11, chunks(threeLines, ones...), inChunks),
		c.say("POST", path, v11, threeLines), c.say("GET", path, v11, "", saysClose))
}
