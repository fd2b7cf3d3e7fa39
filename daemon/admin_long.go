package daemon

import (
	"net/http"
	"time"
)

// orderPeriod is how long an order may take that reads the whole log, writes the file anew or waits
// for another one. A backup keeps pages of the store meanwhile, so that it must end.
const orderPeriod = 15 * time.Minute

// long lets an order take its time. The deadline of the reads is put off, too: when it passes, the
// server takes whoever asked for gone, and ends the order.
func long(order http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		putOff(w)
		order(w, r)
	}
}

func putOff(w http.ResponseWriter) {
	until, rc := time.Now().Add(orderPeriod), http.NewResponseController(w)
	_ = rc.SetReadDeadline(until)
	_ = rc.SetWriteDeadline(until)
}

// unhurried puts the deadlines off with every write: an answer may take as long as somebody reads
// it.
type unhurried struct{ http.ResponseWriter }

// Write implements io.Writer.
func (u unhurried) Write(p []byte) (int, error) {
	putOff(u.ResponseWriter)
	return u.ResponseWriter.Write(p)
}
