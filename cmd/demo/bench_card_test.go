package main

import (
	"context"
	"testing"
	"time"
)

// cards lays one card after the other on the reader: from then until the officer's page shows the
// person, through the driver, the directory, the store's file and the live page.
func (c *clerk) cards(b *testing.B) {
	c.b = b
	var took []time.Duration
	for b.Loop() {
		took = append(took, c.lay(largeLoan()))
		c.screen.Press("End this visit")
	}
	milliseconds(b, "card", took)
	b.ReportMetric(0, "ns/op")
}

func (c *clerk) lay(i int) time.Duration {
	c.b.Helper()
	ctx, cancel := context.WithTimeout(c.b.Context(), patient)
	defer cancel()
	c.screen.Open("/ready")
	events := c.screen.Listen(ctx, c.screen.Page.Live)
	<-events // the page is being watched
	person := largePerson(i)
	laid := make(chan error, 1)
	began := time.Now()
	go func() { laid <- c.st.reader.Tap(ctx, string(person.ID)) }()
	for range events {
		if c.screen.Reload(); c.screen.Page.Says(person.Name) {
			took := time.Since(began)
			if err := <-laid; err != nil {
				c.b.Fatal(err)
			}
			return took
		}
	}
	c.b.Fatalf("the card of %s leads to %s:\n%s", person.ID, c.screen.Page.URL, c.screen.Page.Text)
	return 0
}
