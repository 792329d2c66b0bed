package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// writer writes modules one after the other and remembers what later ones may
// mention.
type writer struct {
	rand     *rand.Rand
	contract module
	records  []module
	workers  []module
	servers  []module
}

func (w *writer) pick(words []string) string { return words[w.rand.IntN(len(words))] }

// add makes m known to the modules that come after it.
func (w *writer) add(m module) {
	switch m.Kind {
	case contract:
		w.contract = m
	case record:
		w.records = append(w.records, m)
	case worker:
		w.workers = append(w.workers, m)
	case server:
		w.servers = append(w.servers, m)
	case leaf, application:
	}
}

// source is the text of a module.
func (w *writer) source(m module) string {
	switch m.Kind {
	case contract:
		return fill(contractText, "NAME", m.Name)
	case record:
		return w.record(m)
	case worker, leaf:
		return w.functions(m)
	case server:
		return w.server(m)
	case application:
		return fill(applicationText, "NAME", m.Name, "SERVER", w.servers[0].Name)
	}
	panic(fmt.Sprintf("kind %d has no text", m.Kind))
}

func (w *writer) record(m module) string {
	return fill(recordText, "NAME", m.Name, "CONTRACT", w.contract.Name,
		"LIMIT", w.number(10, 5000), "STATE", w.pick(states()), "VAR", snake(m.alias()))
}

// functions writes a worker or a leaf: a few functions over one or two records.
func (w *writer) functions(m module) string {
	subject := w.known(w.records)
	var body strings.Builder
	body.WriteString(fill(headText, "NAME", m.Name, "SUBJECT", subject.Name, "ALIAS", subject.alias(),
		"SEED", w.number(1, 10_000), "REVISION", strings.TrimLeft(revision, " ")))
	order := w.rand.Perm(len(snippets()))
	for i, s := range order[:3+w.rand.IntN(len(order)-3)] {
		body.WriteString("\n" + fill(snippets()[s], "FN", fmt.Sprintf("%s_%d", w.pick(verbs()), i+1),
			"ALIAS", subject.alias(), "VAR", snake(subject.alias()), "LIMIT", w.number(2, 900),
			"FACTOR", w.number(2, 97), "STATE", w.pick(states()), "OTHER", w.pick(states())+"_again"))
	}
	if len(w.workers) > 0 {
		body.WriteString("\n" + fill(callText, "OTHER", w.known(w.workers).Name))
	}
	return body.String() + "end\n"
}

func (w *writer) server(m module) string {
	calls := []string{}
	for range 8 {
		calls = append(calls, "    "+w.known(w.workers).Name)
	}
	slices.Sort(calls)
	return fill(serverText, "NAME", m.Name, "CALLS", strings.Join(slices.Compact(calls), ",\n"))
}

// known draws a module that was written before.
func (w *writer) known(from []module) module { return from[w.rand.IntN(len(from))] }

// number draws from low to high, high not included.
func (w *writer) number(low, high int) string {
	return fmt.Sprint(low + w.rand.IntN(high-low))
}

// fill puts values for the names between angle quotes: «NAME».
func fill(text string, pairs ...string) string {
	for i := 0; i < len(pairs); i += 2 {
		text = strings.ReplaceAll(text, "«"+pairs[i]+"»", pairs[i+1])
	}
	return text
}

// umbrellaMix is the top mix.exs: one release that starts the last application.
func umbrellaMix(last string) string { return fill(umbrellaText, "LAST", last) }

// appMix is the mix.exs of one application, which depends on all before it.
func appMix(before []string, app string, last bool) string {
	deps := "[]"
	if len(before) > 0 {
		deps = "[\n      {:" + strings.Join(before, ", in_umbrella: true},\n      {:") + ", in_umbrella: true}\n    ]"
	}
	mod := ""
	if last {
		mod = fmt.Sprintf(", mod: {%s.Application, []}", camel(app))
	}
	return fill(appText, "APP", app, "CAMEL", camel(app), "DEPS", deps, "MOD", mod)
}
