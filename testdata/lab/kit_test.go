package lab

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A kit is what all worlds use: files, by their paths, and a certificate for the addresses of the public
// host.
type kit struct {
	client, server string
	cert, key      string
	pin            string // of the certificate's key, for browsers
}

func newKit(t *testing.T) kit {
	t.Helper()
	dir := t.TempDir()
	out, err := exec.Command("go", "build", "-o", dir, "example.org/rtcpeer/cmd/rtc-client", "example.org/rtcpeer/cmd/signal-server").CombinedOutput()
	require.NoError(t, err, "go build: %s", out)
	k := kit{client: dir + "/rtc-client", server: dir + "/signal-server", cert: dir + "/cert.pem", key: dir + "/key.pem"}
	k.certify(t)
	return k
}

// certify makes the certificate.
func (k *kit) certify(t *testing.T) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(24 * time.Hour),
		IPAddresses: []net.IP{net.ParseIP(serverAddress), net.ParseIP(pagesAddress)},
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, &private.PublicKey, private)
	require.NoError(t, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(k.cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	require.NoError(t, os.WriteFile(k.key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), 0o600))
	leaf, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	pin := sha256.Sum256(leaf.RawSubjectPublicKeyInfo)
	k.pin = base64.StdEncoding.EncodeToString(pin[:])
}
