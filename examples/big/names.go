package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"unicode"
)

// The words that names are made of.
func appWords() []string {
	return strings.Fields("accounts billing catalog delivery events finance gateway history inventory journal " +
		"ledger market notices orders pricing quotes returns shipping tariffs vendors")
}

func subjectWords() []string {
	return strings.Fields("Account Address Basket Batch Booking Budget Carrier Charge Claim Contact Contract Coupon " +
		"Credit Currency Customer Deposit Discount Draft Entry Fee Invoice Item Label Lease Limit Margin Message " +
		"Note Offer Order Parcel Payment Period Permit Plan Policy Price Product Quota Rate Receipt Refund Region " +
		"Report Reserve Route Sale Schedule Shipment Stock Supplier Tax Ticket Token Transfer Unit Visit Voucher")
}

func roleWords(k kind) []string {
	if k == leaf {
		return strings.Fields("Summary Digest Overview Export Statement")
	}
	return strings.Fields("Parser Builder Matcher Planner Checker Counter Filter Grouper Merger Resolver Router Scorer")
}

// appNames are n different names of applications.
func appNames(r *rand.Rand, n int) []string {
	words := appWords()
	r.Shuffle(len(words), func(i, j int) { words[i], words[j] = words[j], words[i] })
	names := make([]string, n)
	for i := range names {
		names[i] = numbered(words[i%len(words)], i/len(words))
	}
	return names
}

// named gives each kind a module with a name of its own inside app.
func (w *writer) named(app string, kinds []kind) []module {
	used := map[string]int{}
	modules := make([]module, len(kinds))
	for i, k := range kinds {
		alias := w.alias(k)
		used[alias]++
		modules[i] = module{App: app, Kind: k, Name: camel(app) + "." + numbered(alias, used[alias]-1)}
	}
	return modules
}

// alias draws a name that suits the kind; it may come twice.
func (w *writer) alias(k kind) string {
	switch k {
	case contract:
		return "Contracted"
	case application:
		return "Application"
	case server:
		return "Server"
	case record:
		return w.pick(subjectWords())
	case worker, leaf:
		return w.pick(subjectWords()) + w.pick(roleWords(k))
	}
	panic(fmt.Sprintf("kind %d has no names", k))
}

// numbered is word for 0 and word2, word3, … from then on.
func numbered(word string, n int) string {
	if n == 0 {
		return word
	}
	return fmt.Sprintf("%s%d", word, n+1)
}

// camel turns "orders" into "Orders".
func camel(word string) string { return strings.ToUpper(word[:1]) + word[1:] }

// snake turns "LedgerParser2" into "ledger_parser2".
func snake(name string) string {
	var b strings.Builder
	for i, c := range name {
		if unicode.IsUpper(c) && i > 0 {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(c))
	}
	return b.String()
}
