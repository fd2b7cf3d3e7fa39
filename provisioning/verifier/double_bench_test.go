package verifier_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/tokendesk/tokendesk/provisioning/feed/feedtest"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// BenchmarkOneOTP gives each OTP to fifty callers at once and reports how many accepts there were
// beside the first.
func BenchmarkOneOTP(b *testing.B) {
	const callers = 50
	r := newRig(b)
	desk := r.trusted(b, "desk1")
	doubles, rounds := int64(0), int64(0)
	for b.Loop() {
		token := registered(b, r, desk, feedtest.RandomID())
		otp := string(token.Press().Expose())
		var accepts atomic.Int64
		var group sync.WaitGroup
		for i := range callers {
			group.Go(func() {
				caller := fmt.Sprintf("caller%d", i)
				ok, err := r.Verify(b.Context(), caller, token.User, secret.NewOTP(otp))
				if err != nil {
					b.Error(err)
				}
				if ok {
					accepts.Add(1)
				}
			})
		}
		group.Wait()
		if accepts.Load() == 0 {
			b.Error("an OTP was never accepted")
		}
		doubles += max(accepts.Load()-1, 0)
		rounds++
	}
	b.ReportMetric(float64(doubles), "double-accepts")
	b.ReportMetric(float64(rounds), "OTPs")
	b.ReportMetric(0, "ns/op")
}
