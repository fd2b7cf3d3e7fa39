package feed

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/provisioning/secret"
)

func someOrder() OrderBody {
	return OrderBody{Vendor: "yubikey", Serial: "23180447", Act: OrderRevoke, Officer: "WONG Hoi Lam"}
}

func TestOrderBodyRoundTrips(t *testing.T) {
	for _, act := range []OrderAct{OrderSuspend, OrderRevoke, OrderReturn} {
		b := someOrder()
		b.Act = act
		encoded, err := b.encode()
		if err != nil || len(encoded) != bodySize {
			t.Fatalf("%d bytes, %v", len(encoded), err)
		}
		if got, err := decodeOrder(encoded); err != nil || got != b {
			t.Errorf("came back as %+v, %v", got, err)
		}
	}
	for _, b := range []OrderBody{{}, {Vendor: "y", Serial: "1", Officer: "o", Act: "resume"},
		{Vendor: "y", Serial: "1", Act: OrderReturn},
		{Vendor: "y", Serial: "1", Act: OrderReturn, Officer: strings.Repeat("o", MaxOfficer+1)}} {
		if _, err := b.encode(); !errors.Is(err, ErrBody) {
			t.Errorf("%+v encodes: %v", b, err)
		}
	}
}

// What decodes encodes to the same bytes: one body, one encoding.
func FuzzOrderBody(f *testing.F) {
	encoded, _ := someOrder().encode()
	f.Add(encoded)
	f.Add([]byte{tagOrder})
	f.Fuzz(func(t *testing.T, data []byte) {
		body, err := decodeOrder(data)
		if err != nil {
			return
		}
		again, err := body.encode()
		if err != nil || !bytes.Equal(again, data) {
			t.Fatalf("%x decodes, and encodes to %x, %v", data, again, err)
		}
	})
}

// An order opens for the verifier, and its serial can be read nowhere.
func TestOrderIsSealed(t *testing.T) {
	bundle, verifier, _ := holders(t)
	sealer, err := NewSealer(bundle)
	if err != nil {
		t.Fatal(err)
	}
	rec, err := sealer.SealOrder(someRecord(), someOrder())
	if err != nil || rec.Check() != nil || rec.Kind != KindOrder {
		t.Fatalf("%+v, %v", rec, err)
	}
	if bytes.Contains(rec.Canonical(), []byte("23180447")) {
		t.Error("the serial can be read")
	}
	if got, err := verifier.OpenOrder(rec); err != nil || got != someOrder() {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := verifier.OpenSeed(rec); err == nil {
		t.Error("it opens as a seed")
	}
	if to := rec.SealedTo(); len(to) != 2 || to[0] != KeyID(bundle.VerifierKey) {
		t.Errorf("it is sealed to %v", to)
	}
	rec.Credential = strings.Repeat("3c", 16)
	if _, err := verifier.OpenOrder(rec); !errors.Is(err, ErrSealed) {
		t.Errorf("it opens for another credential: %v", err)
	}
}

func someIndex() SiteIndex {
	return SiteIndex{Index: "um1", After: 3, Rev: 5, TagKey: secret.NewKey(make([]byte, 32)),
		Tokens: []SiteToken{{Vendor: "yubikey", Serial: "23180447",
			Credential: strings.Repeat("2b", 16), Desk: "desk1", Tag: "t", State: StateSuspended,
			Order: SiteOrder{ID: strings.Repeat("1a", 16), Act: OrderSuspend, Desk: "desk2",
				Officer: "WONG", At: time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC)}}}}
}

func TestSiteIndexRoundTrips(t *testing.T) {
	want := someIndex()
	data, err := want.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := DecodeSiteIndex(data)
	if err != nil || !bytes.Equal(got.TagKey.Expose(), want.TagKey.Expose()) ||
		!reflect.DeepEqual(got.Tokens, want.Tokens) || got.After != 3 || got.Rev != 5 {
		t.Errorf("%+v, %v", got, err)
	}
	for name, spoil := range map[string]func(*SiteIndex){
		"no key":            func(i *SiteIndex) { i.TagKey = secret.NewKey([]byte("short")) },
		"backwards":         func(i *SiteIndex) { i.Rev = 2 },
		"a state unheard":   func(i *SiteIndex) { i.Tokens[0].State = "resting" },
		"an act unheard":    func(i *SiteIndex) { i.Tokens[0].Order.Act = "resume" },
		"no serial":         func(i *SiteIndex) { i.Tokens[0].Serial = "" },
		"a slash":           func(i *SiteIndex) { i.Tokens[0].Vendor = "a/b" },
		"no desk":           func(i *SiteIndex) { i.Tokens[0].Desk = "" },
		"too many tokens":   func(i *SiteIndex) { i.Tokens = make([]SiteToken, MaxSiteTokens+1) },
		"no name of itself": func(i *SiteIndex) { i.Index = "" },
	} {
		index := someIndex()
		spoil(&index)
		data, err := index.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := DecodeSiteIndex(data); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What decodes encodes, and decodes to the same again.
func FuzzSiteIndex(f *testing.F) {
	data, _ := someIndex().Encode()
	f.Add(data)
	f.Add([]byte(`{"index":"a","after":-1,"rev":-1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		index, err := DecodeSiteIndex(data)
		if err != nil {
			return
		}
		again, err := index.Encode()
		if err != nil {
			t.Skip() // a time that JSON cannot write
		}
		if got, err := DecodeSiteIndex(again); err != nil || got.Rev != index.Rev ||
			len(got.Tokens) != len(index.Tokens) {
			t.Fatalf("%s reads, and reads again as %+v, %v", data, got, err)
		}
	})
}

// FuzzSiteAnswer: what reads is within its bounds.
func FuzzSiteAnswer(f *testing.F) {
	f.Add([]byte(`{"index":"a","rev":3,"position":9}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := DecodeSiteAnswer(data)
		if err == nil && (a.Rev < 0 || a.Position < 0 || len(a.Index) > maxName) {
			t.Fatalf("%s reads as %+v", data, a)
		}
	})
}

// A tag is the same for all spellings of a name, and for nobody else, nor under another key.
func TestTag(t *testing.T) {
	key := secret.NewKey(bytes.Repeat([]byte{1}, 32))
	other := secret.NewKey(bytes.Repeat([]byte{2}, 32))
	if Tag(key, "MC12345") != Tag(key, "mc12345") {
		t.Error("the case of a name changes its tag")
	}
	if Tag(key, "mc12345") == Tag(key, "mc12346") || Tag(key, "a") == Tag(other, "a") {
		t.Error("two have the same tag")
	}
	if strings.Contains(Tag(key, "mc12345"), "mc12345") {
		t.Error("a tag tells the name")
	}
}
