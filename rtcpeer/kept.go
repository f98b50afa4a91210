package rtcpeer

import "encoding/binary"

// kept holds the packets of one reliable lane that the other end has not yet confirmed, so that they can be sent again
// over another path. Each packet follows its length, all in one ring of bytes that is reused: in a steady state it
// allocates nothing. The caller enforces the bound. The zero value is empty.
type kept struct {
	buf   []byte // its length is a power of two, or 0
	head  int    // where the first packet's length is
	used  int    // bytes in use, with the lengths
	size  int    // bytes of the packets alone
	first uint64 // number of the first packet: how many came before it
	next  uint64 // number of the packet that is kept next
}

const (
	keptHead = 4       // bytes of the length before each packet
	keptIdle = 4 << 10 // trim frees an empty ring that is larger
)

// push appends a copy of p.
func (k *kept) push(p []byte) {
	for k.used+keptHead+len(p) > len(k.buf) {
		k.grow()
	}
	var head [keptHead]byte
	binary.LittleEndian.PutUint32(head[:], uint32(len(p)))
	k.put(head[:])
	k.put(p)
	k.size += len(p)
	k.next++
}

func (k *kept) put(b []byte) {
	at := (k.head + k.used) & (len(k.buf) - 1)
	n := copy(k.buf[at:], b)
	copy(k.buf, b[n:])
	k.used += len(b)
}

func (k *kept) grow() {
	grown := make([]byte, max(512, 2*len(k.buf)))
	k.copyTo(grown, 0, k.used)
	k.buf, k.head = grown, 0
}

// copyTo copies n bytes from an offset behind head.
func (k *kept) copyTo(to []byte, offset, n int) {
	if n == 0 {
		return
	}
	at := (k.head + offset) & (len(k.buf) - 1)
	copied := copy(to[:n], k.buf[at:])
	copy(to[copied:n], k.buf)
}

// sizeAt returns the size of the packet whose length is at an offset behind head.
func (k *kept) sizeAt(offset int) int {
	var head [keptHead]byte
	k.copyTo(head[:], offset, keptHead)
	return int(binary.LittleEndian.Uint32(head[:]))
}

// taken drops the packets before number n. It returns false, and does nothing, if n cannot be: those packets were
// dropped before, or were never kept.
func (k *kept) taken(n uint64) bool {
	if n < k.first || n > k.next {
		return false
	}
	for ; k.first < n; k.first++ {
		size := k.sizeAt(0)
		k.head = (k.head + keptHead + size) & (len(k.buf) - 1)
		k.used -= keptHead + size
		k.size -= size
	}
	return true
}

// all calls send with each packet, in order, until send fails. The bytes are valid during the call.
func (k *kept) all(send func(p []byte) error) error {
	var split []byte // for the one packet that wraps around the end of the ring
	for offset := 0; offset < k.used; {
		size := k.sizeAt(offset)
		at := (k.head + offset + keptHead) & (len(k.buf) - 1)
		p := k.buf[at:min(at+size, len(k.buf))]
		if len(p) < size {
			split = make([]byte, size)
			k.copyTo(split, offset+keptHead, size)
			p = split
		}
		if err := send(p); err != nil {
			return err
		}
		offset += keptHead + size
	}
	return nil
}

// trim gives back the memory of a burst when nothing is kept any more.
func (k *kept) trim() {
	if k.used == 0 && len(k.buf) > keptIdle {
		k.buf, k.head = nil, 0
	}
}
