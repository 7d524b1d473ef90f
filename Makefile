# `make help` lists what can be done here.

GO       ?= go
BIN      ?= bin
# Pinned, so that a new release cannot fail an old commit.
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
ACTIONLINT = github.com/rhysd/actionlint/cmd/actionlint@v1.7.12
FUZZTIME ?= 30s
RUNS     ?= 20
# Where the simulator begins: a seed that an earlier run printed, or any number.
SEED     ?= 1

.DEFAULT_GOAL := build
.PHONY: help build deb image dist install-test manifests demo proxy-demo deps test test-integration switchovers lint portable fuzz conformance ecosystem client-libraries companions proxy-clients proxies seeds mixed screenshots monitoring
.PHONY: jepsen jepsen-compare jepsen-prove jepsen-long sim sim-long sim-stats explore mutants bench-failover bench-planned bench-promote bench-proxy bench-gossip bench bench-short benchmem clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# What `gosentinel -v` says: the tag, or the commit.
VERSION  ?= $(shell sh deploy/version.sh)

build: ## build the daemon and the demo into bin/
	CGO_ENABLED=0 $(GO) build -ldflags "-X github.com/gosentinel/sentinel/internal/node.stamped=$(VERSION)" -o $(BIN)/ ./cmd/...

deb: ## build the Debian package dist/gosentinel_*.deb
	@GO="$(GO)" sh deploy/dist.sh deb

image: ## build an image for containers, dist/gosentinel_*.image.tar, without a daemon
	@GO="$(GO)" sh deploy/dist.sh image

dist: ## build all of a release into dist/release: programs for six systems, packages, images, SBOMs, SHA256SUMS
	@GO="$(GO)" sh deploy/dist.sh all

demo: build ## kill a master and watch three Sentinels replace it (30 s)
	@sh jepsen/install.sh redis-server || echo "demo: going on with the embedded server"
	@$(BIN)/demo $(DEMOFLAGS)

proxy-demo: build ## kill a master and switch back, behind a proxy: its client sees pauses and no error (40 s)
	@sh jepsen/install.sh redis-server || echo "demo: going on with the embedded server"
	@$(BIN)/demo -proxy $(DEMOFLAGS)

deps: ## install what the tests need: redis-server, redis-sentinel, gcc, python3-redis, nft, ip, haproxy, nutcracker
	@sh jepsen/install.sh redis-server redis-sentinel gcc python3-redis nft ip haproxy nutcracker && redis-server --version

# Searches of which the race detector has seen a part: see internal/race.
SEARCHES = ./jepsen/sim ./jepsen/sim/explore

test: ## run every test, with the race detector and real servers (about 13 minutes)
	@sh jepsen/install.sh redis-server redis-sentinel gcc python3-redis nft ip haproxy nutcracker || echo "test: tests that need them will fail"
	$(GO) test -race -timeout 10m ./...
	$(GO) test -timeout 10m $(SEARCHES)

test-integration: ## run only the tests with real daemons and servers
	@sh jepsen/install.sh redis-server redis-sentinel gcc python3-redis nft ip haproxy nutcracker || echo "test: tests that need them will fail"
	$(GO) test -race -timeout 10m -count 1 ./jepsen/...

switchovers: ## strike at every step of a planned switchover with every fault (5 minutes)
	$(GO) test -race -count 1 -timeout 20m -run 'TestSwitchoverSteps|TestStockFinishes' ./jepsen/integration -long

install-test: ## install the Debian package on bare machines with systemd, and run the image under podman (root; 5 minutes)
	@sh jepsen/install.sh redis-server ip debootstrap systemd-nspawn podman
	$(GO) test -count 1 -v -timeout 30m ./jepsen/install -long

# -write renders deploy/kubernetes/gosentinel.yaml anew.
MANIFESTS ?=

manifests: ## judge the Kubernetes manifests with the code of its API server, and run their pods without it (root; 10 minutes)
	@sh jepsen/install.sh ip debootstrap
	$(GO) run $(ACTIONLINT) .github/workflows/*.yml
	cd deploy/kubernetes/check && $(GO) test -count 1 -v -timeout 30m . -args $(MANIFESTS)

# Where gosentinel is built: what a system lacks is an error at the start.
PLATFORMS = linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 freebsd/amd64 freebsd/arm64 windows/amd64

lint: portable ## check format, go vet, staticcheck, and that every platform compiles
	@unformatted=$$(gofmt -l .); if [ -n "$$unformatted" ]; then echo "gofmt -w these files:"; echo "$$unformatted"; exit 1; fi
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...

portable: ## compile the daemon for every platform
	@for p in $(PLATFORMS); do \
		echo "$$p"; CGO_ENABLED=0 GOOS=$${p%/*} GOARCH=$${p#*/} $(GO) build -o /dev/null ./cmd/gosentinel || exit 1; \
	done

