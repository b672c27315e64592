#!/usr/bin/perl
# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
#
# Compiles schema/queries/*.sql into the statement table:
#   gen_stmts.pl OUT_DIR SCHEMA FILE...
# makes OUT_DIR/pt_stmt_table.h and .c (enums, binders, the table) and
# OUT_DIR/statements.json (the same for tests and benches).  A file is written
# only when it changes.  SCHEMA is the number of the newest migration, which
# they are written for.  See schema/queries/README for the format.

use strict;
use warnings;

use JSON::PP ();

# Our name of a type: PostgreSQL's name and number, its member's declaration
# in a parameter's struct, the function of pt_sql.h that adds it.
my %type = (
    uuid => [uuid => 2950, 'const pt_uuid_t *%s', 'uuid'],
    text => [text => 25, 'pt_str_t %s', 'text'],
    bytes => [bytea => 17, 'pt_str_t %s', 'bytes'],
    int => [int4 => 23, 'int32_t %s', 'i32'],
    big => [int8 => 20, 'int64_t %s', 'i64'],
    bool => [bool => 16, 'bool %s', 'bool'],
    time => [timestamptz => 1184, 'int64_t %s', 'time'],
    json => [jsonb => 3802, undef, undef],
    'uuid[]' => ['uuid[]' => 2951, 'pt_uuids_t %s', 'uuids'],
    'text[]' => ['text[]' => 1009, 'pt_texts_t %s', 'texts'],
    'int[]' => ['int4[]' => 1007, 'pt_i32s_t %s', 'i32s'],
    'time[]' => ['timestamptz[]' => 1185, 'pt_times_t %s', 'times'],
);

# Whose NULL a parameter's member can say.
my %can_null = map { $_ => 1 } qw(uuid text bytes);

my ($out, $schema, @files) = @ARGV;
die "usage: gen_stmts.pl OUT_DIR SCHEMA FILE...\n"
    unless @files && $schema =~ /^0*([1-9]\d*)$/;
$schema = $1;

my (@stmts, @shapes, %seen, %fragments, %enums);

for my $file (sort @files) {
    open my $in, '<', $file or die "$file: $!\n";
    my $cur;

    while (my $line = <$in>) {
        if ($line =~ /^-- (name|fragment): (\w+)\s*$/) {
            die "$file:$.: $cur->{name} has no end\n" if $cur;
            die "$file:$.: $2 is there twice\n" if $seen{"$1 $2"}++;
            $cur = { kind => $1, name => $2, params => [], columns => [],
                     refuses => [], sql => '', file => $file };
        } elsif ($line =~ /^-- (params|columns|refuses): (.*?)\s*$/) {
            die "$file:$.: $1 outside a statement\n" unless $cur;
            push @{$cur->{$1}}, split ' ', $2;
        } elsif ($line =~ /^--/ || ($line =~ /^\s*$/ && !$cur)) {
            next;
        } elsif ($cur) {
            $cur->{sql} .= $line;

            if ($line =~ /;\s*$/) {
                $cur->{sql} =~ s/;\s*\z//;
                finish("$file:$.: $cur->{name}", $cur);
                undef $cur;
            }
        } else {
            die "$file:$.: SQL outside a statement\n";
        }
    }

    die "$file: $cur->{name} has no end\n" if $cur;
    close $in;
}

# A statement may name a fragment that stands before it: "@conv" is its
# columns, or its SQL.
sub finish {
    my ($at, $s) = @_;
    my $of = sub { $fragments{$_[0]} or die "$at: no fragment $_[0]\n" };

    @{$s->{columns}} = map { /^\@(\w+)$/ ? @{$of->($1)->{columns}}
                                         : field($at, $_) } @{$s->{columns}};
    $s->{sql} =~ s/\@(\w+)/$of->($1)->{sql}/ge;
    enum($at, "PT_COL_\U$s->{name}", $s->{columns});

    if ($s->{kind} eq 'fragment') {
        $fragments{$s->{name}} = $s;
        push @shapes, $s;
        return;
    }

    die "$at: refuses one SQLSTATE\n"
        if @{$s->{refuses}} > 1 || grep { !/^[0-9A-Z]{5}$/ } @{$s->{refuses}};

    bind_params($at, $s);
    push @stmts, $s;
    push @shapes, $s;
}

# "name:type" or "name:type?", which may be NULL.
sub field {
    my ($at, $text) = @_;

    $text =~ /^([a-z]\w*):(\w+(?:\[\])?)(\??)$/
        or die "$at: \"$text\" is no name:type\n";
    die "$at: unknown type $2\n" unless $type{$2};

    return { name => $1, type => $2, nullable => $3 ne '' };
}

# The parameters are named in the SQL, and numbered in the order of their
# declaration.
sub bind_params {
    my ($at, $s) = @_;
    my (%n, %used);

    for (@{$s->{params}}) {
        my $f = field($at, $_);
        die "$at: $f->{name} is there twice\n" if $n{$f->{name}};
        die "$at: $f->{type} is no parameter's type\n"
            unless $type{$f->{type}}[2];
        die "$at: $f->{name}: a $f->{type} cannot be NULL here\n"
            if $f->{nullable} && !$can_null{$f->{type}};
        $_ = $f;
        $n{$f->{name}} = 1 + keys %n;
    }

    $s->{sql} =~ s/\$(\w+)/
        $n{$1} or die "$at: \$$1 is not declared\n";
        $used{$1} = 1;
        "\$$n{$1}"/gex;

    for (sort keys %n) { die "$at: \$$_ is not used\n" unless $used{$_}; }
}

