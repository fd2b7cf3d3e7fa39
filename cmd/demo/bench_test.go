package main

import (
	"context"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/devices/virtual"
	"github.com/tokendesk/tokendesk/kiosk/kiosktest"
	"github.com/tokendesk/tokendesk/provisioning"
)

// BenchmarkCounter is the whole desk as it stands at a counter, with everything in it real but the
// fingers: the screen over HTTP, the store's file, the feed over mutual TLS, the verifier. It keeps
// 100,000 tokens.
func BenchmarkCounter(b *testing.B) {
	st, stop := openLarge(b)
	defer stop()
	c := &clerk{b: b, st: st, screen: kiosktest.New(b, "http://"+st.screen.Addr().String())}
	defer c.screen.Client().CloseIdleConnections()
	c.screen.Open("/")
	c.screen.Press("Unlock", "officer", string(officers[0].id), "pin", st.pin)
	b.Run("pages", c.pages)
	b.Run("card", c.cards)
	b.Run("loan", c.loans)
}

// clerk works the screen as an officer who knows it, and never hesitates.
type clerk struct {
	b      *testing.B
	st     *stage
	screen *kiosktest.Browser
	lent   int
	taps   taps
}

// taps counts touches of the screen. Cards, plugs and the token's own disc are not among them.
type taps struct{ officer, person, keys int }

// pages serves the searches and lists of a desk.
func (c *clerk) pages(b *testing.B) {
	c.b = b
	took := map[string][]time.Duration{}
	for b.Loop() {
		for range 5 {
			took["person"] = append(took["person"], c.search(largeLoan()))
			c.screen.Press("End this visit")
			took["serial"] = append(took["serial"], c.searchToken(largeLoan()))
			for name, path := range map[string]string{
				"ready": "/ready", "held": "/held", "parked": "/parked", "doubtful": "/doubtful",
			} {
				began := time.Now()
				page := c.screen.Open(path)
				took[name] = append(took[name], time.Since(began))
				if page.Status != 200 || page.URL.Path != path {
					b.Fatalf("%s leads to %s, %d", path, page.URL, page.Status)
				}
			}
		}
	}
	for name, list := range took {
		milliseconds(b, name, list)
	}
	b.ReportMetric(0, "ns/op")
}

// search finds a person by number; the page of the visit says what they have on loan.
func (c *clerk) search(i int) time.Duration {
	c.b.Helper()
	c.screen.Open("/number")
	form := c.screen.Form("Find", "number", string(largePerson(i).ID))
	began := time.Now()
	page := c.screen.Send(form)
	took := time.Since(began)
	if !page.Says(largePerson(i).Name) {
		c.b.Fatalf("the search leads to %s:\n%s", page.URL, page.Text)
	}
	return took
}

// searchToken finds a token by its serial; its page says who has it.
func (c *clerk) searchToken(i int) time.Duration {
	c.b.Helper()
	serial := provisioning.SerialOf(largeToken(i))
	c.screen.Open("/tokens")
	form := c.screen.Form("Find", "serial", serial)
	began := time.Now()
	page := c.screen.Send(form)
	took := time.Since(began)
	if !strings.HasSuffix(page.URL.Path, serial) || page.Status != 200 {
		c.b.Fatalf("the search leads to %s:\n%s", page.URL, page.Text)
	}
	return took
}

// loans lends one new token after the other.
func (c *clerk) loans(b *testing.B) {
	c.b = b
	var asked, verdict []time.Duration
	for b.Loop() {
		w, v := c.lend()
		asked, verdict = append(asked, w), append(verdict, v)
	}
	milliseconds(b, "write", asked)
	milliseconds(b, "verdict", verdict)
	b.ReportMetric(float64(len(verdict)), "loans")
	b.ReportMetric(float64(c.taps.officer)/float64(c.lent), "officer-taps")
	b.ReportMetric(float64(c.taps.person)/float64(c.lent), "person-taps")
	b.ReportMetric(float64(c.taps.keys)/float64(c.lent), "pin-keys")
	b.ReportMetric(0, "ns/op")
}

// lend walks one loan from the number to the goodbye. It returns how long the person waits for the
// request to touch, and after the token has proven itself for "registered".
func (c *clerk) lend() (asked, verdict time.Duration) {
	c.b.Helper()
	c.search(largeTokens + c.lent) // somebody without a token
	key := virtual.New(virtual.Options{Serial: uint32(20_000_000 + c.lent)})
	c.lent++
	if err := c.st.tokens.Add(key); err != nil {
		c.b.Fatal(err)
	}
	c.tap("Phone cannot run the app", "match", "yes")
	c.st.tokens.Plug(key)
	defer c.st.tokens.Unplug(key)
	c.await("Nothing is written yet")
	c.tap("Turn the screen")
	c.screen.Press("I agree")
	c.taps.person++
	c.taps.officer++ // the PIN's keys are counted apart
	c.taps.keys += len(c.st.pin)
	began := time.Now()
	c.screen.Press("Write and loan", "pin", c.st.pin)
	c.await("Touch the gold disc")
	asked = time.Since(began)
	ctx, cancel := context.WithTimeout(c.b.Context(), patient)
	defer cancel()
	proven := c.provenAt(ctx)
	if _, err := key.Touch(2); err != nil {
		c.b.Fatal(err)
	}
	c.await("It is registered with the sign-in service")
	at, seen := <-proven
	if !seen {
		c.b.Fatal("nobody saw the token proven")
	}
	verdict = time.Since(at)
	c.tap("No slip")
	return asked, verdict
}

// tap presses a button. Whatever is chosen before it is a touch, too.
func (c *clerk) tap(label string, fields ...string) {
	c.b.Helper()
	c.taps.officer += 1 + len(fields)/2
	c.screen.Press(label, fields...)
}

// patient is longer than anything here takes.
const patient = 30 * time.Second

// await waits until the page says it, as the live region lets a person wait.
func (c *clerk) await(words string) {
	c.b.Helper()
	ctx, cancel := context.WithTimeout(c.b.Context(), patient)
	defer cancel()
	for !c.screen.Page.Says(words) {
		if c.screen.Page.Live == "" || ctx.Err() != nil {
			c.b.Fatalf("%s does not say %q:\n%s", c.screen.Page.URL, words, c.screen.Page.Text)
		}
		c.news(ctx, words)
	}
}

// news loads the page again at each event of its stream, until it says the words or is another one.
func (c *clerk) news(ctx context.Context, words string) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for range c.screen.Listen(ctx, c.screen.Page.Live) {
		if c.screen.Reload(); c.screen.Page.Says(words) || c.screen.Page.Live == "" {
			return
		}
	}
}

// provenAt waits for the next credential that is proven and tells when the rules made it so, which
// is before that was durable. Nothing is told if ctx ends first.
func (c *clerk) provenAt(ctx context.Context) <-chan time.Time {
	already := map[provisioning.CredentialID]bool{}
	for p := range c.provenNow() {
		already[p.ID] = true
	}
	at := make(chan time.Time, 1)
	go func() {
		defer close(at)
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for ctx.Err() == nil {
			<-tick.C
			for p := range c.provenNow() {
				if !already[p.ID] {
					at <- p.Since
					return
				}
			}
		}
	}()
	return at
}

func (c *clerk) provenNow() iter.Seq[provisioning.Credential] {
	return provisioning.Find[provisioning.Credential](c.st.desk.Snapshot(), provisioning.ByState,
		string(provisioning.CredentialProven))
}
