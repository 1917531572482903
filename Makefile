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

unit: all
	@meson test -C $(BUILD) --suite unit --print-errorlogs
clean:
	rm -rf build build-*
fmt:
	@find src include test sim lab fuzz bench -name '*.[ch]' | xargs clang-format -i
