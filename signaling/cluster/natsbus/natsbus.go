// Package natsbus is a cluster.Bus over NATS: keys are in a JetStream key-value bucket, and messages use core NATS.
//
//	keys      bucket rtcpeer_NAME, in memory, on three nodes, or on one  (needs nats-server 2.11 or later)
//	messages  subjects rtcpeer.NAME.server.PROCESS, one for each signal server
//
// It is the only package that imports nats.go. The bucket is created whenever it is missing. Its content can be lost
// without harm, because the servers write it again.
package natsbus

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"example.org/rtcpeer/signaling/cluster"
)

// A Config says how to reach NATS. Only URLs is required.
type Config struct {
	// URLs are the addresses of NATS servers, for example nats://host:4222. One that answers is enough.
	URLs []string
	// Name is the name of the cluster; several clusters can share one NATS. Letters, digits, - and _; empty means
	// "default".
	Name string
	// Server is the name of this server, which NATS shows to its operators.
	Server string
	// Credentials is a file with a JWT and a seed, as written by nsc. Empty means no credentials except those in the
	// URLs.
	Credentials string
	// TLS is for tls:// URLs and for servers that ask for it. Nil means the system's roots.
	TLS *tls.Config
	// Log gets a line for each lost and each restored connection. Nil means no log.
	Log *slog.Logger
}

// A Bus is a connection to NATS. It reconnects automatically.
type Bus struct {
	// Fixed at construction.
	config  Config
	conn    *nats.Conn
	js      jetstream.JetStream
	bucket  string
	subject string // prefix of subjects

	mu      sync.Mutex // guards the fields below
	kv      jetstream.KeyValue
	changed chan struct{} // closed and replaced when the connection was lost or restored, or the bucket is missing
}

var _ cluster.Bus = (*Bus)(nil)

const (
	// dialTime is how long one node may take to answer.
	dialTime = 2 * time.Second
	// retryEvery is the time between two attempts to reach a node again.
	retryEvery = 250 * time.Millisecond
	// pingEvery is the time between two pings. If a node has not answered two of them, the bus connects to another
	// node.
	pingEvery = 2 * time.Second
	// watchAnew is how long a watch lasts before it begins again, in case it has fallen silent.
	watchAnew = 30 * time.Second
	// openWatch is how long a watch may take to begin. NATS may never answer a request that comes before its nodes
	// have elected a leader, as in the first second of three nodes that start together.
	openWatch = 3 * time.Second
	// markerTTL is how long the bucket remembers a deleted key, for watches.
	markerTTL = time.Minute
	// If more messages than this wait for this server, further ones are lost.
	maxPending      = 1 << 17
	maxPendingBytes = 128 << 20
)

// Open returns a bus. It returns an error for problems that do not go away by themselves: invalid names, and
// credentials that a node refuses. If NATS does not answer, the bus keeps trying to connect. The caller must Close
// the bus.
func Open(config Config) (*Bus, error) {
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	if config.Name == "" {
		config.Name = "default"
	}
	if strings.Trim(config.Name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != "" {
		return nil, fmt.Errorf("natsbus: Config.Name %q: want only letters, digits, - and _", config.Name)
	}
	b := &Bus{config: config, bucket: "rtcpeer_" + config.Name, subject: "rtcpeer." + config.Name + ".", changed: make(chan struct{})}
	options := []nats.Option{
		nats.Name("signal-server " + config.Server),
		nats.Timeout(dialTime),
		nats.FlusherTimeout(dialTime), // all else waits for a write, even pings; after this time it closes the connection
		nats.MaxReconnects(-1),
		nats.ReconnectWait(retryEvery),
		nats.ReconnectJitter(retryEvery, retryEvery),
		nats.ReconnectBufSize(-1), // messages that cannot be sent now are sent again by the caller
		nats.PingInterval(pingEvery),
		nats.MaxPingsOutstanding(2),
		nats.IgnoreAuthErrorAbort(), // credentials may be renewed meanwhile
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) { b.turn("lost", "err", err) }),
		nats.ReconnectHandler(func(c *nats.Conn) { b.turn("restored", "url", c.ConnectedUrlRedacted()) }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { config.Log.Warn("NATS error", "err", err) }),
	}
	if config.Credentials != "" {
		options = append(options, nats.UserCredentials(config.Credentials))
	}
	if config.TLS != nil {
		options = append(options, nats.Secure(config.TLS))
	}
	var err error
	if b.conn, err = nats.Connect(strings.Join(config.URLs, ","), options...); err != nil && !refused(err) {
		options = append(options, nats.RetryOnFailedConnect(true))
		b.conn, err = nats.Connect(strings.Join(config.URLs, ","), options...)
	}
	if err != nil {
		return nil, fmt.Errorf("natsbus: connect to %s: %w", redact(config.URLs), err)
	}
	if b.js, err = jetstream.New(b.conn); err != nil {
		b.conn.Close()
		return nil, fmt.Errorf("natsbus: %w", err)
	}
	return b, nil
}

