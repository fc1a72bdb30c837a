# ropeconv: `make demo` and `make test` install what is missing, build and run.
SWIFT ?= swift
BUILD ?= .build
PREFIX ?= /usr/local
CONFIGURATION := release
PACKAGES := libopenblas-dev libarchive-dev libjson-c-dev libdnnl-dev libpcre2-dev
FLAGS := -c $(CONFIGURATION) --scratch-path $(BUILD)
PROGRAM = $(shell $(SWIFT) build $(FLAGS) --show-bin-path)/ropeconv

.PHONY: all build demo test bench install format lint packages clean

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

install: build
	install -d $(PREFIX)/bin $(PREFIX)/share/ropeconv
	install -m 755 "$(PROGRAM)" $(PREFIX)/bin/ropeconv
	cp -r formats/architectures formats/huggingface formats/recognition formats/tokenizers $(PREFIX)/share/ropeconv/

format:
	$(SWIFT) format -i -r Package.swift Sources Tests

lint:
	$(SWIFT) format lint --strict -r Package.swift Sources Tests

clean:
	rm -rf $(BUILD)
