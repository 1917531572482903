# SPDX-License-Identifier: Apache-2.0
# The front door. `make` builds; `make demo` and `make test` do all the set-up on bare Debian 12.
BUILD ?= build
SEEDS ?= 1000
SEED ?=
J ?= $(shell nproc)

.PHONY: all setup demo test check unit system sim asan tsan clang fuzz bench tidy fmt doc install clean

all: $(BUILD)/build.ninja
	@ninja -C $(BUILD)

$(BUILD)/build.ninja:
	@tool/setup build
	@meson setup $(BUILD) --buildtype=debugoptimized

setup:
	@tool/setup test

# Two real regions; one is killed, the service goes on and comes home. KEEP=1 leaves it running; REPORT=DIR.
demo: setup all
	@BUILD=$(BUILD) lab/demo

# Every published figure. RUNS: how often the region is killed.
RUNS ?= 10
bench: setup all
	@BUILD=$(BUILD) bench/rto $(RUNS)

unit: all
	@meson test -C $(BUILD) --suite unit --print-errorlogs
clean:
	rm -rf build build-*
fmt:
	@find src include test sim lab fuzz bench -name '*.[ch]' | xargs clang-format -i