sub enum {
    my ($at, $prefix, $fields) = @_;

    for my $name (map { "${prefix}_\U$_->{name}" } @$fields) {
        die "$at: $name is another statement's, too\n" if $enums{$name}++;
    }
}

sub c_string {
    my ($sql) = @_;
    my @lines = grep { /\S/ } split /\n/, $sql;

    for (@lines) { s/^\s+//; s/\\/\\\\/g; s/"/\\"/g; }

    return join "\n", map { "        \"$_ \"" } @lines;
}

sub header {
    my $h = "/* Generated by tools/gen_stmts.pl. */\n\n"
        . "#ifndef PT_STMT_TABLE_H\n#define PT_STMT_TABLE_H\n\n"
        . "#include \"pt_sql.h\"\n\nenum {\n"
        . join('', map { "    PT_STMT_\U$_->{name}\E,\n" } @stmts)
        . "    PT_STMT_COUNT\n};\n";

    for my $s (@shapes) {
        next unless @{$s->{columns}};
        $h .= "\nenum {\n"
            . join('', map { "    PT_COL_\U$s->{name}_$_->{name}\E,\n" }
                   @{$s->{columns}})
            . "    PT_COL_\U$s->{name}\E__COUNT\n};\n";
    }

    for my $s (@stmts) {
        if (!@{$s->{params}}) {
            $h .= "\nvoid pt_q_$s->{name}(pt_sql_t *b);\n";
            next;
        }
        $h .= "\ntypedef struct {\n"
            . join('', map { sprintf("    $type{$_->{type}}[2];%s\n",
                   $_->{name}, $_->{nullable} ? ' /* may be NULL */' : '') }
                   @{$s->{params}})
            . "} pt_q_$s->{name}_t;\n"
            . "void pt_q_$s->{name}(pt_sql_t *b, const pt_q_$s->{name}_t *in);\n";
    }

    return "$h\n#endif\n";
}

sub binder {
    my ($s) = @_;
    my $args = @{$s->{params}} ? ", const pt_q_$s->{name}_t *in" : '';
    my $c = "\nvoid\npt_q_$s->{name}(pt_sql_t *b$args)\n{\n"
        . "    pt_sql_stmt(b, PT_STMT_\U$s->{name}\E);\n";

    for (@{$s->{params}}) {
        $c .= "    assert(in->$_->{name} != NULL);\n"
            if $_->{type} eq 'uuid' && !$_->{nullable};
        $c .= "    pt_sql_$type{$_->{type}}[3](b, in->$_->{name});\n";
    }

    return "$c}\n";
}

sub fields {
    my ($name, $list) = @_;

    return '' unless @$list;

    return "\nstatic const pytake_field_t ${name}\[] = {\n"
        . join('', map { my $t = $_->{type}; my $array = $t =~ s/\[\]$//;
              sprintf "    { \"%s\", PYTAKE_TYPE_%s, %s, %s },\n", $_->{name},
              uc $t, $array ? 'true' : 'false',
              $_->{nullable} ? 'true' : 'false' } @$list) . "};\n";
}

sub table {
    my $c = "/* Generated by tools/gen_stmts.pl. */\n\n"
        . "#include \"pytake.h\"\n#include \"pt_stmt_table.h\"\n\n"
        . "#include <assert.h>\n\n";

    for my $s (@stmts) {
        $c .= fields("pt_params_$s->{name}", $s->{params})
            . fields("pt_columns_$s->{name}", $s->{columns});
        next unless @{$s->{params}};
        $c .= "\nstatic const uint32_t pt_oids_$s->{name}" . "[] = { "
            . join(', ', map { $type{$_->{type}}[1] } @{$s->{params}})
            . " };\n";
    }

    $c .= "\nconst pytake_stmt_def_t pytake_stmts[] = {\n";
    for my $s (@stmts) {
        my ($np, $nc) = (scalar @{$s->{params}}, scalar @{$s->{columns}});
        $c .= sprintf "    { \"%s\",\n%s,\n      %d, %d, %s, %s, %s, %s },\n",
            $s->{name}, c_string($s->{sql}), $np, $nc,
            $np ? "pt_oids_$s->{name}" : 'NULL',
            $np ? "pt_params_$s->{name}" : 'NULL',
            $nc ? "pt_columns_$s->{name}" : 'NULL',
            @{$s->{refuses}} ? "\"$s->{refuses}[0]\"" : 'NULL';
    }
    $c .= "};\n\nconst uint16_t pytake_stmts_count = PT_STMT_COUNT;\n"
        . "const int pytake_schema = $schema;\n";

    return $c . join '', map { binder($_) } @stmts;
}

# Types as PostgreSQL names them: a test prepares the statement with them.
sub json {
    my $pg = sub { [map { { name => $_->{name}, type => $type{$_->{type}}[0],
        nullable => $_->{nullable} ? JSON::PP::true : JSON::PP::false } }
        @{$_[0]}] };

    return JSON::PP->new->canonical->pretty->encode([map { {
        name => $_->{name}, file => $_->{file}, sql => $_->{sql},
        params => $pg->($_->{params}), columns => $pg->($_->{columns}),
        refuses => $_->{refuses}[0] } } @stmts]);
}

sub put {
    my ($path, $text) = @_;

    if (open my $old, '<', $path) {
        local $/;
        return if <$old> eq $text;
    }

    open my $new, '>', "$path.new" or die "$path.new: $!\n";
    print $new $text;
    close $new or die "$path.new: $!\n";
    rename "$path.new", $path or die "$path: $!\n";
}

put("$out/pt_stmt_table.h", header());
put("$out/pt_stmt_table.c", table());
put("$out/statements.json", json());
