package check

import (
	"context"
	"path"
)

// load has the loader load every native file: programs by themselves, what
// the VM opens in the VM's process.
func (s *Survey) load(ctx context.Context) error {
	var rest []*native
	vmWorks := s.vmWorks()
	for _, n := range s.natives {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if !n.loadable(s.target) {
			continue
		}
		if n.role == library {
			rest = append(rest, n)
			continue
		}
		s.loadOne(n, vmWorks)
	}
	loaded := map[string]*native{} // by real name in root
	for _, n := range s.natives {
		for _, o := range n.process.Objects {
			if loaded[o.Real] == nil {
				loaded[o.Real] = n
			}
		}
	}
	for _, n := range rest {
		if by := loaded[s.on(n.Path)]; by != nil {
			n.process, n.loaded = by.process, true
			continue
		}
		n.orphan = true
		s.loadOne(n, vmWorks)
	}
	return nil
}

// vmWorks says whether there is a VM that the target's processor runs.
func (s *Survey) vmWorks() bool {
	if s.vm == "" {
		return false
	}
	p, err := s.carried.Load(s.vm)
	return err == nil && p.Reason == ""
}

// loadOne loads a file as whoever needs it does: by a link, where there is one, for
// the loader takes the folder of the name that it is given for $ORIGIN.
func (s *Survey) loadOne(n *native, vmWorks bool) {
	names := []string{s.on(n.Path)}
	if links := s.linksTo(n); n.role == plugin && len(links) > 0 {
		names = links
	}
	for _, name := range names {
		s.loadAs(n, name, vmWorks)
		if !n.loaded || len(n.process.Missing) > 0 {
			return
		}
	}
}

// linksTo is the links in root to a library of the release, from other folders.
func (s *Survey) linksTo(n *native) []string {
	if s.links == nil {
		s.links = map[string][]string{}
		for _, f := range s.rel.Files {
			if f.Link == "" || path.Ext(f.Path) != ".so" {
				continue
			}
			own, ok := s.inRelease(s.real(s.on(f.Path)))
			if ok && path.Dir(own) != path.Dir(f.Path) {
				s.links[own] = append(s.links[own], s.on(f.Path))
			}
		}
	}
	return s.links[n.Path]
}

func (s *Survey) loadAs(n *native, name string, vmWorks bool) {
	var err error
	switch {
	case n.role == executable && !s.brought.starts(n.Path):
		n.process, err = s.session.Load(name)
	case vmWorks && n.role != executable:
		n.process, err = s.carried.Load(s.vm, append(s.preloads(), name)...)
		n.inVM = true
	default:
		n.process, err = s.carried.Load(name)
	}
	n.loaded, n.loadErr = err == nil && n.process.Reason == "", err
}
