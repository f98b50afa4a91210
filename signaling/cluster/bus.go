package cluster

import (
	"context"
	"errors"
	"time"
)

// A Bus connects the servers of a cluster. It has a store of keys that are replaced by compare-and-swap, and it
// carries messages. All methods may be called from any goroutine. Methods with a context block until the bus has
// answered. The caller keeps ownership of all bytes that it passes, and owns the bytes that it gets, except those of
// Subscribe and Watch.
//
// Only the results of Create, Update and Delete are certain. Get may return an old value, and Watch reports changes
// late. Revisions grow with each write to any key.
type Bus interface {
	// Create writes a key that does not exist, or returns ErrExists. With a ttl, the key disappears if it was not
	// updated for that time, or not much later. The ttl is at least a second.
	Create(ctx context.Context, key string, value []byte, ttl time.Duration) (revision uint64, err error)
	// Update replaces the given revision of a key, or returns ErrConflict if it is not the latest one.
	Update(ctx context.Context, key string, value []byte, revision uint64, ttl time.Duration) (uint64, error)
	// Delete removes the given revision of a key, or returns ErrConflict.
	Delete(ctx context.Context, key string, revision uint64) error
	// Get returns a value and its revision, or ErrNoKey.
	Get(ctx context.Context, key string) (value []byte, revision uint64, err error)
	// Watch calls changed for each key with a prefix, which ends with a dot: first for the existing keys, then with
	// an empty key, and then for each change, with a nil value for a key that is gone. It returns an error if it
	// cannot go on, and nil if ctx ends. It calls changed from one goroutine.
	Watch(ctx context.Context, prefix string, changed func(key string, value []byte)) error

	// Publish sends a message, at most once. It does not wait for any receiver.
	Publish(subject string, data []byte) error
	// Subscribe calls receive for the messages to a subject, from one goroutine, until stop is called. If the bus can
	// be reached, that includes every message that is published once Subscribe has returned. Stop waits for receive.
	Subscribe(subject string, receive func(data []byte)) (stop func(), err error)
	// MaxMessage is the largest message, in bytes.
	MaxMessage() int
}

var (
	// ErrExists is the error of Create for a key that exists.
	ErrExists = errors.New("cluster: the key exists")
	// ErrNoKey is the error of Get for a key that does not exist.
	ErrNoKey = errors.New("cluster: no such key")
	// ErrConflict is the error of Update and Delete for a revision that is not the latest one.
	ErrConflict = errors.New("cluster: the key has changed")
)
