# One command for each habit. CONTRIBUTING.md says when to use which.
GO ?= go
GOLANGCI_LINT_VERSION = v2.15.0
GOFUMPT_VERSION = v0.12.0
DEADCODE_VERSION = v0.49.0
FUZZTIME ?= 20s
TOOLS = $(CURDIR)/bin/$(GOLANGCI_LINT_VERSION)-$(GOFUMPT_VERSION)

.PHONY: build test short lint shape fmt fuzz bench oracle corpus campaign launcher ci

build: ## one static binary: bin/dram
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags='-s -w' -o bin/dram ./cmd/dram

test: ## everything; end-to-end tests use the host's Debian mirror
	GO="$(GO)" .ci/test

short: ## the tests that need neither network nor toolchain
	TMPDIR="$$(.ci/tmpdir)" GOGC=400 $(GO) test -short -p 4 -parallel 8 -ldflags=-w ./internal/... ./cmd/...

lint: $(TOOLS)/golangci-lint $(TOOLS)/gofumpt $(TOOLS)/deadcode
	$(GO) vet ./...
	GOOS=darwin GOARCH=arm64 $(GO) vet ./...
	test -z "$$($(TOOLS)/gofumpt -l . | tee /dev/stderr)"
	$(TOOLS)/golangci-lint run ./...
	test -z "$$($(TOOLS)/deadcode -test ./... | tee /dev/stderr)"
	test -z "$$($(TOOLS)/deadcode ./... | grep -Ev '^(internal/[^:]*test|test)/' | tee /dev/stderr)" # what tests alone use is theirs

shape: ## how long, wide and documented the code is, and that imports point down
	$(GO) run ./internal/shape

fmt: $(TOOLS)/gofumpt
	$(TOOLS)/gofumpt -w .

$(TOOLS)/golangci-lint:
	GOBIN=$(TOOLS) $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT_VERSION)

$(TOOLS)/deadcode:
	GOBIN=$(TOOLS) $(GO) install golang.org/x/tools/cmd/deadcode@$(DEADCODE_VERSION)

$(TOOLS)/gofumpt:
	GOBIN=$(TOOLS) $(GO) install mvdan.cc/gofumpt@$(GOFUMPT_VERSION)

fuzz: ## every fuzz target, FUZZTIME each
	GO="$(GO)" FUZZTIME=$(FUZZTIME) .ci/fuzz

bench: ## the benchmark suite; writes docs/benchmarks.md
	$(GO) run ./bench -write docs/benchmarks.md

oracle: ## dram check against what machines do, all of it; writes the tables of docs/check.md
	DRAM_ORACLE=1 $(GO) test -count=1 -timeout 60m -v ./test/oracle -update

corpus: ## plans of public projects against what these need: DIR has their checkouts, each as OWNER+NAME
	DRAM_CORPUS=$(abspath $(DIR)) $(GO) test -count=1 -v -run '^TestCorpus$$' ./test/corpus

# What CI tries a sample of, one line a campaign: PACKAGE TESTS.
campaign: export DRAM_CAMPAIGN = 1
campaign: ## killing, cutting the power, pruning, damaging and editing, many times over; hours
	$(GO) test -count=1 -timeout 30m -v -run '^(TestPowerCut|TestHundredBuildsBesidePrune)$$' ./internal/store
	$(GO) test -count=1 -timeout 4h -v -run '^(TestKilledAtAnyMoment|TestKilledWhileBottling|TestBuildsBesidePrune|TestTenBuildsAtOnce|TestCacheDamage|TestIncrementalIsFresh|TestDockerIncrementalIsFresh|TestHistoryLeavesNothing|TestPackagesComeOntoImages|TestErlangFromSource|TestForAPlace|TestPortableExecutable|TestCheckKnowsStarts|TestCheckKnowsNIFs|TestRebaseOntoTheSame|TestElixirFromSource|TestAssetsByNPM|TestCosignVerifies|TestPlatforms|TestRehearsal|TestInspectInABrowser|TestInitForAnUmbrella|TestMatrixOutlivesABuilder|TestErlangMkExample)$$' ./test/e2e

launcher: ## the launchers of portable releases, the init and the launchers of images, by the compilers of Debian 12
	for program in launcher runner ../../entrypoint/program/init ../../tool/mix/launcher/mix; do \
	  sh internal/portable/launcher/compile.sh x86_64-linux-gnu-gcc-12 $$program.c $$program-amd64 && \
	  sh internal/portable/launcher/compile.sh aarch64-linux-gnu-gcc-12 $$program.c $$program-arm64 || exit 1; \
	done

ci:
	.ci/run
