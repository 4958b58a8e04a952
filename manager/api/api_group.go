package api

import (
	"context"
	"strings"

	"github.com/bantoops/banto"
)

// GroupPath names a host group.
type GroupPath struct {
	Name string `path:"group" maxLength:"255"`
}

func (in *GroupPath) object() string { return in.Name }

type groupOut struct{ Body banto.GroupInfo }

// listGroups lists the host groups with the hosts that are in them now.
func (s *server) listGroups(ctx context.Context, in *PageQuery) (*out[banto.GroupInfo], error) {
	all, err := s.Designs.Groups(ctx)
	if err != nil {
		return nil, err
	}
	page := behind(all, in, func(g banto.GroupInfo) string { return g.Name })
	for i := range page.Body.Items {
		page.Body.Items[i].Hosts = s.members(ctx, page.Body.Items[i].Name)
	}
	return page, nil
}

// getGroup reads a host group.
func (s *server) getGroup(ctx context.Context, in *GroupPath) (*groupOut, error) {
	g, err := s.Designs.Group(ctx, in.Name)
	if err != nil {
		return nil, err
	}
	g.Hosts = s.members(ctx, g.Name)
	return &groupOut{Body: g}, nil
}

// members gives the hosts of a group by name; none when the loop is too busy
// to say.
func (s *server) members(ctx context.Context, group string) []string {
	ctx, cancel := soon(ctx)
	defer cancel()
	hosts := s.Runner.Members(ctx, group)
	names := make([]string, len(hosts))
	for i, h := range hosts {
		names[i] = h.Name
	}
	return names
}

// deleteGroup takes a host group out of use.
func (s *server) deleteGroup(ctx context.Context, in *GroupPath) (*none, error) {
	if err := s.Designs.DeleteGroup(ctx, principal(ctx), in.Name); err != nil {
		return nil, err
	}
	return &none{}, nil
}

// behind makes a page of a whole list that is in the order of its names.
func behind[T any](all []T, in *PageQuery, name func(T) string) *out[T] {
	for len(all) > 0 && in.Cursor != "" && strings.Compare(name(all[0]), in.Cursor) <= 0 {
		all = all[1:]
	}
	return cut(all, in.Limit, same, name)
}
