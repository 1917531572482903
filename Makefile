# SPDX-License-Identifier: Apache-2.0
# The front door. `make` builds; `make demo` and `make test` do all the set-up on bare Debian 12; `make help` lists the rest.
ifndef BUILD
BUILD := $(shell tool/build_directory)
$(if $(BUILD),,$(error tool/build_directory found no place to build in))
endif
# Seconds for each fuzz target; runs of bench/rto; suites under a sanitizer.
FUZZ_SECONDS ?= 30
RUNS ?= 10
SUITES ?= unit system
SEEDS ?= 1000
SEED ?=
DESTDIR ?=
CLANG ?= clang

.NOTPARALLEL:
.PHONY: all help setup setup-build demo test check unit system torture partition sim walk bless asan tsan clang fuzz bench tidy fmt doc install clean

all: $(BUILD)/build.ninja
	@umask 022 && ninja -C $(BUILD)

help:
	@sed -n 's/^#: //p' Makefile

$(BUILD)/build.ninja: | setup-build
	@umask 022 && meson setup $(BUILD)

setup-build:
	@tool/setup build

setup:
	@tool/setup test

#: make               builds the program, the lab and the tests
#: make demo          two real regions, one is killed, the service goes on and comes home; KEEP=1 leaves it running, REPORT=DIR, STORE=sqlite; SCENARIO=partition (root): one is cut off
demo: setup all
	@BUILD=$(BUILD) lab/demo

#: make test          every suite and tidy; ends with the line "N passed, N failed"
test: setup all
	@tool/test $(BUILD)

#: make check         the quick part of it: unit tests and tidy
check: all
	@tool/test $(BUILD) unit tidy

unit system: all
	@tool/test $(BUILD) $@

#: make torture       random faults on the real lab, the clients' history judges: MINUTES=2 or HOURS=n or ROUNDS=n, SEED, MODE, DIRECT=1, APART=1: links between sites are cut, too (doc/torture.md)
torture: setup all
	@test/torture/torture $(BUILD) $(if $(HOURS),--hours $(HOURS)) $(if $(MINUTES),--minutes $(MINUTES)) $(if $(ROUNDS),--rounds $(ROUNDS)) \
	  $(if $(SEED),--seed $(SEED)) $(if $(MODE),--mode $(MODE)) $(if $(DIRECT),--direct) $(if $(APART),--apart)

#: make partition     as root: every kind of partition on the real lab in network namespaces; part of make test
partition: setup all
	@HOLDFAST_BUILD=$(BUILD) /usr/bin/python3 -m pytest -q -x -p no:cacheprovider test/system/test_partition.py

#: make asan, tsan    SUITES (default: unit and system) under the address and undefined-behaviour sanitizers, under the thread sanitizer
asan: setup
	@[ -f $(BUILD)-asan/build.ninja ] || meson setup $(BUILD)-asan -Db_sanitize=address,undefined -Db_lundef=false
	@umask 022 && ninja -C $(BUILD)-asan
	@tool/test $(BUILD)-asan $(SUITES)

tsan: setup
	@[ -f $(BUILD)-tsan/build.ninja ] || meson setup $(BUILD)-tsan -Db_sanitize=thread -Db_lundef=false
	@umask 022 && ninja -C $(BUILD)-tsan
	@tool/test $(BUILD)-tsan $(SUITES)

#: make clang         the same tree, compiled by clang
clang: setup
	@[ -f build-clang/build.ninja ] || CC=$(CLANG) meson setup build-clang
	@ninja -C build-clang
	@tool/test build-clang unit

#: make fuzz          each decoder for FUZZ_SECONDS (30) from its corpus; TARGETS="config pg_message" for some of them
fuzz: setup
	@tool/fuzz $(FUZZ_SECONDS) $(TARGETS)

#: make tidy          house rules: direction of includes, purity of the core, names, sizes
tidy: all
	@tool/tidy $(BUILD)

#: make bench         every published figure; RUNS: how often the region is killed
bench: setup all
	@BUILD=$(BUILD) bench/rto $(RUNS)
	@meson test -C $(BUILD) --benchmark --verbose

#: make sim           the core on virtual time: SEEDS=1000 for a summary, SEED=42 for one story
sim: $(BUILD)/build.ninja
	@ninja -C $(BUILD) sim/holdfast-sim >/dev/null
	@$(BUILD)/sim/holdfast-sim $(if $(SEED),--seed $(SEED),--seeds $(SEEDS))

#: make walk          each cause of a run and each second fault at each of its steps; CASE=n for one story
walk: $(BUILD)/build.ninja
	@ninja -C $(BUILD) sim/holdfast-walk >/dev/null
	@$(BUILD)/sim/holdfast-walk $(CASE)

#: make bless         writes the stories of test/trace anew: read the difference before you commit it
bless: $(BUILD)/build.ninja
	@ninja -C $(BUILD) test/trace/trace_test >/dev/null
	@$(BUILD)/test/trace/trace_test test/trace --bless

#: make fmt           clang-format over everything
fmt: setup
	@find src include test sim lab fuzz bench -name '*.[ch]' | xargs clang-format -i

#: make doc           the manual pages, those from tables included; `man -l FILE` shows one
doc: all
	@find $(BUILD)/doc/man -maxdepth 1 -name '*.[1-8]' | sort

#: make install       DESTDIR is honoured
install: all
	@DESTDIR=$(DESTDIR) meson install -C $(BUILD) --no-rebuild

#: make clean         removes every build directory
clean:
	rm -rf $(BUILD) $(BUILD)-asan $(BUILD)-tsan build build-*
