package publish_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/sync/errgroup"

	"github.com/tokendesk/tokendesk/daemon/publish"
	"github.com/tokendesk/tokendesk/daemon/store"
	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/feed/feedtest"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// published is how many records the benchmark's feed has: half are seeds, half are proofs.
const published = 20_000

// BenchmarkServeStore pulls a whole feed out of a real store over mutual TLS, as a verifier that
// begins anew does, and reports records per second. What comes is opened once, before the clock
// runs: that work is the verifier's.
func BenchmarkServeStore(b *testing.B) {
	log := fullStore(b)
	client, base := serveStore(b, log)
	var pages []string
	for after := int64(0); after < log.FeedHead(); {
		url := fmt.Sprintf("%s%s?after=%d", base, feed.PathRecords, after)
		page, err := feed.DecodePage(pull(b, client, url))
		if err != nil || len(page.Leaves) == 0 {
			b.Fatalf("after %d: %d leaves, %v", after, len(page.Leaves), err)
		}
		pages, after = append(pages, url), after+int64(len(page.Leaves))
	}
	passes := 0
	for b.Loop() {
		for _, url := range pages {
			pull(b, client, url)
		}
		passes++
	}
	b.ReportMetric(float64(passes*published)/b.Elapsed().Seconds(), "records/s")
	b.ReportMetric(0, "ns/op")
}

func pull(b *testing.B, client *http.Client, url string) []byte {
	b.Helper()
	resp, err := client.Get(url)
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		b.Fatal(resp.Status, err)
	}
	return data
}

// fullStore is a store with a record in each leaf, sealed bodies as large as real ones.
func fullStore(b *testing.B) *store.Store {
	b.Helper()
	private, _, err := note.GenerateKey(rand.Reader, "desk1")
	if err != nil {
		b.Fatal(err)
	}
	signer, err := note.NewSigner(private)
	if err != nil {
		b.Fatal(err)
	}
	options := store.Options{Path: filepath.Join(b.TempDir(), "desk.db"), Desk: "desk1",
		Key: secret.NewKey(bytes.Repeat([]byte{7}, 32)), Signer: signer, Clock: time.Now}
	if err := store.Create(options); err != nil {
		b.Fatal(err)
	}
	log, err := store.Open(b.Context(), options)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := log.Close(); err != nil {
			b.Error(err)
		}
	})
	fill(b, log)
	return log
}

func fill(b *testing.B, log *store.Store) {
	b.Helper()
	holders, err := feedtest.NewHolders()
	if err != nil {
		b.Fatal(err)
	}
	desk, err := feedtest.NewDesk("desk1", holders.Bundle)
	if err != nil {
		b.Fatal(err)
	}
	token := feedtest.NewToken("bench")
	kinds := []feed.Record{
		desk.SealSeed(token, desk.Body(token)), desk.SealProof(token, token.Press())}
	const writers = 40 // one sync serves them all
	group, ctx := errgroup.WithContext(b.Context())
	for range writers {
		group.Go(func() error {
			for i := range published / writers {
				record := kinds[i%len(kinds)]
				record.ID, record.Credential = feedtest.RandomID(), feedtest.RandomID()
				if err := commit(ctx, log, record); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		b.Fatal(err)
	}
}

func commit(ctx context.Context, log *store.Store, record feed.Record) error {
	change := provisioning.NewChange(provisioning.Entry{At: record.At, Desk: "desk1",
		Actor: "bench", Act: "bench.publish", Outcome: "done"}).Publish(record)
	_, err := log.Do(ctx, func(provisioning.Snapshot) (provisioning.Change, error) {
		return change, nil
	})
	return err
}

// serveStore serves the feed of a store on the loopback, and returns a client it knows.
func serveStore(b *testing.B, log *store.Store) (client *http.Client, base string) {
	b.Helper()
	meta := func() feed.Meta {
		return feed.Meta{Version: feed.Version, Desk: "desk1", Feed: log.Feed(), Head: log.Head()}
	}
	server, err := publish.New(publish.Config{Source: log, Acks: newDesk(b), Meta: meta})
	if err != nil {
		b.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	deskCert, deskPin := certificate(b, "desk1", tomorrow())
	clientCert, clientPin := certificate(b, "verifier", tomorrow())
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	secure := tls.NewListener(listener, publish.TLSConfig(deskCert, clientPin))
	go func() { done <- server.Serve(ctx, secure) }()
	transport := &http.Transport{TLSClientConfig: feed.ClientTLS(clientCert, deskPin)}
	b.Cleanup(func() {
		transport.CloseIdleConnections()
		cancel()
		if err := <-done; err != nil {
			b.Error(err)
		}
	})
	return &http.Client{Transport: transport}, "https://" + listener.Addr().String()
}