fuzz: ## fuzz every target for a while (FUZZTIME=30s each)
	@for package in $$($(GO) list ./...); do \
		for target in $$($(GO) test -list '^Fuzz' $$package | grep '^Fuzz'); do \
			echo "$$package $$target"; \
			run="$(GO) test -run ^$$ -fuzz ^$$target\$$ -fuzztime $(FUZZTIME) $$package"; \
			$$run || { echo "once more: at its end a run can fail by the fuzzer's own deadline, an input that fails does so again"; $$run; } || exit 1; \
		done; \
	done

conformance: ## compare with redis-sentinel at length; writes docs/compatibility.md anew
	@sh jepsen/install.sh redis-server redis-sentinel
	$(GO) test -race -count 1 -timeout 10m ./jepsen/conformance -long -write

# What client libraries need beside Go and npm: Debian's libraries for other languages.
LIBRARIES = redis-server redis-sentinel gcc python3-redis ruby php ruby-redis php-redis php-predis libredis-perl libredis-fast-perl libhiredis-dev ip

ecosystem: ## repeat published guides, client libraries through failovers, and tests of old clients (needs node and npm; 15 minutes)
	@sh jepsen/install.sh $(LIBRARIES) haproxy nutcracker
	$(GO) test -race -count 1 -v -timeout 30m ./jepsen/ecosystem ./jepsen/clients -long

client-libraries: ## measure client libraries through failovers; writes docs/clients.md anew (needs node and npm; 6 minutes)
	@sh jepsen/install.sh $(LIBRARIES)
	$(GO) test -count 1 -v -timeout 30m -run TestClientLibraries ./jepsen/ecosystem -long -write

companions: ## switch masters 50 times behind nutcracker and HAProxy; compare with consul-template (2 minutes)
	@sh jepsen/install.sh haproxy nutcracker
	$(GO) test -race -count 1 -v -timeout 30m -run 'TestStablePorts|TestConsulTemplate' ./agent -long

proxy-clients: ## plain clients behind the proxy while masters go: go-redis, rueidis, redis-py, ioredis, redis-cli (5 minutes; npm for ioredis)
	@sh jepsen/install.sh redis-server python3-redis nft ip
	$(GO) test -race -count 1 -v -timeout 15m -run 'TestProxy' ./jepsen/integration -long

proxies: ## kill the masters of a group that three proxies watch, and the proxies, 100 times (10 minutes)
	@sh jepsen/install.sh redis-server
	$(GO) test -race -count 1 -v -timeout 60m -run '^(TestNeverTwo|TestProxiesOfAGroup)$$' ./standalone ./jepsen/integration -long

seeds: ecosystem ## what ecosystem does, and three proxies on one group
	$(GO) test -race -count 1 -v -timeout 10m -run '^(TestProxiesOfAGroup|TestProxyFailovers)$$' ./jepsen/integration

monitoring: ## compare metrics with redis_exporter, and test the alert rules with promtool (2 minutes)
	@sh jepsen/install.sh redis-server promtool prometheus-redis-exporter
	$(GO) test -race -count 1 -v -run 'TestAlertRules|TestMetricsLint|TestNamesInUse|TestDashboard' ./internal/console
	$(GO) test -race -count 1 -v -timeout 10m -run TestMetricsOfExporter ./jepsen/integration

screenshots: ## have Chromium show the status page in every state, into bin/screenshots, for looking at
	@sh jepsen/install.sh chromium
	$(GO) test -count 1 -v -run TestScreenshots ./internal/console -screenshots $(CURDIR)/$(BIN)/screenshots

mixed: build ## stock and gosentinel in one quorum: failovers, replacement, bursts (12 minutes)
	@sh jepsen/install.sh redis-server redis-sentinel
	$(GO) run ./jepsen/cmd/bench mixed -sentinel $(BIN)/gosentinel

# What `make jepsen` plays: the mixes, and what the Sentinels are.
MIX       ?= every
SENTINELS ?= ours

jepsen: build ## play faults against real processes in networks of their own, and judge (10 minutes; MIX=kill SENTINELS=stock)
	@sh jepsen/install.sh redis-server redis-sentinel nft ip
	$(GO) build -o $(BIN)/ ./jepsen/cmd/jepsen
	$(BIN)/jepsen run -mix $(MIX) -sentinels $(SENTINELS) -seed $(SEED) -runs 0 -duration 10m -out $(BIN)/jepsen-runs

