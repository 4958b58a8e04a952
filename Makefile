# Every target works again and again, and brings what it needs by itself
# through Go's module proxy. Nothing is installed outside of this folder.

GO      ?= go
export CGO_ENABLED ?= 0
# One set of flags, so that build, tests and linter share what is compiled.
# No debugging tables: they cost a fifth of a first build and are stripped anyway.
export GOFLAGS := -buildvcs=false -trimpath -gcflags=all=-dwarf=false
BIN     := bin/banto
TOOLS   := .tools
LINTER  := golangci-lint
LINTVER := v2.13.1
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.version=$(VERSION)

# SOURCE is the directory that the demonstration backs up; BREAK=1 damages the
# archive on purpose.
SOURCE  ?= .
BREAK   ?=

.PHONY: bench bench-smoke bench-peer crash takeover managers help build demo test race lint cross net wine vm fuzz simulate mutate generate clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## the one binary, bin/banto
	@test -x $(BIN) || echo 'building bin/banto: a minute or two the first time, a second after that'
	@GOGC=400 $(GO) build -ldflags '$(LDFLAGS)' -o $(BIN) ./cmd/banto

demo: build ## a jobnet on real input, end to end (SOURCE=dir, BREAK=1)
	@BANTO_BIN='$(CURDIR)/$(BIN)' SOURCE='$(SOURCE)' BREAK='$(BREAK)' sh scripts/demo.sh

test: ## all tests
	$(GO) test ./...

# Stories of the real binary, which is not built for the race detector, would only
# be run twice.
race: ## all tests under the race detector (needs a C compiler)
	CGO_ENABLED=1 $(GO) test -race $$($(GO) list ./... | grep -vE '/(cmd/banto|scripts/(crash|managers|vm|wine))$$')

lint: $(TOOLS)/$(LINTER)-$(LINTVER) ## formatting, vet, import walls, habits
	@test -z "$$(gofmt -l .)" || { echo 'not formatted (gofmt -w):'; gofmt -l .; exit 1; }
	$(TOOLS)/$(LINTER)-$(LINTVER) run ./...

$(TOOLS)/$(LINTER)-$(LINTVER):
	@mkdir -p $(TOOLS)
	GOBIN='$(CURDIR)/$(TOOLS)' $(GO) install github.com/golangci/golangci-lint/v2/cmd/$(LINTER)@$(LINTVER)
	@mv $(TOOLS)/$(LINTER) $@

cross: ## builds for the other systems
	GOOS=windows GOARCH=amd64 $(GO) build -o /dev/null ./cmd/banto
	GOOS=darwin  GOARCH=arm64 $(GO) build -o /dev/null ./cmd/banto
	GOOS=linux   GOARCH=arm64 $(GO) build -o /dev/null ./cmd/banto

net: ## stories with network namespaces (root, ip, nft, tinyproxy)
	$(GO) test -count 1 -v ./scripts/net

managers: ## stories of several managers and of what befalls their store (needs PostgreSQL; a full disk needs root)
	BANTO_FLOOD=20000 $(GO) test -count 1 -timeout 20m -v ./scripts/managers

wine: ## the Windows agent under Wine: its tests and stories (needs Debian's wine64)
	@mkdir -p bin/windows
	GOOS=windows GOARCH=amd64 $(GO) build -ldflags '$(LDFLAGS)' -o bin/windows/banto.exe ./cmd/banto
	GOOS=windows GOARCH=amd64 $(GO) test -c -o bin/windows/keeper.test.exe ./agent/keeper
	GOOS=windows GOARCH=amd64 $(GO) test -c -o bin/windows/notice.test.exe ./notice
	BANTO_WINE_BINARIES='$(CURDIR)/bin/windows' $(GO) test -count 1 -timeout 4m ./scripts/wine

# VMKERNEL is Debian's package of a kernel, unpacked: .ci/run fetches it, or
#   apt-get download linux-image-VERSION-cloud-amd64 && dpkg-deb -x linux-image-*.deb .tools/vm
VMKERNEL ?= $(CURDIR)/$(TOOLS)/vm
vm: ## stories in a small virtual machine: clock, limits, power cut, a dead file server (needs qemu, busybox, nfs-ganesha, a kernel)
	@mkdir -p bin/vm
	CGO_ENABLED=0 $(GO) build -ldflags '$(LDFLAGS)' -o bin/vm/banto ./cmd/banto
	CGO_ENABLED=0 $(GO) test -c -o bin/vm/keeper.test ./agent/keeper
	BANTO_VM_KERNEL='$(VMKERNEL)' BANTO_VM_BINARIES='$(CURDIR)/bin/vm' $(GO) test -count 1 -timeout 8m -parallel 4 -v -run InMachine ./scripts/vm

ROUNDS ?= 50
JOBS   ?= 5000
crash: ## processes killed at random under JOBS jobs, ROUNDS times, on both stores (half an hour each)
	BANTO_ROUNDS=$(ROUNDS) BANTO_JOBS=$(JOBS) $(GO) test -count 1 -timeout 3h -v -run Crash ./scripts/crash

takeover: ## the active manager killed, stopped and ended under load, ROUNDS times each (needs PostgreSQL)
	BANTO_ROUNDS=$(ROUNDS) $(GO) test -count 1 -timeout 3h -v -run 'TakeOver|HandOver' ./scripts/crash

# ARGS are those of bench/peer/run.py, such as ARGS='--chain 30 --venv DIR'.
PYTHON ?= python3
ARGS   ?=
bench-peer: build ## Apache Airflow beside this, in one run: a quarter of an hour (needs Python 3.10, PostgreSQL, a package registry)
	@$(PYTHON) -B bench/peer/run.py --binary '$(CURDIR)/$(BIN)' $(ARGS)

# NAME=chain,throughput: those rows. STORE=sqlite or postgres: on that alone.
# BENCHFLAGS=-all: as long as the published figures want it.
NAME  ?=
STORE ?= all
bench: build bin/bench ## measures what is published, into bench/RESULTS.md (NAME=row, STORE=sqlite, BENCHFLAGS=-all)
	bin/bench -binary '$(BIN)' -name '$(NAME)' -store '$(STORE)' -o bench/RESULTS.md $(BENCHFLAGS)

bench-smoke: build bin/bench ## ratios in short, under a minute; fails only when something cannot be measured
	bin/bench -binary '$(BIN)' -smoke

.PHONY: bin/bench
bin/bench:
	@$(GO) build -o $@ ./bench

FUZZTIME ?= 20s
fuzz: ## every fuzz target for FUZZTIME each
	@for pkg in $$($(GO) list ./...); do \
	  for f in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
	    echo "== $$pkg $$f"; $(GO) test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) $$pkg || exit 1; \
	  done; done

SEEDS ?= 100000
simulate: ## the engine's simulator and that of whole houses, for SEEDS seeds
	BANTO_SIM_SEEDS=$(SEEDS) $(GO) test -count 1 -timeout 60m -run Simulat ./job/engine/... ./sim

mutate: ## breaks each guard of the promises once, and wants it to be found (MUTATE=few: some)
	BANTO_MUTATE=$(or $(MUTATE),all) $(GO) test -count 1 -timeout 60m -v -run Mutations ./sim

generate: ## rewrites the goldens; read the diff as the specification
	$(GO) test ./job/jobnet/jobyaml ./job/engine/enginetest ./manager/api ./cli ./notice ./scripts -update

clean: ## removes what was built here
	rm -rf bin $(TOOLS)
