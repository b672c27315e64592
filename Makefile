# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
#
# All compilation.  Out of tree, in $(BUILD); a new source file needs no edit.
#
#   make              release: libpytake.a, pytake, ngx_http_pytake_module.so
#   make asan         the same under ASan and UBSan, in build-asan/
#   make faults       the same with the named fault points, in build-faults/
#   make unit io fuzz test programs, in $(BUILD)/t/
#   make bench        load programs, in $(BUILD)/bench/
#   make check-arrows proves that core is pure, and who knows whom

BUILD  ?= build
CC     ?= cc
CLANG  ?= clang
PERL   ?= perl
NGINX_SRC ?= /usr/share/nginx/src

ifeq ($(origin CC),default)
CC := gcc
endif

# Flags: WARN for all of ours, INC_CORE is all that core may see.

WARN   := -Wall -Wextra -Wshadow -Wconversion -Werror
HARD   := -fstack-protector-strong -D_FORTIFY_SOURCE=2
CORE_V := -std=c11 -O2 -g -fPIC -fvisibility=hidden
SANFLAGS := -fsanitize=address,undefined -fno-sanitize-recover=undefined \
            -fno-omit-frame-pointer
DEPS    = -MMD -MP -MF $@.d

ifdef PYTAKE_FAULTS
DEFS   += -DPYTAKE_FAULTS
endif

ifdef SAN
RELSAN := $(SANFLAGS)
HARD   := -fstack-protector-strong
endif

GEN      := $(BUILD)/gen
INC_CORE := -Ilibpytake -I$(GEN)
PC_CFLAGS := $(shell pkg-config --cflags libpq hiredis libcurl 2>/dev/null)
INC_IO   := $(INC_CORE) -Ilibpytake/io $(PC_CFLAGS)
INC_ALL  := $(INC_IO) -Isidecar -It/unit -It/io

LIBS     := -lpq -lhiredis -lyajl -ljwt -lssl -lcrypto -largon2
LIBS_CORE := -lyajl -ljwt -lcrypto
LIBS_SIDECAR := $(LIBS) -lcurl -lpthread

# Sources.

