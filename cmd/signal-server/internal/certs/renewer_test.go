package certs

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/acme/autocert"
)

// An authority speaks ACME, and asks for no challenge. Its certificates are good for 90 days.
type authority struct {
	*httptest.Server
	key *ecdsa.PrivateKey

	mu     sync.Mutex // guards the fields below
	closed bool       // it refuses all orders
	serial int64      // of the latest certificate
	issued []byte     // the latest certificate, in PEM
}

func startAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	a := &authority{key: key}
	a.Server = httptest.NewTLSServer(a)
	t.Cleanup(a.Close)
	return a
}

func (a *authority) close(closed bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = closed
}

func (a *authority) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	w.Header().Set("Replay-Nonce", rand.Text())
	w.Header().Set("Location", a.URL+"/order")
	order := func(status string) {
		fmt.Fprintf(w, `{"status":%q,"finalize":"%s/finalize","certificate":"%[2]s/certificate"}`, status, a.URL)
	}
	switch r.URL.Path {
	case "/directory":
		fmt.Fprintf(w, `{"newNonce":"%s/nonce","newAccount":"%[1]s/account","newOrder":"%[1]s/new"}`, a.URL)
	case "/account":
		w.WriteHeader(http.StatusCreated)
		fmt.Fprint(w, `{"status":"valid"}`)
	case "/new":
		if a.closed {
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, `{"type":"urn:ietf:params:acme:error:unauthorized","detail":"not today"}`)
			return
		}
		w.WriteHeader(http.StatusCreated)
		order("ready")
	case "/finalize":
		if err := a.issue(r); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		order("valid")
	case "/certificate":
		_, _ = w.Write(a.issued)
	}
}

// issue makes the certificate that a signed request asks for. The caller holds mu.
func (a *authority) issue(r *http.Request) error {
	var signed struct{ Payload string }
	if err := json.NewDecoder(r.Body).Decode(&signed); err != nil {
		return err
	}
	payload, err := base64.RawURLEncoding.DecodeString(signed.Payload)
	if err != nil {
		return err
	}
	var request struct{ CSR string }
	if err := json.Unmarshal(payload, &request); err != nil {
		return err
	}
	der, err := base64.RawURLEncoding.DecodeString(request.CSR)
	if err != nil {
		return err
	}
	csr, err := x509.ParseCertificateRequest(der)
	if err != nil {
		return err
	}
	a.serial++
	template := x509.Certificate{SerialNumber: big.NewInt(a.serial), DNSNames: csr.DNSNames,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(90 * 24 * time.Hour)}
	der, err = x509.CreateCertificate(rand.Reader, &template, &template, csr.PublicKey, a.key)
	a.issued = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return err
}

// The wall clock steps forward, or the host sleeps for weeks, and no timer of autocert has gone off: the certificate
// is renewed all the same. If that fails, the old one is served, also when it has expired, and the log says why.
func TestOverdueCertificate(t *testing.T) {
	a := startAuthority(t)
	var log bytes.Buffer
	o := Options{Domains: []string{"game.example"}, Cache: t.TempDir(), Directory: a.URL + "/directory"}
	r := newRenewer(func() *autocert.Manager {
		m := o.manager(slog.New(slog.DiscardHandler))
		m.Client.HTTPClient = a.Client()
		return m
	}, slog.New(slog.NewTextHandler(&log, nil)))
	var step time.Duration
	r.now = func() time.Time { return time.Now().Add(step) }
	serial := func() int64 {
		c, err := r.get(&tls.ClientHelloInfo{ServerName: "game.example", SupportedProtos: []string{"http/1.1"},
			SignatureSchemes: []tls.SignatureScheme{tls.ECDSAWithP256AndSHA256}, SupportedCurves: []tls.CurveID{tls.CurveP256},
			CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}})
		require.NoError(t, err)
		return c.Leaf.SerialNumber.Int64()
	}
	const day = 24 * time.Hour
	require.EqualValues(t, 1, serial())
	for _, step = range []time.Duration{-10 * 365 * day, -day, 0, 74 * day} {
		require.EqualValues(t, 1, serial(), "after %v it is not overdue", step)
	}

	a.close(true)
	for _, step = range []time.Duration{76 * day, 91 * day, 10 * 365 * day} {
		require.EqualValues(t, 1, serial(), "there is no other")
	}
	require.Equal(t, 1, strings.Count(log.String(), "certificate not renewed"), "it is not tried again at once: %s", &log)
	require.Contains(t, log.String(), "not today")

	a.close(false)
	r.tried = r.tried.Add(-tryEvery)
	step = 76 * day
	require.EqualValues(t, 2, serial())
	require.EqualValues(t, 2, serial(), "that of the new manager")
	step = 0
	r.tried = time.Time{}
	require.EqualValues(t, 2, serial())
	require.Equal(t, 1, strings.Count(log.String(), "\n"), "%s", &log)
}
