package pack

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// keyFile writes an RSA key.
func keyFile(t *testing.T, kind string, key []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "packager-5f2b.rsa")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: key}), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func newKey(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// an apk is signed if there is a key: openssl finds the signature right, the
// reader does, and refuses it for another key or another package.
func (x packed) testApkSigned(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	k, err := ReadApkKey(keyFile(t, "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key)))
	if err != nil {
		t.Fatal(err)
	}
	o := x.o
	o.Key = k
	d := described(t, "apk", x.b, o)["apache2-mod-wsgi-any"]
	_, data, err := writeNative(d, "apk", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := checkApk(data, d); err != nil {
		t.Error(err)
	}
	streams, err := readStreams(data)
	if err != nil || len(streams) != 3 {
		t.Fatalf("%d streams, %v", len(streams), err)
	}
	first, err := readTar(ended(streams[0].plain), true)
	e, ok := first[".SIGN.RSA.packager-5f2b.rsa.pub"]
	if err != nil || !ok {
		t.Fatalf("%v, %v", first, err)
	}
	for what, got := range map[string]error{
		"another name":  checkSignature(streams[0], streams[1], "other.rsa.pub", &key.PublicKey),
		"another key":   checkSignature(streams[0], streams[1], k.Name(), &newKey(t).PublicKey),
		"another bytes": checkSignature(streams[0], streams[2], k.Name(), &key.PublicKey),
		"no signature":  checkSignature(streams[1], streams[1], k.Name(), &key.PublicKey),
	} {
		if got == nil {
			t.Errorf("%s: taken", what)
		}
	}
	if d.Key = nil; checkApk(data, d) == nil {
		t.Error("a signature where none was asked for")
	}

	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	dir := kept(t, map[string][]byte{"control": streams[1].packed, "signature": e.data, "key": pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})})
	at := func(name string) string { return filepath.Join(dir, name) }
	out := ask(t, tool(t, "openssl"), "dgst", "-sha1", "-verify", at("key"), "-signature", at("signature"), at("control"))
	if !strings.Contains(out, "Verified OK") {
		t.Errorf("%s", out)
	}
}

// what abuild says of a package is said, and all packages of a build have one
// origin.
func (x packed) testApk(t *testing.T) {
	t.Parallel()
	for name, d := range described(t, "apk", x.b, x.o) {
		file, data, err := writeNative(d, "apk", t.TempDir())
		if err != nil || file != name+"-"+x.b.Layout.Apache.Version+"-r0.apk" {
			t.Fatalf("%s: %v", file, err)
		}
		streams, err := readStreams(data)
		if err != nil || len(streams) != 2 {
			t.Fatalf("%s: %d streams, %v", name, len(streams), err)
		}
		got, err := readTar(ended(streams[0].plain), true)
		if err != nil {
			t.Fatal(err)
		}
		info, err := readInfo(string(got[".PKGINFO"].data))
		if err != nil {
			t.Fatal(err)
		}
		for field, want := range map[string]string{"origin": "apache2-mod-wsgi-any", "builddate": "1795219200", "packager": contact, "license": "Apache-2.0", "arch": "x86_64"} {
			if !slices.Equal(info[field], []string{want}) {
				t.Errorf("%s: %s is %q", name, field, info[field])
			}
		}
		if bytes.Contains(got[".PKGINFO"].data, []byte("\n\n")) {
			t.Errorf("%q", got[".PKGINFO"].data)
		}
	}
}

// keys that cannot be used are refused, with what can.
func TestReadApkKey(t *testing.T) {
	key := newKey(t)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what, kind string
		data       []byte
		ok         bool
	}{
		{"as abuild-keygen has it", "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key), true},
		{"as openssl genrsa has it", "PRIVATE KEY", pkcs8, true},
		{"behind a passphrase", "ENCRYPTED PRIVATE KEY", pkcs8, false},
		{"a public key", "PUBLIC KEY", pkcs8, false},
		{"cut off", "PRIVATE KEY", pkcs8[:100], false},
	} {
		k, err := ReadApkKey(keyFile(t, c.kind, c.data))
		if (err == nil) != c.ok || c.ok && !k.key.Equal(key) {
			t.Errorf("%s: %v", c.what, err)
		}
	}
	if _, err := ReadApkKey(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("no file")
	}
}

// Y-4: what stands in for a key is refused, or is one.
func FuzzParseKey(f *testing.F) {
	f.Add([]byte("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: x\n\nAAAA\n-----END RSA PRIVATE KEY-----\n"))
	f.Add([]byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if key, err := parseKey(data); (key == nil) == (err == nil) {
			t.Errorf("%v, %v", key, err)
		}
	})
}