// refused reports whether an error will not go away by itself.
func refused(err error) bool {
	text := err.Error()
	return errors.Is(err, nats.ErrAuthorization) || errors.Is(err, nats.ErrAuthExpired) || errors.Is(err, nats.ErrAuthRevoked) ||
		strings.Contains(text, "credentials") || strings.Contains(text, "no such file") || strings.Contains(text, "x509") || strings.Contains(text, "parse ")
}

// redact lists URLs without their passwords.
func redact(urls []string) string {
	var list []string
	for _, u := range urls {
		if i := strings.LastIndex(u, "@"); i >= 0 {
			u = "..." + u[i:]
		}
		list = append(list, u)
	}
	return strings.Join(list, ", ")
}

// Close ends the connection, and waits for its goroutines.
func (b *Bus) Close() { b.conn.Close() }

// turn is called when the connection was lost or restored. It makes watches begin again.
func (b *Bus) turn(what string, args ...any) {
	b.config.Log.Warn("NATS connection "+what, args...)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.renew()
}

// renew makes watches begin again. The caller holds mu.
func (b *Bus) renew() {
	close(b.changed)
	b.changed = make(chan struct{})
}

// store returns the bucket, and creates it if it is missing.
func (b *Bus) store(ctx context.Context) (jetstream.KeyValue, error) {
	b.mu.Lock()
	kv := b.kv
	b.mu.Unlock()
	if kv != nil {
		return kv, nil
	}
	kv, err := b.js.KeyValue(ctx, b.bucket)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		kv, err = b.create(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("natsbus: bucket %s: %w", b.bucket, clearer(err))
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.kv = kv
	return kv, nil
}

// create creates the bucket, with three replicas if NATS is a cluster, and one otherwise. It does what CreateKeyValue
// does, except for the first revision: if the bucket replaces a deleted one, no revision may be used again.
func (b *Bus) create(ctx context.Context) (jetstream.KeyValue, error) {
	info, err := b.js.AccountInfo(ctx)
	if err != nil {
		return nil, err
	}
	if info.API.Level < 1 {
		return nil, jetstream.ErrLimitMarkerTTLNotSupported
	}
	config := jetstream.StreamConfig{
		Name:                   "KV_" + b.bucket,
		Description:            "rooms of signal-server: can be emptied",
		Subjects:               []string{"$KV." + b.bucket + ".>"},
		Storage:                jetstream.MemoryStorage,
		Replicas:               3,
		FirstSeq:               uint64(time.Now().UnixMicro()),
		MaxMsgsPerSubject:      1,
		Discard:                jetstream.DiscardNew,
		AllowRollup:            true,
		DenyDelete:             true,
		AllowDirect:            true,
		AllowMsgTTL:            true,
		SubjectDeleteMarkerTTL: markerTTL,
	}
	if b.conn.ConnectedClusterName() == "" {
		config.Replicas = 1
	}
	if _, err := b.js.CreateStream(ctx, config); err != nil && !errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
		return nil, err
	}
	return b.js.KeyValue(ctx, b.bucket)
}

// failed converts an error of NATS to one of package cluster. After some errors the bucket is looked up again.
func (b *Bus) failed(err error, conflict error) error {
	if api, ok := errors.AsType[*jetstream.APIError](err); ok && api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence {
		return conflict
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, jetstream.ErrKeyExists):
		return conflict
	case errors.Is(err, jetstream.ErrKeyNotFound):
		return cluster.ErrNoKey
	case errors.Is(err, jetstream.ErrStreamNotFound), errors.Is(err, jetstream.ErrNoStreamResponse), errors.Is(err, jetstream.ErrBucketNotFound),
		errors.Is(err, nats.ErrNoResponders):
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.kv != nil {
			b.kv = nil
			b.renew()
		}
	}
	return clearer(err)
}

