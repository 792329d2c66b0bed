package daemon

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"dram/internal/problem"
)

// A daemon that says nothing is given up.
func TestHostileDaemon(t *testing.T) {
	for _, tt := range []struct {
		name   string
		answer http.HandlerFunc
		says   string
	}{
		{"silent", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "did not answer within"},
		{"silent after the first word", func(w http.ResponseWriter, r *http.Request) {
			if w.Header().Set("Api-Version", "1.44"); strings.HasSuffix(r.URL.Path, "/version") {
				<-r.Context().Done()
			}
		}, "did not answer within"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv := httptest.NewServer(tt.answer)
			t.Cleanup(func() {
				srv.CloseClientConnections()
				srv.Close()
			})
			start := time.Now()
			_, err := connect(t.Context(), []string{"DOCKER_HOST=" + strings.Replace(srv.URL, "http://", "tcp://", 1)}, 200*time.Millisecond)
			if problem.Code(err) != 5 || !strings.Contains(err.Error(), tt.says) || problem.Hint(err) == "" {
				t.Errorf("err = %v (exit %d), want it to say %q", err, problem.Code(err), tt.says)
			}
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}
