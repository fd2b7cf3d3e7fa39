package daemon

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics are what the operator's monitoring reads from the admin socket: the figures of Status, how
// long commits take, and the process. They count and date things; nobody and no token is named.
type metrics struct {
	registry *prometheus.Registry
	commits  prometheus.Histogram
}

func newMetrics() metrics {
	m := metrics{prometheus.NewRegistry(), prometheus.NewHistogram(prometheus.HistogramOpts{
		Name:    "tokendesk_commit_seconds",
		Help:    "How long a change took to be durable.",
		Buckets: prometheus.ExponentialBuckets(0.0005, 2, 13),
	})}
	m.registry.MustRegister(m.commits, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// timed measures a commit and is otherwise not there: see store.Options.
func (m metrics) timed(commit func() error) error {
	began := time.Now()
	err := commit()
	m.commits.Observe(time.Since(began).Seconds())
	return err
}

func (m metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// gauge is one figure of a status.
type gauge struct {
	desc *prometheus.Desc
	read func(Status) float64
}

func newGauge(name, help string, read func(Status) float64) gauge {
	return gauge{prometheus.NewDesc("tokendesk_"+name, help, nil, nil), read}
}

// gauges are the figures, each read from one status so that they fit together.
var gauges = []gauge{
	newGauge("position", "Length of the log.", func(s Status) float64 { return float64(s.Position) }),
	newGauge("acked_position", "What the verifier holds durably.",
		func(s Status) float64 { return float64(s.Acked) }),
	newGauge("verifier_up", "1 while the verifier calls.", func(s Status) float64 { return flag(s.VerifierUp) }),
	newGauge("verifier_seen_seconds", "When the verifier last called, in Unix seconds.",
		func(s Status) float64 { return seconds(s.VerifierSeen) }),
	newGauge("directory_up", "1 while people can be looked up.",
		func(s Status) float64 { return flag(s.DirectoryUp) }),
	newGauge("clock_synced", "1 while the clock is known to be right.",
		func(s Status) float64 { return flag(s.ClockSynced) }),
	newGauge("tokens", "Tokens on record.", func(s Status) float64 { return float64(s.Tokens) }),
	newGauge("doubtful_tokens", "Tokens nobody can vouch for.",
		func(s Status) float64 { return float64(len(s.Doubtful)) }),
	newGauge("open_loans", "Tokens lent.", func(s Status) float64 { return float64(s.OpenLoans) }),
	newGauge("passcodes", "Passcodes that live.", func(s Status) float64 { return float64(s.Passcodes) }),
	newGauge("notices_waiting", "Notices still to be sent.",
		func(s Status) float64 { return float64(s.NoticesWaiting) }),
	newGauge("notices_dead", "Notices given up.",
		func(s Status) float64 { return float64(s.NoticesDead) }),
	newGauge("requests", "Requests by mail that wait.", func(s Status) float64 { return float64(s.Requests) }),
	newGauge("tasks", "What the verifier did not take and an officer is to see to.",
		func(s Status) float64 { return float64(s.Tasks) }),
	newGauge("readers_down", "Card readers that do not answer.", func(s Status) float64 {
		down := 0
		for _, r := range s.Readers {
			if !r.Up {
				down++
			}
		}
		return float64(down)
	}),
}

func flag(up bool) float64 {
	if up {
		return 1
	}
	return 0
}

func seconds(at time.Time) float64 {
	if at.IsZero() {
		return 0
	}
	return float64(at.UnixMilli()) / 1000
}

// figures collects the gauges of a desk.
type figures struct{ desk *Desk }

// Describe implements prometheus.Collector.
func (figures) Describe(to chan<- *prometheus.Desc) {
	for _, g := range gauges {
		to <- g.desc
	}
}

// Collect implements prometheus.Collector. A status that cannot be had is an error of the scrape,
// never a zero.
func (f figures) Collect(to chan<- prometheus.Metric) {
	status, err := f.desk.Status(context.Background())
	for _, g := range gauges {
		if err != nil {
			to <- prometheus.NewInvalidMetric(g.desc, err)
			continue
		}
		to <- prometheus.MustNewConstMetric(g.desc, prometheus.GaugeValue, g.read(status))
	}
}
