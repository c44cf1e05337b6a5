# A menu; meson does the work. `make demo` and `make check` also do the set-up.
BUILD ?= build
.PHONY: setup build demo check test lint fuzz bench coverage mutation clean

build: $(BUILD)/build.ninja
	@echo "== building into $(BUILD)/"
	@ninja -C $(BUILD) $(if $(QUIET),--quiet)

$(BUILD)/build.ninja:
	@command -v meson >/dev/null || $(MAKE) --no-print-directory setup
	@echo "== configuring"
	@meson setup $(BUILD) $(MESONFLAGS) >/dev/null

setup:
	@tools/setup

demo: setup build
	@examples/demo

check: setup
	@tools/check

test: build
	@tools/in_memory meson test -C $(BUILD) --print-errorlogs

lint:
	@tools/lint

fuzz:
	@tools/fuzz $(FUZZ)

bench: build
	@tools/bench

coverage:
	@tools/coverage

mutation:
	@tools/mutation

clean:
	rm -rf $(BUILD) build-san build-fuzz build-mutation
