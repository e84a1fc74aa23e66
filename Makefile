# make        format check, vet, lint, fuzz briefly, test: green before each commit
# make test   the same; .ci/run calls exactly this. Installs what the tests need from Debian when it is missing
# make load   measures the switch and writes build/load.md: about 25 minutes; it gates nothing
# make stores runs the S3 tests on a second server too and writes docs/s3-report.md; the first time it builds MinIO, for some minutes
# make package builds the program, a Debian package, an OCI image and the list of what is linked (CycloneDX) into build/: the same commit gives the same files
# make quick  format, vet and the tests without the race detector, served from the cache where nothing has changed
SHELL := /bin/bash -o pipefail

GO ?= go
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
FUZZTIME ?= 1s

# The race detector in SQLite's translated C costs minutes of building and running, and its races are not ours to find. Only in packages
# that make no copy of a generic the rest uses: the linker keeps one copy, and an unwatched one of sync.Map hides what orders two goroutines.
RACE := -race -gcflags=modernc.org/sqlite/lib=-race=false -gcflags=modernc.org/libc/...=-race=false
UNIT = $$($(GO) list ./... | grep -v '/loadtest')

# What runs without the race detector, which would make minutes of it and find nothing there: tables that play again, line by line, what
# other tests do under it; rules that read the sources; sums of one goroutine (watermarks, guesses against argon2, memory that is weighed).
TABLES := TestMatrix|TestDelegatedMatrix|TestForbiddenMatrix|TestDeskFromAMobile|TestDeskFromASleeper
RULES := TestStyle|TestImports|TestRulesOf[A-Z][a-z]*
SUMS := TestTrace|TestTraceOfMixedCopies|TestTraceOfADomainThatIsGone|TestPINGuesses|TestColleaguesGuess|TestMemoryComesBack|TestStrangersLeaveLittle
PLAIN := ^($(TABLES)|$(RULES)|$(SUMS))$$

# Played under the race detector too, with the seeds of the flag's default.
SIMULATIONS := ^(TestSimulation|TestSimulationOffice|TestSimulationReplays|TestDayOfTheWard)$$

.DEFAULT_GOAL := all
.PHONY: all test quick tools format vet lint vuln fuzz unit phones stores load package

all: test

test: tools format vet lint vuln fuzz unit phones

quick: format vet
	$(GO) test $(UNIT)

tools:
	@loadtest/install.sh

format:
	@bad=$$(gofmt -l .) && if [ -n "$$bad" ]; then echo "not formatted, run gofmt -w:"; echo "$$bad"; exit 1; fi

vet:
	$(GO) vet ./...

lint:
	$(GO) run $(STATICCHECK) ./...

# What is known of the modules that are linked, by govulncheck; it and its database come from the module proxy, each of one version.
vuln:
	@mkdir -p build/vuln
	$(GO) build -o build/vuln/pbx ./cmd/pbx
	$(GO) run ./cmd/pbx/internal/vuln -program build/vuln/pbx

# Every fuzz target for FUZZTIME.
fuzz:
	@GO=$(GO) .ci/fuzz $(FUZZTIME)

# vet has run by then, on the tests too.
unit:
	$(GO) test $(RACE) -vet=off -p 3 -timeout 20m -skip '$(PLAIN)' $(UNIT) # half of the time they wait for time to pass
	$(GO) test -run '$(PLAIN)' ./provisioning/rest ./provisioning/policy
	$(GO) test -run Alloc ./media/... ./recorder/capture # the race detector allocates, so these count without it
	$(GO) test ./recorder/watermark
	$(GO) test -tags pkcs11 ./recorder/seal/hsm # a real token library, by cgo
	$(GO) test -run TestMutated ./provisioning/audit ./recorder/unseal ./recorder/evidence # ten thousand each
	$(GO) test -run '$(PLAIN)|$(SIMULATIONS)' ./cmd/pbx -seeds 2000

# Real phones (baresip, sipp) against the switch, each a process of its own. Not cached: they watch more than Go files.
phones:
	$(GO) test -count=1 -timeout 8m ./loadtest/...

# VERSION is the package's, BUILD the folder where it goes.
VERSION ?= 0.0.0
BUILD ?= build
package:
	CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=false -ldflags="-s -w -buildid=" -o $(BUILD)/pbx ./cmd/pbx
	$(GO) run ./cmd/pbx/internal/pack -program $(BUILD)/pbx -out $(BUILD) -version $(VERSION) -arch $$($(GO) env GOARCH) -date $$(git log -1 --format=%ct)

# The S3 client against each server that its tests know (docs/s3.md). Not part of `make test`, which runs them on the first.
stores:
	@GO=$(GO) .ci/stores

# Set-up time, processor time, rates and memory, on one core; LOAD=-short is a small run to see that it works, LOAD="-only ^delay$$" one section;
# LOAD=-help names them.
load:
	@loadtest/install.sh load
	$(GO) run ./loadtest/report $(LOAD)