jepsen-compare: build ## play the same scenarios with gosentinel and with redis-sentinel (RUNS=20 each: 3 hours)
	@sh jepsen/install.sh redis-server redis-sentinel nft ip
	$(GO) build -o $(BIN)/ ./jepsen/cmd/jepsen
	$(BIN)/jepsen compare -seed $(SEED) -runs $(RUNS) -out $(BIN)/jepsen-runs

jepsen-prove: build ## build faults into gosentinel, each of which the runs must find (10 minutes)
	@sh jepsen/install.sh redis-server redis-sentinel nft ip
	$(GO) build -o $(BIN)/ ./jepsen/cmd/jepsen
	$(BIN)/jepsen prove -out $(BIN)/jepsen-runs

jepsen-long: build ## the same until Ctrl-C
	@sh jepsen/install.sh redis-server redis-sentinel nft ip
	$(GO) build -o $(BIN)/ ./jepsen/cmd/jepsen
	$(BIN)/jepsen run -mix $(MIX) -sentinels $(SENTINELS) -seed $(SEED) -runs 0 -duration 1000h -out $(BIN)/jepsen-runs

sim: ## simulate every mix of faults for ten minutes on all cores (SEED=1 is the first seed)
	$(GO) run ./jepsen/cmd/sim run -faults every -seeds 0 -duration 10m -seed $(SEED)

sim-long: ## simulate until Ctrl-C (SEED=1 is the first seed)
	$(GO) run ./jepsen/cmd/sim run -faults every -seeds 0 -keep-going -seed $(SEED)

explore: ## visit every state of small elections (about 4 minutes, 5 GB)
	$(GO) run ./jepsen/cmd/sim explore
	$(GO) test -count 1 -timeout 20m ./jepsen/sim/explore -long

mutants: ## put faults into the core; the tests must notice each (about 5 minutes)
	$(GO) run ./jepsen/cmd/sim mutants

sim-stats: ## compare with stock Sentinel in the simulator; writes docs/simulation.md anew
	$(GO) run ./jepsen/cmd/sim stats -seeds 100 -write docs

# What `make bench` measures, such as BENCHROWS=links,idle.
BENCHROWS ?= all

bench: build ## measure what a Sentinel costs beside redis-sentinel; writes docs/benchmarks.md (hours; BENCHROWS=links)
	@sh jepsen/install.sh redis-server redis-sentinel
	$(GO) build -o $(BIN)/ ./jepsen/cmd/bench
	$(BIN)/bench table -rows $(BENCHROWS) -results $(BIN)/bench.json -write docs -sentinel $(BIN)/gosentinel -sentinel redis-sentinel

bench-short: build ## run every row of that once, as short as can be (under 3 minutes)
	@sh jepsen/install.sh redis-server redis-sentinel
	$(GO) build -o $(BIN)/ ./jepsen/cmd/bench
	$(BIN)/bench table -rows $(BENCHROWS) -runs 1 -short -sentinel $(BIN)/gosentinel -sentinel redis-sentinel

benchmem: ## benchmarks of the parts: a step of the core, INFO, hellos, the guard, files (for benchstat)
	$(GO) test -run ^$$ -bench '^Benchmark(Step|ParseInfo|Hello|Read|Render|Parse)$$' -benchmem -count 6 ./monitor ./internal/respguard ./configrewrite

bench-failover: build ## measure failovers of gosentinel and redis-sentinel (RUNS=20 each)
	@sh jepsen/install.sh redis-server redis-sentinel
	$(GO) run ./jepsen/cmd/bench failover -runs $(RUNS) -max-median 150ms -sentinel $(BIN)/gosentinel -sentinel redis-sentinel

bench-planned: build ## measure planned switchovers of gosentinel and redis-sentinel (RUNS=20 each; 3 hours)
	@sh jepsen/install.sh redis-server redis-sentinel
	$(GO) run ./jepsen/cmd/bench planned -runs $(RUNS) -sentinel $(BIN)/gosentinel -sentinel redis-sentinel

bench-promote: build ## try 200 times to have a replica promoted that lacks the data (20 minutes)
	@sh jepsen/install.sh redis-server
	$(GO) run ./jepsen/cmd/bench promote -sentinel $(BIN)/gosentinel

bench-proxy: build ## measure the proxy beside HAProxy, nutcracker and direct connections (RUNS=20 each; 15 minutes)
	@sh jepsen/install.sh redis-server haproxy nutcracker
	$(GO) run ./jepsen/cmd/bench proxy -runs $(RUNS) -sentinel $(BIN)/gosentinel

bench-gossip: build ## measure how fast five gosentinels agree, with gossip and without (50 runs each)
	@sh jepsen/install.sh redis-server
	$(GO) run ./jepsen/cmd/bench agreement -runs 50 -sentinel $(BIN)/gosentinel -max-odown 10ms -max-address 20ms

clean: ## remove what was built
	rm -rf $(BIN) dist
