package verifier_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/feed/feedtest"
	"github.com/tokendesk/tokendesk/provisioning/secret"
	"github.com/tokendesk/tokendesk/provisioning/verifier"
)

// BenchmarkVerify is durable verifications from sixteen callers at once, each right and each
// counted.
func BenchmarkVerify(b *testing.B) {
	const users = 16
	r := newRig(b)
	desk := r.trusted(b, "desk1")
	tokens := make([]*feedtest.Token, users)
	for i := range tokens {
		tokens[i] = registered(b, r, desk, fmt.Sprintf("user%d", i))
	}
	// The OTPs are computed before: a token does that itself.
	perUser := b.N/users + 1
	otps := make([][]secret.OTP, users)
	for i, token := range tokens {
		for range perUser {
			otps[i] = append(otps[i], token.Press())
		}
	}
	times := make([][]time.Duration, users)
	b.ResetTimer()
	var group sync.WaitGroup
	for i, token := range tokens {
		group.Go(func() {
			for _, otp := range otps[i] {
				began := time.Now()
				if ok, err := r.Verify(context.Background(), "bench", token.User, otp); !ok || err != nil {
					b.Errorf("refused: %v", err)
					return
				}
				times[i] = append(times[i], time.Since(began))
			}
		})
	}
	group.Wait()
	b.StopTimer()
	all := slices.Concat(times...)
	slices.Sort(all)
	b.ReportMetric(float64(len(all))/b.Elapsed().Seconds(), "verifications/s")
	b.ReportMetric(float64(all[len(all)*99/100].Microseconds())/1000, "p99-ms")
}

// BenchmarkFollow is records pulled over mutual TLS, checked, opened and durable.
func BenchmarkFollow(b *testing.B) {
	r := newRig(b)
	desk := r.open(b, "desk1")
	for range (b.N + 1) / 2 {
		desk.Issue(feedtest.NewToken(feedtest.RandomID()))
	}
	b.ResetTimer()
	r.trust(b, desk, verifier.Bounds{})
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	head := desk.FeedHead()
	err := desk.Await(ctx, func(acks []feed.Ack, _ map[string]feed.Verdict) bool {
		return len(acks) > 0 && acks[len(acks)-1].Position >= head
	})
	b.StopTimer()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(head)/b.Elapsed().Seconds(), "records/s")
}

// BenchmarkVerdict is the time from a proof that is durable at the desk to its verdict there.
func BenchmarkVerdict(b *testing.B) {
	r := newRig(b)
	desk := r.trusted(b, "desk1")
	desk.expect(b, desk.Issue(feedtest.NewToken("first")), feed.InStep)
	var times []time.Duration
	for b.Loop() {
		token := feedtest.NewToken(feedtest.RandomID())
		desk.Commit(desk.SealSeed(token, desk.Body(token)))
		proof := desk.SealProof(token, token.Press())
		began := time.Now()
		desk.Commit(proof)
		desk.expect(b, proof.ID, feed.InStep)
		times = append(times, time.Since(began))
	}
	slices.Sort(times)
	b.ReportMetric(float64(times[len(times)*99/100].Microseconds())/1000, "p99-ms")
}
