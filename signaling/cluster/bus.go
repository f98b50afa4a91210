package cluster

import (
	"context"
	"errors"
	"time"
)

// A Bus is what the servers of a cluster share: a store of keys that are replaced by compare-and-swap, and messages.
// All methods may be called from any goroutine. Those with a context block until the bus has answered. The caller keeps
// all bytes that it gives, and owns those that it gets, but for those of Subscribe and Watch.
//
// Only what Create, Update and Delete return is certain. Get may return what was, and Watch tells it late.
// Revisions grow with each write to any key.
type Bus interface {
	// Create writes a key that does not exist, or returns ErrExists. With a time to live the key goes by itself
	// when it was not updated for so long; at least a second, and not much later.
	Create(ctx context.Context, key string, value []byte, ttl time.Duration) (revision uint64, err error)
	// Update replaces the revision of a key, or returns ErrConflict if that is not its latest.
	Update(ctx context.Context, key string, value []byte, revision uint64, ttl time.Duration) (uint64, error)
	// Delete removes the revision of a key, or returns ErrConflict.
	Delete(ctx context.Context, key string, revision uint64) error
	// Get returns a value and its revision, or ErrNoKey.
	Get(ctx context.Context, key string) (value []byte, revision uint64, err error)
	// Keys returns the keys with a prefix, which ends with a dot.
	Keys(ctx context.Context, prefix string) ([]string, error)
	// Watch calls changed for each key with a prefix, which ends with a dot: first for those that are there, then with an
	// empty key, and then for each change, with nil for a key that is gone. It returns an error when it cannot go on, and
	// nil when ctx ends; changed is called from one goroutine.
	Watch(ctx context.Context, prefix string, changed func(key string, value []byte)) error

	// Publish sends a message, at most once. It does not wait for anybody.
	Publish(subject string, data []byte) error
	// Subscribe calls receive for the messages to a subject, from one goroutine, until stop is called. Stop waits for it.
	Subscribe(subject string, receive func(data []byte)) (stop func(), err error)
	// MaxMessage is the largest message, in bytes.
	MaxMessage() int
}

var (
	ErrExists   = errors.New("cluster: the key exists")
	ErrNoKey    = errors.New("cluster: no such key")
	ErrConflict = errors.New("cluster: the key has changed")
)
