# make help prints what there is.
.DEFAULT_GOAL := help
SHELL := /bin/bash

N ?= 10
FUZZTIME ?= 30s
GO_PACKAGES := ./...
# Packages whose tests need browsers or real media; race and check leave them to test.
HEAVY := $$(go list ./integration/... | grep -v /integration/nat)

.PHONY: help run build install lint check test race js histories integration nat nat-full embed fuzz limits-mutants bench repeat soak

help: ## print this
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: build ## build, start the server and print the address of the call page
	./bin/signal serve

build: ## build bin/signal
	go build -trimpath -o bin/signal ./cmd/signal

install: ## install what the tests need (apt when root, otherwise says what)
	@.ci/install

lint: ## format, vet, staticcheck, types
	@test -z "$$(gofmt -l . | tee /dev/stderr)" || { echo "gofmt: the files above are not formatted"; exit 1; }
	go vet $(GO_PACKAGES)
	go tool staticcheck $(GO_PACKAGES)
	@staticcheck=$$(go tool -n staticcheck) && cd integration/embed && go vet ./... && $$staticcheck ./...
	@if test -d web/node_modules; then cd web && npm run --silent types; else echo "types: left out, make install brings what they need"; fi

check: lint ## the quick loop: lint and short tests
	go test -short $$(go list $(GO_PACKAGES) | grep -v /integration)

race: ## Go tests with the race detector, browser and calls aside
	go test -race -timeout 10m $$(go list $(GO_PACKAGES) | grep -v /integration)

js: ## JavaScript: types and tests
	cd web && npm run --silent types && npm run --silent test

integration: build ## end to end: calls, relay, browser; with the race detector
	go test -race -timeout 15m -count 1 $(HEAVY)

nat: ## calls between homes behind NAT routers, in network namespaces: for root
	go test -race -timeout 15m -count 1 ./integration/nat

nat-full: ## the same with what takes long: every pair over IPv6 too, and nine pairs of browsers
	go test -race -timeout 60m -count 1 -v ./integration/nat -full

embed: ## calls through services on gin, Echo and chi, a module of its own
	cd integration/embed && go test -timeout 10m -count 1 ./...

histories: ## 100,000 random negotiations, and 2,000 calls over connections that fail
	go test -count 1 ./signaling/internal/negotiation
	go test -count 1 -run TestNothingIsLostWhateverFails ./signaling

test: install ## everything: install what is needed, lint, race, JavaScript, calls, browser
	$(MAKE) --no-print-directory lint
	$(MAKE) --no-print-directory histories
	$(MAKE) --no-print-directory race
	$(MAKE) --no-print-directory js
	$(MAKE) --no-print-directory embed
	$(MAKE) --no-print-directory integration
	$(MAKE) --no-print-directory nat

soak: ## what takes long: ten million random negotiations, 50,000 calls over connections that fail, 3,000 more over real sockets
	go test -count 1 -timeout 2h -run Histories ./signaling/internal/negotiation -histories=10000000
	go test -count 1 -timeout 2h -run TestNothingIsLostWhateverFails ./signaling -schedules=50000
	go test -race -count 1 -timeout 2h -run LoseNothing ./integration -robot-schedules=1000 -sdk-schedules=2000

limits-mutants: ## take each limit of web/docs/limits.md away, and see its test fail
	@go run .ci/limits-mutants.go

fuzz: ## fuzz every target for FUZZTIME (30s)
	@.ci/fuzz $(FUZZTIME)

bench: build ## benchmarks, and the figures of a call, printed with the machine beside them
	@.ci/bench

repeat: build ## the integration tests N times (10); stops at the first failure
	@for i in $$(seq $(N)); do echo "== $$i of $(N)"; go test -race -timeout 15m -count 1 $(HEAVY) || exit 1; done
