package verifier

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// PathMetrics answers a GET on the admin socket with the figures of a monitoring, in the text
// format of Prometheus. They name desks and count the rest: no user, no serial.
const PathMetrics = "/metrics"

func perDesk(name, help string) *prometheus.Desc {
	return prometheus.NewDesc("verifierd_"+name, help, []string{"desk"}, nil)
}

var (
	deskPosition = perDesk("desk_position", "Leaves of the desk's log that are durable here.")
	deskBehind   = perDesk("desk_behind", "Leaves the desk has and we do not.")
	deskSeen     = perDesk("desk_seen_seconds",
		"When the desk last answered, in Unix seconds; 0 if never.")
	deskVerdicts = perDesk("desk_verdicts_due", "Verdicts the desk has not taken yet.")
	deskAlarm    = perDesk("desk_alarm", "1 while the desk is under alarm.")
	deskRevoked  = perDesk("desk_revoked", "1 once the desk is revoked.")
	signIns      = prometheus.NewDesc("verifierd_sign_ins_total", "Sign-ins since the start.",
		[]string{"outcome"}, nil)
)

// figures collects what the desks and the sign-ins give. Credentials are not counted at each
// scrape: that would open every one of them; Status does it when somebody asks.
type figures struct{ v *Verifier }

// Describe implements prometheus.Collector.
func (figures) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{deskPosition, deskBehind, deskSeen, deskVerdicts, deskAlarm,
		deskRevoked, signIns} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (f figures) Collect(to chan<- prometheus.Metric) {
	desks, err := f.v.deskStatus()
	if err != nil {
		to <- prometheus.NewInvalidMetric(deskPosition, err)
		return
	}
	for _, d := range desks {
		for desc, value := range map[*prometheus.Desc]float64{
			deskPosition: float64(d.Position), deskBehind: float64(d.Behind), deskSeen: seconds(d.Seen),
			deskVerdicts: float64(d.Verdicts), deskAlarm: flag(d.Alarm.What != ""),
			deskRevoked: flag(!d.Revoked.IsZero())} {
			to <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, d.Desk)
		}
	}
	tally := f.v.tallied()
	for outcome, count := range map[string]int64{"accepted": tally.Accepted,
		"refused": tally.Refused} {
		to <- prometheus.MustNewConstMetric(signIns, prometheus.CounterValue, float64(count), outcome)
	}
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

func (v *Verifier) metricsHandler() http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(figures{v}, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
}
