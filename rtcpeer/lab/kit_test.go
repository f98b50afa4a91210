//go:build linux

package lab

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"sync"
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

// newKit returns the kit. The first test that asks for it builds it, and removes what a run has left that was killed.
func newKit(t *testing.T) kit {
	t.Helper()
	firstKit.Do(func() { removeAbandoned(t) })
	k, err := theKit()
	require.NoError(t, err)
	return k
}

var firstKit sync.Once

// kitFolder is made and removed by TestMain.
var kitFolder string

var theKit = sync.OnceValues(func() (kit, error) {
	dir := kitFolder
	k := kit{client: dir + "/rtc-client", server: dir + "/signal-server", cert: dir + "/cert.pem", key: dir + "/key.pem"}
	out, err := exec.Command("go", "build", "-o", dir, "example.org/rtcpeer/cmd/rtc-client", "example.org/rtcpeer/cmd/signal-server").CombinedOutput()
	if err != nil {
		return k, fmt.Errorf("go build: %w: %s", err, out)
	}
	return k, k.certify()
})

// certify makes the certificate.
func (k *kit) certify() error {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(24 * time.Hour),
		IPAddresses: []net.IP{net.ParseIP(serverAddress), net.ParseIP(pagesAddress)},
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, &private.PublicKey, private)
	if err != nil {
		return err
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(&private.PublicKey)
	if err != nil {
		return err
	}
	pin := sha256.Sum256(public)
	k.pin = base64.StdEncoding.EncodeToString(pin[:])
	return errors.Join(
		os.WriteFile(k.cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600),
		os.WriteFile(k.key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), 0o600))
}
