package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// An authority speaks as much of ACME (RFC 8555) as it takes to get a certificate from one that asks for
// no proof: an order is ready at once.
type authority struct {
	*httptest.Server
	orders atomic.Int32
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := new(authority)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	var issued atomic.Value // []byte, PEM
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, status int, location string, body map[string]any) {
		w.Header().Set("Replay-Nonce", rand.Text())
		w.Header().Set("Location", location)
		w.WriteHeader(status)
		json.NewEncoder(w).Encode(body)
	}
	order := func(status string) map[string]any {
		return map[string]any{"status": status, "finalize": a.URL + "/finalize", "certificate": a.URL + "/certificate"}
	}
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, 200, "", map[string]any{"newNonce": a.URL + "/nonce", "newAccount": a.URL + "/account", "newOrder": a.URL + "/order"})
	})
	mux.HandleFunc("/nonce", func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, "", nil) })
	mux.HandleFunc("/account", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, 201, a.URL+"/account/1", map[string]any{"status": "valid"})
	})
	mux.HandleFunc("/order", func(w http.ResponseWriter, _ *http.Request) {
		a.orders.Add(1)
		answer(w, 201, a.URL+"/order/1", order("ready"))
	})
	mux.HandleFunc("/finalize", func(w http.ResponseWriter, r *http.Request) {
		chain, err := sign(r.Body, key)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		issued.Store(chain)
		answer(w, 200, a.URL+"/order/1", order("valid"))
	})
	mux.HandleFunc("/certificate", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Replay-Nonce", rand.Text())
		w.Header().Set("Content-Type", "application/pem-certificate-chain")
		w.Write(issued.Load().([]byte))
	})
	a.Server = httptest.NewTLSServer(mux)
	t.Cleanup(a.Close)
	return a
}

// sign makes a certificate of the request in a JWS, whose signature nobody checks here.
func sign(body io.Reader, key *ecdsa.PrivateKey) ([]byte, error) {
	var jws, payload struct{ Payload, CSR string }
	if err := json.NewDecoder(body).Decode(&jws); err != nil {
		return nil, err
	}
	plain, err := base64.RawURLEncoding.DecodeString(jws.Payload)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(plain, &payload); err != nil {
		return nil, err
	}
	der, err := base64.RawURLEncoding.DecodeString(payload.CSR)
	if err != nil {
		return nil, err
	}
	csr, err := x509.ParseCertificateRequest(der)
	if err != nil {
		return nil, fmt.Errorf("csr: %w", err)
	}
	leaf := x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(90 * 24 * time.Hour), DNSNames: csr.DNSNames}
	der, err = x509.CreateCertificate(rand.Reader, &leaf, &leaf, csr.PublicKey, key)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), err
}