// noPeers is the code of NATS for a cluster that has too few nodes for the replicas of a bucket.
const noPeers jetstream.ErrorCode = 10005

// clearer says what is wrong with NATS where its client only speaks of a buffer, of a context or of peers.
func clearer(err error) error {
	if api, ok := errors.AsType[*jetstream.APIError](err); ok && api.ErrorCode == noPeers {
		return fmt.Errorf("want three NATS nodes that run, or one that is not in a cluster: %w", err)
	}
	switch {
	case errors.Is(err, nats.ErrReconnectBufExceeded):
		return errNotConnected
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return fmt.Errorf("no answer from NATS: %w", err)
	}
	return err
}

var errNotConnected = errors.New("not connected to NATS")

// Create writes a key that does not exist: see cluster.Bus.
func (b *Bus) Create(ctx context.Context, key string, value []byte, ttl time.Duration) (uint64, error) {
	kv, err := b.store(ctx)
	if err != nil {
		return 0, err
	}
	var options []jetstream.KVCreateOpt
	if ttl > 0 {
		options = append(options, jetstream.KeyTTL(ttl))
	}
	revision, err := kv.Create(ctx, key, value, options...)
	return revision, b.failed(err, cluster.ErrExists)
}

// Update is KeyValue.Update with a time to live, which the latter lacks.
func (b *Bus) Update(ctx context.Context, key string, value []byte, revision uint64, ttl time.Duration) (uint64, error) {
	if _, err := b.store(ctx); err != nil {
		return 0, err
	}
	options := []jetstream.PublishOpt{jetstream.WithExpectLastSequencePerSubject(revision)}
	if ttl > 0 {
		options = append(options, jetstream.WithMsgTTL(ttl))
	}
	ack, err := b.js.Publish(ctx, "$KV."+b.bucket+"."+key, value, options...)
	if err != nil {
		return 0, b.failed(err, cluster.ErrConflict)
	}
	return ack.Sequence, nil
}

// Delete removes the given revision of a key: see cluster.Bus.
func (b *Bus) Delete(ctx context.Context, key string, revision uint64) error {
	kv, err := b.store(ctx)
	if err != nil {
		return err
	}
	return b.failed(kv.Purge(ctx, key, jetstream.LastRevision(revision), jetstream.PurgeTTL(markerTTL)), cluster.ErrConflict)
}

// Get returns a value and its revision: see cluster.Bus.
func (b *Bus) Get(ctx context.Context, key string) ([]byte, uint64, error) {
	kv, err := b.store(ctx)
	if err != nil {
		return nil, 0, err
	}
	e, err := kv.Get(ctx, key)
	if err != nil {
		return nil, 0, b.failed(err, cluster.ErrConflict)
	}
	return e.Value(), e.Revision(), nil
}

// Watch returns when the connection changes, and also after watchAnew, in case the watch has fallen silent.
func (b *Bus) Watch(ctx context.Context, prefix string, changed func(key string, value []byte)) error {
	ctx, cancel := context.WithTimeout(ctx, watchAnew)
	defer cancel()
	opening := time.AfterFunc(openWatch, cancel)
	defer opening.Stop()
	b.mu.Lock()
	turned := b.changed
	b.mu.Unlock()
	kv, err := b.store(ctx)
	if err != nil {
		return err
	}
	w, err := kv.Watch(ctx, prefix+">")
	if err != nil {
		return b.failed(err, cluster.ErrConflict)
	}
	defer w.Stop()
	opening.Stop()
	for {
		select {
		case e, ok := <-w.Updates():
			switch {
			case !ok:
				return errors.New("natsbus: the watch has ended")
			case e == nil:
				changed("", nil)
			case e.Operation() == jetstream.KeyValuePut:
				changed(e.Key(), e.Value())
			default:
				changed(e.Key(), nil)
			}
		case <-turned:
			return errors.New("natsbus: the connection or the bucket was lost")
		case <-ctx.Done():
			return nil
		}
	}
}

// Publish sends a message, at most once, and does not wait: see cluster.Bus.
func (b *Bus) Publish(subject string, data []byte) error {
	return clearer(b.conn.Publish(b.subject+subject, data))
}

