package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// profile is where the time of builds went: what dram says itself of its stages.
type profile struct {
	names  []string // in the order of the first line
	stages map[string][]float64
}

var (
	doneLine = regexp.MustCompile(`(?m)^\s*done in \S+ \((.*)\)$`)
	oneStage = regexp.MustCompile(`(\w+) ([0-9.]+)s`)
)

// add takes what dram said of one build, in seconds by stage.
func (p *profile) add(said string) error {
	line := doneLine.FindStringSubmatch(said)
	if line == nil {
		return fmt.Errorf("dram does not say where the time went: %q", said)
	}
	if p.stages == nil {
		p.stages = map[string][]float64{}
	}
	for _, m := range oneStage.FindAllStringSubmatch(line[1], -1) {
		v, err := strconv.ParseFloat(m[2], 64)
		if err != nil {
			return err
		}
		if _, known := p.stages[m[1]]; !known {
			p.names = append(p.names, m[1])
		}
		p.stages[m[1]] = append(p.stages[m[1]], v)
	}
	return nil
}

// text tells the profile of a row beside its floor.
func (p *profile) text(r row) string {
	var parts []string
	rest := median(r.ours)
	for _, name := range p.names {
		v := median(p.stages[name])
		rest -= v
		parts = append(parts, fmt.Sprintf("%s %s", name, seconds.format(v)))
	}
	over := max(0, median(p.stages["build"])-median(r.theirs))
	return fmt.Sprintf("Of the median of %s: %s; reading the source and writing the files, which no stage counts, %s. "+
		"In the build, Mix does what it does alone in %s; staging the source, the sandbox, and looking at what the build left, so that damage is found, "+
		"take the other %s. Bottling is packing what changed, checking the release, and verifying what did not change.",
		seconds.format(median(r.ours)), strings.Join(parts, ", "), seconds.format(max(0, rest)), seconds.format(median(r.theirs)), seconds.format(over))
}
