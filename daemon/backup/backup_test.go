package backup_test

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/tokendesk/tokendesk/daemon/backup"
	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// holder has a recovery key.
type holder struct {
	private secret.Key
	public  []byte
}

func newHolder(t testing.TB) holder {
	t.Helper()
	private, public, err := feed.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	return holder{private, public}
}

type part struct {
	name string
	data []byte
}

// write makes a backup of parts.
func (h holder) write(t testing.TB, parts ...part) []byte {
	t.Helper()
	var file bytes.Buffer
	w, err := backup.NewWriter(&file, h.public, backup.Header{Desk: "icto-1", Position: 7})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range parts {
		if err := w.Bytes(p.name, p.data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// read reads a whole backup.
func (h holder) read(file []byte) (parts []part, err error) {
	r, err := backup.Open(bytes.NewReader(file), h.private)
	if err != nil {
		return nil, err
	}
	for {
		name, size, err := r.Next()
		if errors.Is(err, io.EOF) {
			return parts, nil
		}
		if err != nil {
			return parts, err
		}
		data, err := io.ReadAll(r)
		if err != nil {
			return parts, err
		}
		if int64(len(data)) != size {
			return parts, errors.New("a part has another size than it says")
		}
		parts = append(parts, part{name, data})
	}
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	h := newHolder(t)
	for _, sizes := range [][]int{{}, {0}, {1}, {5, 0, 9}, {64 << 10}, {64<<10 - 11}, {64<<10 - 12},
		{64<<10 - 13}, {128<<10 - 12}, {300 << 10, 3, 200 << 10}} {
		var parts []part
		for i, n := range sizes {
			parts = append(parts, part{string(rune('a' + i)), random(n)})
		}
		file := h.write(t, parts...)
		got, err := h.read(file)
		if err != nil {
			t.Fatalf("%v: %v", sizes, err)
		}
		if len(got) != len(parts) {
			t.Fatalf("%v: %d parts of %d", sizes, len(got), len(parts))
		}
		for i := range parts {
			if got[i].name != parts[i].name || !bytes.Equal(got[i].data, parts[i].data) {
				t.Errorf("%v: part %d differs", sizes, i)
			}
		}
		head, err := backup.ReadHeader(bytes.NewReader(file))
		if err != nil || head.Desk != "icto-1" || head.Position != 7 || head.Recovery == "" {
			t.Errorf("the head says %+v, %v", head, err)
		}
	}
}

func TestEveryChangeIsRefused(t *testing.T) {
	h := newHolder(t)
	secretPart := random(200 << 10)
	file := h.write(t, part{"key", []byte("0123456789abcdef")}, part{"store", secretPart})
	if bytes.Contains(file, []byte("0123456789abcdef")) || bytes.Contains(file, secretPart[:32]) {
		t.Fatal("a part stands in the clear")
	}
	refused := func(what string, changed []byte) {
		t.Helper()
		if _, err := h.read(changed); err == nil {
			t.Errorf("%s: it was read", what)
		}
	}
	for _, at := range []int{0, 20, 30, 200, 1400, 70000, len(file) - 1} {
		changed := bytes.Clone(file)
		changed[at] ^= 1
		refused("a flipped bit", changed)
	}
	const chunk = 64<<10 + 16
	head := headSize(t, file)
	for _, n := range []int{0, 10, 100, head, head + chunk, head + 2*chunk, len(file) - 17,
		len(file) - 1} {
		refused("cut short", file[:n])
	}
	refused("something follows", append(bytes.Clone(file), 0))
	if _, err := newHolder(t).read(file); !errors.Is(err, feed.ErrWrapped) {
		t.Errorf("another key: %v", err)
	}
	if _, err := h.read([]byte("SQLite format 3\x00 and a lot of other things")); !errors.Is(err,
		backup.ErrNot) {
		t.Errorf("another file: %v", err)
	}
}

func TestChunksInAnotherOrderAreRefused(t *testing.T) {
	h := newHolder(t)
	file := h.write(t, part{"store", random(4 * 64 << 10)})
	const chunk = 64<<10 + 16
	head := headSize(t, file)
	// The first chunk has the name of the part in it; the second and the third are all the part's.
	two, three := head+chunk, head+2*chunk
	swapped := slices.Concat(file[:two], file[three:three+chunk], file[two:three],
		file[three+chunk:])
	if len(swapped) != len(file) {
		t.Fatal("the test is wrong")
	}
	if _, err := h.read(swapped); err == nil {
		t.Error("chunks in another order were read")
	}
	if _, err := h.read(slices.Concat(file[:head], file[head+chunk:])); err == nil {
		t.Error("a file without a chunk was read")
	}
}

// headSize is where the chunks begin.
func headSize(t *testing.T, file []byte) int {
	t.Helper()
	const magic = len("token desk backup 1\n")
	return magic + 4 + int(binary.BigEndian.Uint32(file[magic:])) + feed.WrapOverhead + 32
}

func TestPartOfAnotherSize(t *testing.T) {
	w, err := backup.NewWriter(io.Discard, newHolder(t).public, backup.Header{})
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int64{3, 5} {
		if err := w.Part("p", size, bytes.NewReader(make([]byte, 4))); err == nil {
			t.Errorf("4 bytes passed for %d", size)
		}
	}
}

// FuzzChunks: nothing but what was written reads as chunks, and nothing panics. The wrapped key in
// front of them is left out, because opening it is slow and not ours.
func FuzzChunks(f *testing.F) {
	key := bytes.Repeat([]byte{7}, 32)
	good := backup.Chunks(key, map[string][]byte{"a": []byte("one and two")})
	f.Add(good, uint16(5), byte(1))
	f.Add([]byte{}, uint16(9), byte(0))
	f.Fuzz(func(t *testing.T, data []byte, at uint16, flip byte) {
		if _, err := backup.ReadChunks(key, data); err == nil && !bytes.Equal(data, good) {
			t.Fatal("made-up bytes were read")
		}
		changed := bytes.Clone(good)
		changed[int(at)%len(changed)] ^= flip
		if n, err := backup.ReadChunks(key, changed); (err == nil) != (flip == 0) {
			t.Fatalf("byte %d changed by %x: %d parts, %v", int(at)%len(changed), flip, n, err)
		}
	})
}

// FuzzHeader: a head that reads is small, and nothing panics.
func FuzzHeader(f *testing.F) {
	good := newHolder(f).write(f)
	f.Add(good[:400])
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := backup.ReadHeader(bytes.NewReader(data)); err == nil &&
			!bytes.HasPrefix(data, []byte("token desk backup 1\n")) {
			t.Fatal("another file has a head")
		}
	})
}
