# The commands of cairn. CMake and Ninja do the work; CMakePresets.json says what each build is.

PREFIX ?= /usr/local
PRESETS ?= release debug asan tsan fuzz clang musl
TESTS ?= .
FUZZ_SECONDS ?= 60
BENCH_ARGS ?=

.DEFAULT_GOAL := all
.PHONY: all deps run test bench bench-memory bench-regions asan tsan fuzz format check-format lint install clean help

all: ## build the release into build/release
	@scripts/install-deps --check build
	@scripts/build release product

deps: ## install the Debian packages that building, testing and measuring need
	@scripts/install-deps build test programs bench

run: ## run a real program under glibc's malloc and under cairn, on one screen
	@scripts/install-deps build demo
	@mkdir -p build
	@scripts/build release product >build/run.log 2>&1 || { cat build/run.log; exit 1; }
	@scripts/demo

test: ## run all tests: TESTS=regex and PRESETS="release debug" narrow them
	@scripts/install-deps build test programs
	@scripts/run-tests '$(TESTS)' $(PRESETS)

bench: ## compare with other allocators: BENCH_ARGS are options of bench/run
	@scripts/install-deps build programs bench
	@scripts/build release product workloads
	@bench/run $(BENCH_ARGS)

bench-memory: ## the same of resident memory over time
	@scripts/install-deps build bench
	@scripts/build release product workloads
	@bench/run --memory $(BENCH_ARGS)

bench-regions: ## arenas, pools, caches, maps and arrays against their peers
	@scripts/install-deps build bench
	@scripts/build release product workloads
	@bench/regions/run $(BENCH_ARGS)

asan: ## module and model tests under address and undefined-behaviour sanitizer
	@scripts/install-deps build test
	@scripts/run-tests '$(TESTS)' asan

tsan: ## module and model tests under thread sanitizer
	@scripts/install-deps build test
	@scripts/run-tests '$(TESTS)' tsan

fuzz: ## each fuzz target for FUZZ_SECONDS
	@scripts/install-deps build test
	@scripts/build fuzz
	@scripts/fuzz $(FUZZ_SECONDS)

format: ## format all sources
	@scripts/format

check-format: ## say which sources are not formatted
	@scripts/format --check

lint: ## clang-tidy over all sources
	@scripts/install-deps build test
	@scripts/lint

install: all ## install under DESTDIR and PREFIX
	@cmake --install build/release --prefix '$(PREFIX)'

clean: ## remove all that was built
	@rm -rf build

help: ## show these lines
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' Makefile
