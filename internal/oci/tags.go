package oci

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"dram/internal/httpbound"
	"dram/internal/registry"
)

const (
	tagPage    = 1000    // tags
	maxTagPage = 8 << 20 // bytes
)

// errUnordered is a registry whose list of tags is not in lexical order.
var errUnordered = errors.New("the registry's tags are in no order")

// TagsWith lists the tags of a repository that begin with a prefix. Registries list
// tags in lexical order, and from any on (OCI distribution specification, "Listing
// Tags"), so that of a hundred thousand only these pages are asked for; of one that
// does not keep to that, all are.
func (r Registry) TagsWith(ctx context.Context, repo name.Repository, prefix string) ([]string, error) {
	if prefix != "" {
		tags, err := r.tagRange(ctx, repo, prefix)
		if !errors.Is(err, errUnordered) {
			return tags, err
		}
	}
	return r.Tags(ctx, repo)
}

func (r Registry) tagRange(ctx context.Context, repo name.Repository, prefix string) ([]string, error) {
	ctx, cancel := r.within(ctx)
	defer cancel()
	auth, err := authn.DefaultKeychain.Resolve(repo.Registry)
	if err != nil {
		return nil, err
	}
	rt, err := transport.NewWithContext(ctx, repo.Registry, auth, registry.Transport(r.Transport, repo.RegistryStr(), r.Limits), []string{repo.Scope(transport.PullScope)})
	if err != nil {
		return nil, because(ctx, err)
	}
	client := &http.Client{Transport: rt}
	var all tagList
	for last := prefix; ; {
		page, more, err := tagsAfter(ctx, client, repo, last)
		if err != nil {
			return nil, because(ctx, err)
		}
		tags, end, err := beginning(page, prefix, last)
		if err != nil {
			return nil, err
		}
		next := ""
		if more && !end {
			last = page[len(page)-1]
			next = last
		}
		if err := all.add(tags, next); err != nil || next == "" {
			return all.tags, err
		}
	}
}

// beginning are those of a page that begin with the prefix; end says whether no later
// page has any.
func beginning(page []string, prefix, last string) (tags []string, end bool, err error) {
	for _, tag := range page {
		if tag <= last {
			return nil, false, errUnordered
		}
		last = tag
		if strings.HasPrefix(tag, prefix) {
			tags = append(tags, tag)
		} else {
			end = true
		}
	}
	return tags, end || len(page) == 0, nil
}

// tagsAfter asks for one page of the tags that follow one; more says whether there are
// further ones.
func tagsAfter(ctx context.Context, client *http.Client, repo name.Repository, last string) (page []string, more bool, err error) {
	at := url.URL{
		Scheme: repo.Scheme(), Host: repo.RegistryStr(), Path: fmt.Sprintf("/v2/%s/tags/list", repo.RepositoryStr()),
		RawQuery: url.Values{"n": {fmt.Sprint(tagPage)}, "last": {last}}.Encode(),
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), http.NoBody)
	if err != nil {
		return nil, false, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, false, err
	}
	defer func() { _ = resp.Body.Close() }() // read to its end
	if err := transport.CheckError(resp, http.StatusOK); err != nil {
		return nil, false, err
	}
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxTagPage+1))
	if err != nil {
		return nil, false, err
	}
	if len(raw) > maxTagPage {
		return nil, false, fmt.Errorf("%w: a page of tags of more than %d bytes", httpbound.ErrTooLarge, maxTagPage)
	}
	var list struct {
		Tags []string `json:"tags"`
	}
	err = json.Unmarshal(raw, &list)
	return list.Tags, resp.Header.Get("Link") != "", err
}
