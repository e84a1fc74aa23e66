package main

import (
	"encoding/json"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"naisen/cmd/pbx/internal/health"
)

// metricNames are what a text speaks of: ours, and those of the process.
var metricNames = regexp.MustCompile(`\b(?:naisen|process|go)_[a-z0-9_]+`)

// unknownMetrics are the names in a text of which the metrics page says nothing.
func unknownMetrics(page, text string) (unknown []string) {
	for _, name := range metricNames.FindAllString(text, -1) {
		if !strings.Contains(page, "\n# TYPE "+strings.TrimSuffix(name, "_bucket")+" ") && !slices.Contains(unknown, name) {
			unknown = append(unknown, name)
		}
	}
	return unknown
}

// TestOpsFiles: each metric that the dashboard and the alert rules speak of exists, each alarm that a rule names is one, and each rule says in both languages what
// it means.
func TestOpsFiles(t *testing.T) {
	l, _, _ := backupLab(t)
	l.p.trunks.book.Probe(health.Key{Domain: l.p.config.Domain, Trunk: seedTrunk}, true, time.Millisecond, "") // what is seen when there was a call
	l.p.qualities.mos.WithLabelValues("", "", "").Observe(4)
	l.p.qualities.loss.WithLabelValues("", "", "").Observe(0)
	w := httptest.NewRecorder()
	l.p.metricsHandler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	page := "\n" + w.Body.String()

	var dashboard struct {
		Panels []struct {
			ID      int
			Type    string
			Title   string
			Targets []struct{ Expr string }
		}
	}
	text, err := os.ReadFile("../../docs/ops/grafana.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &dashboard); err != nil || len(dashboard.Panels) < 20 {
		t.Fatalf("%d panels: %v", len(dashboard.Panels), err)
	}
	seen := map[int]bool{}
	for _, p := range dashboard.Panels {
		if seen[p.ID] || p.Title == "" || p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("panel %d %q", p.ID, p.Title)
		}
		seen[p.ID] = true
		for _, target := range p.Targets {
			if unknown := unknownMetrics(page, target.Expr); len(unknown) > 0 || !metricNames.MatchString(target.Expr) {
				t.Errorf("panel %q: there is no %q", p.Title, unknown)
			}
		}
	}

	var rules struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr         string
				Labels, Annotations map[string]string
			}
		}
	}
	if text, err = os.ReadFile("../../docs/ops/alerts.yaml"); err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, &rules); err != nil || len(rules.Groups) != 1 || len(rules.Groups[0].Rules) < 10 {
		t.Fatalf("%+v %v", rules, err)
	}
	for _, r := range rules.Groups[0].Rules {
		if unknown := unknownMetrics(page, r.Expr); len(unknown) > 0 || r.Annotations["summary"] == "" || r.Annotations["summary_ja"] == "" || r.Labels["severity"] == "" {
			t.Errorf("%s: there is no %q, or it does not say what it means: %v", r.Alert, unknown, r.Annotations)
		}
		for _, m := range regexp.MustCompile(`name=~"([^"]+)"`).FindAllStringSubmatch(r.Expr, -1) {
			for name := range strings.SplitSeq(m[1], "|") {
				if _, ok := alarmTexts[name]; !ok {
					t.Errorf("%s: there is no alarm %s", r.Alert, name)
				}
			}
		}
	}
	if got := unknownMetrics(page, "rate(naisen_calls_that_are_not[5m]) + naisen_calls"); !slices.Equal(got, []string{"naisen_calls_that_are_not"}) {
		t.Errorf("a name that is none is not found: %q", got)
	}
}