// Subscribe calls receive for the messages to a subject until stop is called: see cluster.Bus.
func (b *Bus) Subscribe(subject string, receive func(data []byte)) (stop func(), err error) {
	var mu sync.Mutex // held while receive runs
	stopped := false
	sub, err := b.conn.Subscribe(b.subject+subject, func(m *nats.Msg) {
		mu.Lock()
		defer mu.Unlock()
		if !stopped {
			receive(m.Data)
		}
	})
	if err != nil {
		return nil, fmt.Errorf("natsbus: subscribe to %s: %w", b.subject+subject, err)
	}
	if err := sub.SetPendingLimits(maxPending, maxPendingBytes); err != nil {
		return nil, fmt.Errorf("natsbus: subscribe to %s: %w", b.subject+subject, err)
	}
	if b.conn.IsConnected() { // if not, the client subscribes when it is again
		_ = b.conn.FlushTimeout(dialTime) // until NATS knows of the subscription
	}
	return func() {
		_ = sub.Unsubscribe() // fails if the connection is closed
		mu.Lock()
		stopped = true
		mu.Unlock()
	}, nil
}

// MaxMessage returns the largest message, in bytes.
func (b *Bus) MaxMessage() int { return int(b.conn.MaxPayload()) }

// ErrNotAllowed is returned by Check for something that an operator of NATS must allow or enable.
var ErrNotAllowed = errors.New("natsbus: not allowed")

// missing returns the error for a failed check, and says whether the cause is a missing permission.
func (b *Bus) missing(err error, format string, args ...any) error {
	last := b.conn.LastError()
	switch {
	case last != nil && strings.Contains(strings.ToLower(last.Error()), "permissions violation"):
		err = fmt.Errorf("%w: %w", ErrNotAllowed, last)
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount):
		err = fmt.Errorf("%w: %w", ErrNotAllowed, err)
	}
	return fmt.Errorf("natsbus: "+format+": %w", append(args, err)...)
}

// Check tests whether NATS answers and lets this server do what it needs. It returns lines for people that say what
// works, and an error that says what is missing: a subject, the bucket, or a version that is new enough.
func (b *Bus) Check(ctx context.Context) (good []string, err error) {
	if err := b.await(ctx); err != nil {
		return nil, err
	}
	good = append(good, fmt.Sprintf("connected to %s, nats-server %s", b.conn.ConnectedUrlRedacted(), b.conn.ConnectedServerVersion()))
	subject := "server.check" + strconv.FormatUint(rand.Uint64(), 36)
	got := make(chan struct{}, 1)
	stop, err := b.Subscribe(subject, func([]byte) { got <- struct{}{} })
	if err != nil {
		return good, err
	}
	defer stop()
	if err := errors.Join(b.Publish(subject, []byte("?")), b.conn.FlushWithContext(ctx)); err != nil {
		return good, fmt.Errorf("natsbus: publish to %s: %w", b.subject+subject, err)
	}
	select {
	case <-got:
	case <-time.After(dialTime):
		return good, b.missing(errors.New("the message was not delivered"), "publish and subscribe to %s, which needs permission for %s>", b.subject+subject, b.subject)
	}
	good = append(good, "publishing and subscribing is allowed for "+b.subject+">")
	key := "check." + subject[len("server."):]
	revision, err := b.Create(ctx, key, []byte("?"), 2*time.Second)
	if err == nil {
		_, err = b.Update(ctx, key, []byte("!"), revision, 2*time.Second)
	}
	if err != nil {
		return good, b.missing(err, "write to bucket %s, which needs JetStream of nats-server 2.11 or later and permission to publish to $JS.API.> and $KV.%s.> and to subscribe to _INBOX.>", b.bucket, b.bucket)
	}
	return append(good, "writing is allowed for bucket "+b.bucket), nil
}

func (b *Bus) lastError() string {
	if err := b.conn.LastError(); err != nil {
		return " (" + err.Error() + ")"
	}
	return ""
}

// await waits until the bus is connected.
func (b *Bus) await(ctx context.Context) error {
	for !b.conn.IsConnected() {
		select {
		case <-time.After(retryEvery / 5):
		case <-ctx.Done():
			return fmt.Errorf("natsbus: %s does not answer%s", redact(b.config.URLs), b.lastError())
		}
	}
	return nil
}
