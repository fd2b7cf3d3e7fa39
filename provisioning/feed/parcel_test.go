package feed_test

import (
	"bytes"
	"errors"
	"io"
	"sync"
	"testing"

	"github.com/tokendesk/tokendesk/provisioning/feed"
)

type parcelKey struct {
	public []byte
	opener *feed.Opener
}

func newParcelKey(t testing.TB) parcelKey {
	t.Helper()
	private, public, err := feed.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	opener, err := feed.NewOpener(private)
	if err != nil {
		t.Fatal(err)
	}
	return parcelKey{public, opener}
}

// seal writes a plain text in parts of some size.
func (k parcelKey) seal(t testing.TB, plain []byte, part int) []byte {
	t.Helper()
	var sealed bytes.Buffer
	w, err := feed.SealParcel(&sealed, k.public)
	if err != nil {
		t.Fatal(err)
	}
	for rest := plain; len(rest) > 0; {
		n := min(part, len(rest))
		if _, err := w.Write(rest[:n]); err != nil {
			t.Fatal(err)
		}
		rest = rest[n:]
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return sealed.Bytes()
}

func (k parcelKey) open(sealed []byte) ([]byte, error) {
	r, err := k.opener.OpenParcel(bytes.NewReader(sealed))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

func TestParcel(t *testing.T) {
	key, other := newParcelKey(t), newParcelKey(t)
	for _, size := range []int{0, 1, 64<<10 - 1, 64 << 10, 64<<10 + 1, 300_000} {
		plain := bytes.Repeat([]byte("seed"), size/4+1)[:size]
		sealed := key.seal(t, plain, 10_007)
		if got, err := key.open(sealed); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%d bytes: %d came back, %v", size, len(got), err)
		}
		if size > 3 && bytes.Contains(sealed, []byte("seedseed")) {
			t.Errorf("%d bytes: readable", size)
		}
		if _, err := other.open(sealed); !errors.Is(err, feed.ErrOtherParcel) {
			t.Errorf("%d bytes: opened by another key: %v", size, err)
		}
	}
}

// TestParcelPieces: a piece that is left out, put twice, moved or put behind the end is noticed,
// and so is a parcel that was cut between two.
func TestParcelPieces(t *testing.T) {
	const head, piece = 21 + 8 + 1120, 4 + 64<<10 + 16
	key := newParcelKey(t)
	sealed := key.seal(t, make([]byte, 3*64<<10), 1<<20)
	if len(sealed) != head+3*piece {
		t.Fatalf("%d bytes", len(sealed))
	}
	at := func(n int) []byte { return sealed[head+n*piece : head+(n+1)*piece] }
	join := func(parts ...[]byte) []byte {
		return append(bytes.Clone(sealed[:head]), bytes.Join(parts, nil)...)
	}
	for name, changed := range map[string][]byte{
		"left out": join(at(0), at(2)), "twice": join(at(0), at(0), at(1), at(2)),
		"moved": join(at(1), at(0), at(2)), "cut": join(at(0), at(1)), "none": join(),
		"more behind": join(at(0), at(1), at(2), at(2)), "half": sealed[:len(sealed)-1],
	} {
		if _, err := key.open(changed); !errors.Is(err, feed.ErrParcel) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

var fuzzParcel = sync.OnceValues(func() (parcelKey, error) {
	private, public, err := feed.GenerateKey()
	if err != nil {
		return parcelKey{}, err
	}
	opener, err := feed.NewOpener(private)
	return parcelKey{public, opener}, err
})

// What was sealed comes back as it was, and after any change of the bytes it does not come back.
func FuzzParcel(f *testing.F) {
	f.Add([]byte("seed"), uint16(3), byte(1), uint16(0))
	f.Add([]byte(""), uint16(1200), byte(0), uint16(4))
	f.Fuzz(func(t *testing.T, plain []byte, at uint16, flip byte, cut uint16) {
		key, err := fuzzParcel()
		if err != nil {
			t.Fatal(err)
		}
		sealed := key.seal(t, plain, 100)
		if got, err := key.open(sealed); err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("%q came back as %q, %v", plain, got, err)
		}
		changed := bytes.Clone(sealed[:len(sealed)-int(cut)%len(sealed)])
		changed[int(at)%len(changed)] ^= flip
		if bytes.Equal(changed, sealed) {
			return
		}
		if got, err := key.open(changed); err == nil {
			t.Fatalf("%q came back as %q after a change", plain, got)
		}
	})
}
