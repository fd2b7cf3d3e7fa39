package verifier

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// bundle asks which bundle the desk holds, and what it takes to replace it.
func (w wire) bundle(ctx context.Context) (feed.BundleState, error) {
	data, err := w.call(ctx, http.MethodGet, feed.PathBundle, nil, 0)
	if err != nil {
		return feed.BundleState{}, fmt.Errorf("ask for the bundle: %w", err)
	}
	return feed.DecodeBundleState(data)
}

// orderBundle replaces the desk's bundle.
func (w wire) orderBundle(ctx context.Context, o feed.BundleOrder) (feed.BundleState, error) {
	body, err := json.Marshal(o)
	if err != nil {
		return feed.BundleState{}, fmt.Errorf("encode a bundle: %w", err)
	}
	data, err := w.call(ctx, http.MethodPut, feed.PathBundle, body, 0)
	if err != nil {
		return feed.BundleState{}, fmt.Errorf("order another bundle: %w", err)
	}
	return feed.DecodeBundleState(data)
}
