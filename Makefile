# `make help` lists what can be done here.

GO       ?= go
BIN      ?= bin
# Pinned, so that a new release cannot fail an old commit.
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
FUZZTIME ?= 10s
RUNS     ?= 20

.DEFAULT_GOAL := build
.PHONY: help build demo deps test test-integration lint fuzz conformance bench-failover clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build the daemon and the demo into bin/
	$(GO) build -o $(BIN)/ ./cmd/...

demo: build ## kill a master and watch three Sentinels replace it (30 s)
	@sh jepsen/install.sh redis-server || echo "demo: going on with the embedded server"
	@$(BIN)/demo $(DEMOFLAGS)

deps: ## install what the tests need: redis-server, redis-sentinel, gcc
	@sh jepsen/install.sh redis-server redis-sentinel gcc && redis-server --version

test: ## run every test, with the race detector and real servers (under 10 minutes)
	@sh jepsen/install.sh redis-server redis-sentinel gcc || echo "test: tests that need them will fail"
	$(GO) test -race -timeout 10m ./...

test-integration: ## run only the tests with real daemons and servers
	@sh jepsen/install.sh redis-server redis-sentinel gcc || echo "test: tests that need them will fail"
	$(GO) test -race -timeout 10m -count 1 ./jepsen/...

lint: ## check format, go vet, staticcheck
	@unformatted=$$(gofmt -l .); if [ -n "$$unformatted" ]; then echo "gofmt -w these files:"; echo "$$unformatted"; exit 1; fi
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...

fuzz: ## fuzz every target for a while (FUZZTIME=10s each)
	@for package in $$($(GO) list ./...); do \
		for target in $$($(GO) test -list '^Fuzz' $$package | grep '^Fuzz'); do \
			echo "$$package $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$package || exit 1; \
		done; \
	done

conformance: ## compare with redis-sentinel at length; writes docs/compatibility.md anew
	@sh jepsen/install.sh redis-server redis-sentinel
	$(GO) test -race -count 1 -timeout 10m ./jepsen/conformance -long -write

bench-failover: build ## measure failovers of gosentinel and redis-sentinel (RUNS=20 each)
	@sh jepsen/install.sh redis-server redis-sentinel
	$(GO) run ./jepsen/cmd/failover -runs $(RUNS) -max-median 150ms -sentinel $(BIN)/gosentinel -sentinel redis-sentinel

clean: ## remove what was built
	rm -rf $(BIN)
