# interlock: one plain GNU Makefile. `make run` and `make test` are all the set-up there is.
# Variants: V=release (default), dev (quick to build), asan, tsan, fuzz; each has its own folder
# below build/.
V ?= release
B := build/$(V)
FOLDERS := base core policy record port loop store upstream notice server api cli
PKGS := libuv libcurl sqlite3 jansson libfyaml libpcre2-8 libcrypto
PY := /usr/bin/python3

WARN := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
  -Wold-style-definition -Wvla -Walloca -Wformat=2 -Wundef -Wpointer-arith -Wcast-qual \
  -Wwrite-strings -Wimplicit-fallthrough -Wnull-dereference -Wdouble-promotion -Wdate-time
GCC_WARN := -Wlogical-op -Wduplicated-cond -Wduplicated-branches
HARDEN := -O2 -g -fstack-protector-strong -fstack-clash-protection -fcf-protection -U_FORTIFY_SOURCE \
  -D_FORTIFY_SOURCE=3 -ftrivial-auto-var-init=zero -fPIE
CC_release := gcc
CC_dev := gcc
CC_asan := gcc
CC_tsan := gcc
CC_fuzz := clang
FLAGS_release := $(HARDEN) $(GCC_WARN)
FLAGS_dev := -O0 -g $(GCC_WARN)
FLAGS_asan := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer $(GCC_WARN)
FLAGS_tsan := -O1 -g -fsanitize=thread $(GCC_WARN)
FLAGS_fuzz := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
LINK_release := -pie -Wl,-z,relro,-z,now,-z,noexecstack
LINK_fuzz := -fsanitize=fuzzer
CC := $(CC_$(V))
# base (mostly) and the pure layer get plain ISO C: a clock or a file does not compile there.
STD_pure := -std=c17 -pedantic
STD_shell := -std=gnu17 -D_GNU_SOURCE
PURE := base core policy record port api cli
PURE_FILES := server/http_% server/lanes
std = $(if $(or $(filter $(PURE),$(firstword $(subst /, ,$(1)))),$(filter $(PURE_FILES),$(1))),$(STD_pure),$(STD_shell))
CFLAGS_ALL = $(WARN) $(FLAGS_$(V)) $(WERROR) -Isrc $(shell pkg-config --cflags $(PKGS)) -MMD -MP
LIBS = $(shell pkg-config --libs $(PKGS)) -lm -lpthread

comma := ,
SRC := $(foreach d,$(FOLDERS),$(wildcard src/$(d)/*.c))
OBJ := $(SRC:src/%.c=$(B)/obj/%.o)
MAIN := $(patsubst src/%.c,$(B)/obj/%.o,$(wildcard src/*.c))
TESTS := $(patsubst tests/%.c,$(B)/tests/%,$(wildcard tests/unit/test_*.c tests/sim/test_*.c tests/contract/test_*.c tests/torture/test_*.c))
# Ours as a filter, for the tests that compare it with other implementations.
ORACLES := $(patsubst tests/%.c,$(B)/tests/%,$(wildcard tests/oracle/*.c))
FUZZERS := $(patsubst tests/fuzz/%.c,$(B)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
ORACLES := $(patsubst tests/oracle/%.c,$(B)/tests/oracle/%,$(wildcard tests/oracle/*.c))
BENCHES := $(patsubst bench/%.c,$(B)/bench/%,$(wildcard bench/*.c))

all: $(B)/interlock
$(B)/interlock: $(MAIN) $(B)/libinterlock.a
	@echo "  $(V) $@" && $(CC) $(FLAGS_$(V)) $(LINK_$(V)) -o $@ $^ $(LIBS)
$(B)/libinterlock.a: $(OBJ)
	@rm -f $@ && ar rcs $@ $^
$(B)/obj/%.o: src/%.c | Makefile
	@mkdir -p $(@D)
	@echo "  $(V) $@" && $(CC) $(call std,$*) $(CFLAGS_ALL) -c -o $@ $<
$(B)/obj/api/openapi.o: docs/openapi.json
$(B)/tests/%: tests/%.c $(B)/libinterlock.a
	@mkdir -p $(@D)
	@echo "  $(V) $@" && $(CC) $(STD_shell) $(CFLAGS_ALL) -Itests -o $@ $< $(B)/libinterlock.a -lcmocka $(LIBS) \
	  $(if $(filter torture/%_memory,$*),-Wl$(comma)--wrap=malloc$(comma)--wrap=calloc$(comma)--wrap=realloc)
$(B)/fuzz/%: tests/fuzz/%.c $(B)/libinterlock.a
	@mkdir -p $(@D)
	@echo "  $(V) $@" && $(CC) $(STD_shell) $(CFLAGS_ALL) -Itests -fsanitize=fuzzer -o $@ $< $(B)/libinterlock.a $(LIBS)
$(B)/bench/%: bench/%.c $(B)/libinterlock.a
	@mkdir -p $(@D)
	@echo "  $(V) $@" && $(CC) $(STD_shell) $(CFLAGS_ALL) -o $@ $< $(B)/libinterlock.a $(LIBS)
-include $(OBJ:.o=.d) $(MAIN:.o=.d) $(TESTS:=.d) $(ORACLES:=.d) $(FUZZERS:=.d) $(BENCHES:=.d)

tests: $(TESTS) $(ORACLES)
deps: ; @tools/deps
story-reminders: deps ; @$(MAKE) -j$$(nproc) all && exec tools/story-reminders $(TRACE)
story-routing: deps ; @$(MAKE) -j$$(nproc) all && exec tools/story-routing $(TICKETS)
run: deps ; @$(MAKE) -j$$(nproc) all && exec tools/run-demo
test: deps
	@$(MAKE) -j$$(nproc) V=asan WERROR=-Werror all tests && $(MAKE) -j$$(nproc) V=release WERROR=-Werror all
	@tools/run-tests build/asan
lint: deps ; @$(MAKE) all && tools/lint
asan tsan: deps ; @$(MAKE) V=$@ WERROR=-Werror all tests && tools/run-tests build/$@ --c-only
fuzz: deps ; @$(MAKE) V=fuzz fuzzers && tools/run-fuzz
fuzzers: $(FUZZERS)
torture: deps ; @$(MAKE) V=asan all tests && tools/run-torture
bench: deps ; @$(MAKE) all benches && tools/run-bench
benches: $(BENCHES)
install: all
	install -D -m 755 $(B)/interlock $(DESTDIR)$(or $(PREFIX),/usr/local)/bin/interlock
print-flags: ; @echo "$(CFLAGS_ALL)" && echo "$(LIBS)"
clean: ; rm -rf build
# `make story-reminders TRACE=FILE.csv` follows a recorded outage, `make story-routing
# TICKETS=FILE.jsonl` takes tickets of one's own.
.PHONY: all tests deps run story-reminders story-routing test lint asan tsan fuzz fuzzers torture bench benches install clean
