# ropeconv: `make demo` and `make test` install what is missing, build and run.
SWIFT ?= swift
BUILD ?= .build
PREFIX ?= /usr/local
# Where `make install` puts a root that is packed, not used: paths are below it.
DESTDIR ?=
CONFIGURATION := release
PACKAGES := libopenblas-dev libarchive-dev libjson-c-dev libdnnl-dev libpcre2-dev
FLAGS := -c $(CONFIGURATION) --scratch-path $(BUILD)
PROGRAM = $(shell $(SWIFT) build $(FLAGS) --show-bin-path)/ropeconv
# What is installed has Swift's runtime inside: it needs no Swift.
INSTALLED := $(BUILD)/installed

.PHONY: all build demo test bench release install uninstall deb format lint packages clean

all: build

# Debian packages; nothing is asked for where they are there already.
packages:
	@Sources/System/install-packages $(PACKAGES)

build: packages
	$(SWIFT) build $(FLAGS) --product ropeconv

demo: build
	@examples/demo/run "$(PROGRAM)"

test: packages
	$(SWIFT) build $(FLAGS) --build-tests
	ROPECONV_PROGRAM="$(PROGRAM)" $(SWIFT) test $(FLAGS) --skip-build --disable-xctest

# BENCH='--only short' and the like; see Tests/Benchmarks/run --help.
bench: build
	$(SWIFT) build $(FLAGS) --product kernel-bench
	@Tests/Benchmarks/run "$(PROGRAM)" $(BENCH)

# The program with Swift's runtime, its completions and manual pages, in $(INSTALLED).
release: packages
	$(SWIFT) build $(FLAGS) --static-swift-stdlib --product ropeconv
	@SWIFT="$(SWIFT)" Sources/System/packaging/stage "$(PROGRAM)" $(INSTALLED) $(BUILD)

install: release
	@Sources/System/packaging/install $(INSTALLED) "$(DESTDIR)$(PREFIX)"

uninstall:
	@Sources/System/packaging/uninstall "$(DESTDIR)$(PREFIX)"

# ropeconv_VERSION_ARCHITECTURE.deb in this folder.
deb: release
	@Sources/System/packaging/deb $(INSTALLED) .

format:
	$(SWIFT) format -i -r Package.swift Sources Tests

lint:
	$(SWIFT) format lint --strict -r Package.swift Sources Tests
	@! LC_ALL=C.UTF-8 grep -rnE --include='*.swift' '.{121}' Package.swift Sources Tests

clean:
	rm -rf $(BUILD)
