package pack

import (
	"archive/tar"
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"modwsgi/internal/hint"
)

// ApkKey is what apks are signed with (rule Q-10): the one kind of key that this
// program handles itself, since such a signature is a part of the package.
type ApkKey struct {
	name string // by which apk knows it: a file of that name and .pub in /etc/apk/keys
	key  *rsa.PrivateKey
}

// ReadApkKey reads an RSA key as abuild-keygen writes it.
func ReadApkKey(file string) (*ApkKey, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading the key for apks: %w", err)
	}
	key, err := parseKey(data)
	if err != nil {
		return nil, hint.New(fmt.Errorf("reading the key for apks: %s: %w", file, err), "make one with abuild-keygen, or openssl genrsa -out NAME.rsa 4096; one behind a passphrase is for -sign=\"abuild-sign -k FILE\"")
	}
	return &ApkKey{filepath.Base(file), key}, nil
}

func parseKey(data []byte) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, errors.New("it is no key in PEM")
	}
	if block.Type == "RSA PRIVATE KEY" && block.Headers["DEK-Info"] == "" {
		return x509.ParsePKCS1PrivateKey(block.Bytes)
	}
	if block.Type != "PRIVATE KEY" {
		return nil, fmt.Errorf("a %q, or with a passphrase, is not what can be used", block.Type)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	key, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return nil, errors.New("it is no RSA key, and apk knows no others")
	}
	return key, nil
}

// Name is that of the public key, as apk looks for it.
func (k *ApkKey) Name() string { return k.name + ".pub" }

const signaturePrefix = ".SIGN.RSA."

// finishApk is an apk of nfpm's with what abuild also says of a package (rule Q-7),
// and signed if there is a key.
func finishApk(data []byte, d Description) ([]byte, error) {
	streams, err := readStreams(data)
	if err != nil || len(streams) != 2 {
		return nil, errors.Join(fmt.Errorf("it has %d streams", len(streams)), err)
	}
	plain, err := withInfo(streams[0].plain, fmt.Sprintf("origin = %s\nbuilddate = %d\npackager = %s\n", d.Origin, d.Date.Unix(), d.Contact))
	if err != nil {
		return nil, err
	}
	control, err := squeezed(plain, "gz")
	if err != nil || d.Key == nil {
		return append(control, streams[1].packed...), err
	}
	signature, err := d.Key.sign(control, d)
	return append(append(signature, control...), streams[1].packed...), err
}

// withInfo is a control stream with more lines in .PKGINFO.
func withInfo(control []byte, lines string) ([]byte, error) {
	var b bytes.Buffer
	r, w := tar.NewReader(ended(control)), tar.NewWriter(&b)
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			err := w.Flush() // without an end: the data follow
			return b.Bytes(), err
		}
		if err != nil {
			return nil, err
		}
		data, err := io.ReadAll(r)
		if err != nil {
			return nil, err
		}
		if h.Name == ".PKGINFO" {
			data = append(data, lines...)
			h.Size = int64(len(data))
		}
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := w.Write(data); err != nil {
			return nil, err
		}
	}
}

// ended is a stream of tar with the end that it has not.
func ended(plain []byte) io.Reader {
	return io.MultiReader(bytes.NewReader(plain), bytes.NewReader(make([]byte, tarEnd)))
}

const tarEnd = 1024

// sign makes the stream that goes before a control stream. The hash is what apk
// wants there; an old one, so that such a signature tells where packages are from, and
// https has to keep them from being replaced.
func (k *ApkKey) sign(control []byte, d Description) ([]byte, error) {
	sum := sha1.Sum(control)
	signature, err := rsa.SignPKCS1v15(nil, k.key, crypto.SHA1, sum[:])
	if err != nil {
		return nil, fmt.Errorf("signing %s: %w", d.Name, err)
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	h := &tar.Header{Name: signaturePrefix + k.Name(), Mode: 0o644, Size: int64(len(signature)), ModTime: d.Date, Uname: "root", Gname: "root", Typeflag: tar.TypeReg}
	if err := w.WriteHeader(h); err != nil {
		return nil, err
	}
	if _, err := w.Write(signature); err != nil {
		return nil, err
	}
	if err := w.Flush(); err != nil {
		return nil, err
	}
	return squeezed(b.Bytes(), "gz")
}

// checkSignature holds the first stream of an apk against the control stream behind
// it, by a public key.
func checkSignature(first, control stream, name string, key *rsa.PublicKey) error {
	got, err := readTar(ended(first.plain), true)
	if err != nil {
		return fmt.Errorf("its signature: %w", err)
	}
	e, ok := got[signaturePrefix+name]
	if !ok || len(got) != 1 {
		return fmt.Errorf("it is not signed with %s", strings.TrimSuffix(name, ".pub"))
	}
	sum := sha1.Sum(control.packed)
	if err := rsa.VerifyPKCS1v15(key, crypto.SHA1, sum[:], e.data); err != nil {
		return fmt.Errorf("its signature: %w", err)
	}
	return nil
}