CORE_SRC := $(sort $(wildcard libpytake/core/*.c libpytake/core/*/*.c))
IO_SRC   := $(sort $(wildcard libpytake/io/*.c))
SIDE_SRC := $(sort $(wildcard sidecar/*.c sidecar/*/*.c))
NGX_SRC  := $(sort $(wildcard ngx_pytake_module.c) $(wildcard ngx/*.c))
HEADERS  := $(sort $(wildcard libpytake/*.h libpytake/core/*/*.h \
              libpytake/io/*.h ngx/*.h))
QUERIES  := $(sort $(wildcard schema/queries/*.sql)) \
            $(if $(PYTAKE_FAULTS),$(sort $(wildcard t/queries/*.sql)))
MIGRATIONS := $(sort $(wildcard schema/migrations/*.sql))
FUNCTIONS := $(sort $(wildcard schema/functions/*.sql))
SCHEMA   := $(firstword $(subst _, ,$(notdir $(lastword $(MIGRATIONS)))))
SIDE_MAIN := $(if $(SIDE_SRC),$(shell grep -l '^main\>' $(SIDE_SRC)))
SIDE_LIB := $(filter-out $(SIDE_MAIN),$(SIDE_SRC))

UNIT_SRC := $(sort $(wildcard t/unit/*/*_test.c t/unit/core/*/*_test.c))
IOT_SRC  := $(sort $(wildcard t/io/*_test.c))
FUZZ_SRC := $(sort $(wildcard t/fuzz/*_fuzz.c))
BENCH_SRC := $(sort $(wildcard t/bench/*.c))

GEN_H    := $(GEN)/pt_stmt_table.h
GEN_C    := $(GEN)/pt_stmt_table.c

rel_o = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
san_o = $(patsubst %.c,$(BUILD)/san/%.o,$(1))
fuz_o = $(patsubst %.c,$(BUILD)/fuz/%.o,$(1))

# The table of statements belongs to no source folder.
REL_GEN  := $(BUILD)/obj/pt_stmt_table.o
REL_MIG  := $(BUILD)/obj/migrations.o
SAN_GEN  := $(BUILD)/san/pt_stmt_table.o
SAN_MIG  := $(BUILD)/san/migrations.o
FUZ_GEN  := $(BUILD)/fuz/pt_stmt_table.o

LIB      := $(BUILD)/libpytake.a
PYTAKE   := $(BUILD)/pytake
DESCRIBE := $(BUILD)/describe
MODULE   := $(BUILD)/ngx_http_pytake_module.so
SAN_CORE := $(BUILD)/libcore-san.a
SAN_LIB  := $(BUILD)/libpytake-san.a
FUZ_LIB  := $(BUILD)/libpytake-fuzz.a

UNIT_BIN := $(patsubst %.c,$(BUILD)/%,$(UNIT_SRC))
IOT_BIN  := $(patsubst %.c,$(BUILD)/%,$(IOT_SRC))
FUZZ_BIN := $(patsubst %.c,$(BUILD)/%,$(FUZZ_SRC))
BENCH_BIN := $(patsubst t/%.c,$(BUILD)/%,$(BENCH_SRC))


.PHONY: all lib pytake module asan faults unit io fuzz bench dates check-arrows clean FORCE
.SUFFIXES:
.DELETE_ON_ERROR:
.SECONDARY:

all: lib pytake module $(DESCRIBE)

lib: $(LIB)

pytake: $(PYTAKE)

module: $(MODULE)

ifeq ($(wildcard ngx_pytake_module.c),)
$(MODULE): FORCE
	@echo "notice: ngx_pytake_module.c is absent, no module is built"
else
$(MODULE): $(NGX_SRC) $(HEADERS) $(LIB) $(BUILD)/nginx/objs/Makefile
	+@$(MAKE) --no-print-directory -C $(BUILD)/nginx -f objs/Makefile \
	    modules CC="$(CC) $(RELSAN) $(DEFS)"
	@cp $(BUILD)/nginx/objs/ngx_http_pytake_module.so $@.new
	@mv $@.new $@
endif

ifeq ($(SIDE_MAIN),)
$(PYTAKE): FORCE
	@echo "notice: sidecar/ has no main, no pytake is built"
else
$(PYTAKE): $(call rel_o,$(SIDE_SRC)) $(REL_MIG) $(LIB) $(BUILD)/list.sidecar
	$(CC) $(RELSAN) -o $@ $(filter %.o %.a,$^) $(LIBS_SIDECAR)
endif

asan:
	+@$(MAKE) --no-print-directory BUILD=build-asan SAN=1 all

faults:
	+@$(MAKE) --no-print-directory BUILD=build-faults PYTAKE_FAULTS=1 all

unit: $(UNIT_BIN)

io: $(IOT_BIN)

dates: $(BUILD)/t/clock.so

fuzz: $(FUZZ_BIN)

bench: $(BENCH_BIN)


# Lists and flags: a file added, removed or a flag changed is a rebuild.

$(BUILD)/list.%: FORCE
	@mkdir -p $(@D)
	@echo '$(LIST.$*)' > $@.new
	@if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

LIST.flags := $(CC) $(DEFS) $(RELSAN) $(CORE_V) $(WARN)
LIST.lib   := $(CORE_SRC) $(IO_SRC)
LIST.ngx   := $(NGX_SRC) $(HEADERS) $(NGINX_SRC)
LIST.queries := $(SCHEMA) $(QUERIES)
LIST.migrations := $(MIGRATIONS) $(FUNCTIONS)
LIST.sidecar := $(SIDE_SRC)


# Generated.

$(GEN)/stamp: tools/gen_stmts.pl $(QUERIES) $(BUILD)/list.queries
	@mkdir -p $(@D)
	$(PERL) tools/gen_stmts.pl $(GEN) $(SCHEMA) $(QUERIES)
	@touch $@

# A file that did not change keeps its time: what includes it is not rebuilt.
$(GEN_H) $(GEN_C): $(GEN)/stamp ; @:

$(GEN)/migrations.c: tools/gen_migrations.pl $(MIGRATIONS) $(FUNCTIONS) \
                     $(BUILD)/list.migrations
	@mkdir -p $(@D)
	$(PERL) tools/gen_migrations.pl $@ $(MIGRATIONS) $(FUNCTIONS)


# Release objects.

$(BUILD)/obj/libpytake/core/%.o: libpytake/core/%.c $(GEN_H) $(BUILD)/list.flags
	@mkdir -p $(@D)
	$(CC) $(CORE_V) $(HARD) $(WARN) $(RELSAN) $(DEFS) $(INC_CORE) $(DEPS) \
	    -c -o $@ $<

$(BUILD)/obj/libpytake/io/%.o: libpytake/io/%.c $(GEN_H) $(BUILD)/list.flags
	@mkdir -p $(@D)
	$(CC) $(CORE_V) -D_GNU_SOURCE $(HARD) $(WARN) $(RELSAN) $(DEFS) \
	    $(INC_IO) $(DEPS) -c -o $@ $<

$(BUILD)/obj/sidecar/%.o: sidecar/%.c $(GEN_H) $(BUILD)/list.flags
	@mkdir -p $(@D)
	$(CC) $(CORE_V) -D_GNU_SOURCE $(HARD) $(WARN) $(RELSAN) $(DEFS) \
	    $(INC_IO) -Isidecar $(DEPS) -c -o $@ $<

$(REL_GEN): $(GEN_C) $(BUILD)/list.flags
	@mkdir -p $(@D)
	$(CC) $(CORE_V) $(HARD) $(WARN) $(RELSAN) $(DEFS) $(INC_CORE) $(DEPS) \
	    -c -o $@ $<

$(REL_MIG): $(GEN)/migrations.c $(BUILD)/list.flags
	@mkdir -p $(@D)
	$(CC) $(CORE_V) $(HARD) $(WARN) $(RELSAN) $(DEFS) -Isidecar $(DEPS) \
	    -c -o $@ $<

$(LIB): $(call rel_o,$(CORE_SRC) $(IO_SRC)) $(REL_GEN) $(BUILD)/list.lib
	@rm -f $@
	$(AR) rcs $@ $(filter %.o,$^)


# What the core declares, as JSON.

$(DESCRIBE): tools/describe.c $(LIB)
	@mkdir -p $(@D)
	$(CC) $(CORE_V) $(WARN) $(RELSAN) $(INC_CORE) -o $@ $< $(LIB) $(LIBS_CORE)


# The module, with Debian's own flags for the packaged nginx (same ABI).

$(BUILD)/nginx/objs/Makefile: config $(NGINX_SRC)/conf_flags $(BUILD)/list.ngx
	@mkdir -p $(BUILD)/nginx
	@ln -sfn $(NGINX_SRC)/auto $(BUILD)/nginx/auto
	@ln -sfn $(NGINX_SRC)/src $(BUILD)/nginx/src
	@ln -sfn $(NGINX_SRC)/configure $(BUILD)/nginx/configure
	@ln -sfn "$(CURDIR)" $(BUILD)/nginx/pytake
	@echo "configuring the module against the packaged nginx"
	@cd $(BUILD)/nginx && PYTAKE_BUILD_DIR=.. bash -c \
	    '. $(NGINX_SRC)/conf_flags && ./configure "$${NGX_CONF_FLAGS[@]}" \
	     --with-cc-opt="-O2 $(HARD)" \
	     --add-dynamic-module=pytake' > configure.log 2>&1 \
	    || { tail -n 3 configure.log; rm -f objs/Makefile; exit 1; }


# Test programs: always ASan and UBSan.  A test of a core file links core
# alone, so it also proves that core stands alone.

TESTFLAGS := -g -O1 -fPIC $(SANFLAGS) -D_GNU_SOURCE

$(BUILD)/san/libpytake/core/%.o: libpytake/core/%.c $(GEN_H) $(BUILD)/list.flags
	@mkdir -p $(@D)
	$(CC) -std=c11 $(WARN) -g -O1 $(SANFLAGS) $(DEFS) $(INC_CORE) $(DEPS) \
	    -c -o $@ $<

$(BUILD)/san/libpytake/io/%.o: libpytake/io/%.c $(GEN_H) $(BUILD)/list.flags
	@mkdir -p $(@D)
	$(CC) -std=c11 $(WARN) $(TESTFLAGS) $(DEFS) $(INC_IO) $(DEPS) -c -o $@ $<

$(BUILD)/san/sidecar/%.o: sidecar/%.c $(GEN_H) $(BUILD)/list.flags
	@mkdir -p $(@D)
	$(CC) -std=c11 $(WARN) $(TESTFLAGS) $(DEFS) $(INC_IO) -Isidecar $(DEPS) \
	    -c -o $@ $<

$(BUILD)/san/t/%.o: t/%.c $(GEN_H) $(BUILD)/list.flags
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -Wall -Wextra -Werror $(TESTFLAGS) $(DEFS) \
	    $(INC_ALL) $(DEPS) -c -o $@ $<

$(SAN_GEN): $(GEN_C) $(BUILD)/list.flags
	@mkdir -p $(@D)
	$(CC) -std=c11 $(WARN) -g -O1 $(SANFLAGS) $(INC_CORE) $(DEPS) -c -o $@ $<

$(SAN_MIG): $(GEN)/migrations.c $(BUILD)/list.flags
	@mkdir -p $(@D)
	$(CC) -std=c11 $(WARN) -g -O1 $(SANFLAGS) -Isidecar $(DEPS) -c -o $@ $<

$(SAN_CORE): $(call san_o,$(CORE_SRC)) $(SAN_GEN) $(BUILD)/list.lib
	@rm -f $@
	$(AR) rcs $@ $(filter %.o,$^)

$(SAN_LIB): $(call san_o,$(CORE_SRC) $(IO_SRC) $(SIDE_LIB)) $(SAN_GEN) \
            $(SAN_MIG) $(BUILD)/list.lib
	@rm -f $@
	$(AR) rcs $@ $(filter %.o,$^)

# The tests of a room that is not core link everything.
$(BUILD)/t/unit/core/%_test: $(BUILD)/san/t/unit/core/%_test.o $(SAN_CORE)
	@mkdir -p $(@D)
	$(CC) $(SANFLAGS) -o $@ $< $(SAN_CORE) $(LIBS_CORE) \
	    $(shell pkg-config --libs check)

$(BUILD)/t/unit/%_test: $(BUILD)/san/t/unit/%_test.o $(SAN_LIB)
	@mkdir -p $(@D)
	$(CC) $(SANFLAGS) -o $@ $< $(SAN_LIB) $(LIBS_SIDECAR) \
	    $(shell pkg-config --libs check)

# The oracle of the WebSocket codec.
$(BUILD)/t/unit/hub/hub_wslay_test: LIBS_SIDECAR += -lwslay

$(BUILD)/t/io/%_test: $(BUILD)/san/t/io/%_test.o $(SAN_LIB)
	@mkdir -p $(@D)
	$(CC) $(SANFLAGS) -o $@ $< $(SAN_LIB) $(LIBS_SIDECAR) \
	    $(shell pkg-config --libs check)


# Fuzz targets.

FUZFLAGS := -std=gnu11 -g -O1 -D_GNU_SOURCE -fno-omit-frame-pointer
FUZ_ON   := -fsanitize=fuzzer-no-link,address,undefined

$(BUILD)/fuz/%.o: %.c $(GEN_H)
	@mkdir -p $(@D)
	$(CLANG) $(FUZFLAGS) $(FUZ_ON) $(INC_ALL) $(DEPS) -c -o $@ $<

$(FUZ_GEN): $(GEN_C)
	@mkdir -p $(@D)
	$(CLANG) $(FUZFLAGS) $(FUZ_ON) $(INC_CORE) $(DEPS) -c -o $@ $<

$(FUZ_LIB): $(call fuz_o,$(CORE_SRC) $(SIDE_LIB) $(IO_SRC)) $(FUZ_GEN)
	@rm -f $@
	$(AR) rcs $@ $^

$(BUILD)/t/fuzz/%_fuzz: $(BUILD)/fuz/t/fuzz/%_fuzz.o $(FUZ_LIB)
	@mkdir -p $(@D)
	$(CLANG) -fsanitize=fuzzer,address,undefined -o $@ $< $(FUZ_LIB) \
	    $(LIBS_SIDECAR)


# The other dates of t/run's suite "dates".

$(BUILD)/t/clock.so: t/lib/clock.c
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -O2 -g $(WARN) -shared -fPIC -o $@ $<


# Load programs of the benches: optimised, as what they measure.

$(BUILD)/bench/%: t/bench/%.c $(LIB)
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -O2 -g -D_GNU_SOURCE $(WARN) $(INC_CORE) -o $@ $< \
	    $(LIB) $(LIBS_CORE)


check-arrows: all
	@$(PERL) tools/check_arrows.pl "$(CC)" "$(INC_CORE)" $(BUILD)

clean:
	rm -rf build build-asan build-faults

# build/old has another commit's, of t/lib/older.py.
-include $(shell find $(BUILD) -path $(BUILD)/old -prune -o -name '*.o.d' -print 2>/dev/null)
