package auth

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/internal/wholefile"
)

const (
	// backdate is how far before now a certificate begins to hold, so that a
	// machine whose clock is behind by a day still trusts it.
	backdate = 48 * time.Hour
	// authorityLife is long: hosts that joined keep the CA, and nobody wants to
	// let a thousand of them join again.
	authorityLife = 20 * 365 * 24 * time.Hour

	caCertFile = "ca.crt"
	caKeyFile  = "ca.key"
)

// Authority is the manager's own CA. It signs the manager's certificates and
// nothing else.
type Authority struct {
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// OpenAuthority reads the CA of a directory, or makes it at the first start.
// The key is readable by its owner alone.
func OpenAuthority(dir string, now func() time.Time) (*Authority, error) {
	what := "cannot use the manager's CA in " + dir
	certPEM, err := os.ReadFile(filepath.Join(dir, caCertFile))
	if errors.Is(err, fs.ErrNotExist) {
		// The certificate is written last: without it nobody ever saw this CA.
		return makeAuthority(dir, now())
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	keyPEM, err := readPrivate(filepath.Join(dir, caKeyFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, banto.Fail(banto.KindInvalid, what, caCertFile+" is there, and its key "+caKeyFile+" is not",
			"put "+caKeyFile+" back from a backup; or move "+dir+" away to have a new CA made, and let the hosts join again").Because(err)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	a := &Authority{dir: dir}
	if a.cert, a.key, err = parsePair(certPEM, keyPEM); err != nil {
		return nil, banto.Fail(banto.KindInvalid, what, err.Error(), "put both files back from a backup").Because(err)
	}
	if err := checkAuthority(a.cert, now()); err != nil {
		return nil, banto.Fail(banto.KindInvalid, what, err.Error(),
			"is this machine's clock right? If it is, move "+dir+" away to have a new CA made, and let the hosts join again").Because(err)
	}
	return a, nil
}

// makeAuthority makes a CA.
func makeAuthority(dir string, now time.Time) (*Authority, error) {
	what := "cannot make the manager's CA in " + dir
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	serial, err := newSerial()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	// A name of its own: a client that has met two managers must not take one
	// for the other.
	name := "Banto CA " + hex.EncodeToString(serial.Bytes()[:4])
	der, err := x509.CreateCertificate(rand.Reader, authorityTemplate(name, serial, now), authorityTemplate(name, serial, now), key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	keyPEM, err := encodeKey(key)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	if err := wholefile.Write(filepath.Join(dir, caKeyFile), keyPEM, 0o600); err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	if err := wholefile.Write(filepath.Join(dir, caCertFile), encodeCert(der), 0o644); err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return &Authority{dir: dir, cert: cert, key: key}, nil
}

func authorityTemplate(name string, serial *big.Int, now time.Time) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name},
		NotBefore: now.Add(-backdate), NotAfter: now.Add(authorityLife),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
}

// checkAuthority says what is wrong with a certificate as a CA at that time.
func checkAuthority(cert *x509.Certificate, now time.Time) error {
	switch {
	case !cert.IsCA || !cert.BasicConstraintsValid:
		return errors.New(caCertFile + " is not the certificate of a CA")
	case now.After(cert.NotAfter):
		return fmt.Errorf("it ended on %s, and today is %s", day(cert.NotAfter), day(now))
	case now.Before(cert.NotBefore):
		return fmt.Errorf("it holds from %s on, and today is %s", day(cert.NotBefore), day(now))
	}
	return nil
}

// CAPEM gives the certificate of the CA, for those who are to trust it.
func (a *Authority) CAPEM() string { return string(encodeCert(a.cert.Raw)) }

// Fingerprint names the CA: "sha256:" and the hex of its certificate's hash.
func (a *Authority) Fingerprint() string { return fingerprintOf(a.cert.Raw) }

// NotAfter says when the CA ends.
func (a *Authority) NotAfter() time.Time { return a.cert.NotAfter }

const fingerprintPrefix = "sha256:"

func fingerprintOf(der []byte) string {
	sum := sha256.Sum256(der)
	return fingerprintPrefix + hex.EncodeToString(sum[:])
}

// validFingerprint says whether the text is one that Fingerprint gives.
func validFingerprint(s string) bool {
	rest, ok := strings.CutPrefix(s, fingerprintPrefix)
	b, err := hex.DecodeString(rest)
	return ok && err == nil && len(b) == sha256.Size && rest == strings.ToLower(rest)
}

func day(t time.Time) string { return t.UTC().Format("2006-01-02") }

// newSerial makes a serial number of 127 bits, with a first byte that is not 0.
func newSerial() (*big.Int, error) {
	b := make([]byte, 16)
	if _, err := rand.Read(b); err != nil {
		return nil, err
	}
	b[0] = b[0]&0x7f | 0x40
	return new(big.Int).SetBytes(b), nil
}

// parsePair reads the first certificate and the key, which must belong
// together.
func parsePair(certPEM, keyPEM []byte) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	block, _ := pem.Decode(certPEM)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, nil, errors.New("the certificate is damaged: it holds no PEM block CERTIFICATE")
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, nil, fmt.Errorf("the certificate is damaged: %w", err)
	}
	block, _ = pem.Decode(keyPEM)
	if block == nil || block.Type != "PRIVATE KEY" {
		return nil, nil, errors.New("the key is damaged: it holds no PEM block PRIVATE KEY")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, nil, fmt.Errorf("the key is damaged: %w", err)
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok {
		return nil, nil, errors.New("the key is of another kind than ours (ECDSA)")
	}
	if !key.PublicKey.Equal(cert.PublicKey) {
		return nil, nil, errors.New("the key is not that of the certificate")
	}
	return cert, key, nil
}

func encodeCert(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func encodeKey(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// readPrivate reads a file that nobody else may read.
func readPrivate(file string) ([]byte, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return nil, banto.Fail(banto.KindDenied, "cannot use "+file, "others can read it, and it holds a private key", "chmod 600 '"+file+"'")
	}
	return os.ReadFile(file)
}
