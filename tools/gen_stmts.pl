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

# Scalars say NULL by a pointer to them; the others can by themselves.
my %scalar = (int => 'int32_t', big => 'int64_t', bool => 'bool',
              time => 'int64_t');

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
                     refuses => [], writes => [], sql => '', file => $file };
        } elsif ($line =~ /^-- (params|columns|refuses|writes): (.*?)\s*$/) {
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
    $s->{sql} =~ s/\@(?!patch\()(\w+)/$of->($1)->{sql}/ge;
    if ($s->{kind} eq 'fragment') {
        enum($at, "PT_COL_\U$s->{name}", $s->{columns});
        $fragments{$s->{name}} = $s;
        push @shapes, $s;
        return;
    }

    refusals($at, $s);
    patch($at, $s);
    wrap($at, $s) if @{$s->{writes}};
    bind_params($at, $s);
    enum($at, "PT_COL_\U$s->{name}", $s->{columns});
    push @stmts, $s;
    push @shapes, $s;
}

# "-- refuses: SQLSTATE FIELD CODE" or the SQLSTATE alone, each in a line of its
# own or behind another one.
sub refusals {
    my ($at, $s) = @_;
    my $text = join ' ', @{$s->{refuses}};
    my @refuses;

    while ($text =~ /\G([0-9A-Z]{5})(?: ([a-z]\w*) ([a-z]\w*))?(?: |\z)/gc) {
        die "$at: refuses $1 twice\n" if grep { $_->[0] eq $1 } @refuses;
        push @refuses, [$1, $2, $3];
    }

    die "$at: \"$text\" is no SQLSTATE, with a field and a code or alone\n"
        if (pos($text) // 0) != length $text;
    $s->{refuses} = \@refuses;
}

# "@patch(a, b)" in an UPDATE sets the columns that a PATCH gives: each has a
# parameter for its value, NULL included, and one that says that it was given.
sub patch {
    my ($at, $s) = @_;
    my %type_of = map { $_->{name} => $_->{type} } @{$s->{columns}};

    $s->{sql} =~ s/\@patch\(([\w, \n]+)\)/
        join ",\n    ", map {
            my $t = $type_of{$_} or die "$at: $_ is no column of its\n";
            my $cast = $t eq 'json' ? '::jsonb' : '';
            push @{$s->{params}}, "has_$_:bool", $t =~ m{\]$} ? "$_:$t"
                : $t eq 'json' ? "$_:text?" : "$_:$t?";
            "$_ = CASE WHEN \$has_$_ THEN \$$_$cast ELSE $_ END"
        } split ' ', $1 =~ s{,}{}gr/gex;
}

# A statement that writes a thing and gives its columns: "-- writes: NOUN
# DONE" (created, updated, deleted) puts around it what every such write does,
# in one statement: the thing as JSON, the tenant's next event with that, the
# audit's entry, and the kept answer of an Idempotency-Key.
sub wrap {
    my ($at, $s) = @_;
    my ($noun, $done) = @{$s->{writes}};
    die "$at: writes a noun, created, updated or deleted\n"
        unless @{$s->{writes}} == 2 && $noun =~ /^[a-z_]+$/
            && $done =~ /^(?:created|updated|deleted)$/;

    my @cols = @{$s->{columns}};
    my ($has_id, $has_version) = map { my $n = $_;
        scalar grep { $_->{name} eq $n } @cols } qw(id version);
    my %given = map { (split /:/)[0] => 1 } @{$s->{params}};
    my @auto = qw(now:time event_id:uuid audit_id:uuid user_id:uuid
                  request_id:text changes:text[]);
    push @auto, qw(idem_scope:text? idem_key:text? idem_hash:bytes? path:text)
        if $done eq 'created';

    push @{$s->{params}}, grep { !$given{(split /:/)[0]} } @auto;

    my $names = join ', ', map { $_->{name} } @cols;
    my $object = $has_id ? 'w.id::text' : 'pytake_tenant()::text';
    my $kept = $done ne 'created' ? '' : <<"";
), k AS (
    INSERT INTO idempotency_keys (tenant_id, scope, key, body_hash, status,
        location, response, created_at)
    SELECT h.tenant_id, \$idem_scope, \$idem_key, \$idem_hash, 201,
           \$path || j.object, j.json, \$now
    FROM h, j WHERE \$idem_key IS NOT NULL

    $s->{sql} = "WITH w ($names) AS (\n$s->{sql}\n), j AS (\n"
        . "    SELECT $object AS object, " . ($has_version ? 'w.version' :
            'NULL::int4') . " AS version,\n"
        . as_json(@cols) . " AS json FROM w\n" . <<"";
), h AS (
    UPDATE tenant_event_head SET seq = seq + 1, id = \$event_id
    WHERE tenant_id = pytake_tenant() AND EXISTS (SELECT 1 FROM w)
    RETURNING tenant_id, seq
), a AS (
    INSERT INTO audit_log (tenant_id, id, created_at, user_id, action, object,
        request_id, detail)
    SELECT h.tenant_id, \$audit_id, \$now, \$user_id, '$noun.$done', j.object,
           \$request_id, jsonb_build_object('changes', \$changes)
    FROM h, j
$kept), e AS (
    INSERT INTO event_log (tenant_id, seq, id, created_at, event, frame)
    SELECT h.tenant_id, h.seq, \$event_id, \$now, '${noun}_$done',
           '{"event":"${noun}_$done","data":' || left(j.json, -1)
           || ',"changes":' || array_to_json(\$changes)::text
           || '},"timestamp":"' || pytake_time(\$now)
           || '","conversation_id":null,"seq":' || h.seq
           || ',"id":"' || \$event_id || '"}'
    FROM h, j
    RETURNING seq, frame
)
SELECT e.seq, e.frame, j.object, j.version, j.json FROM e, j

    $s->{columns} = [map { field($at, $_) } qw(seq:big frame:text object:text
                                               version:int? json:text)];
}

# The JSON of a row w, as pt_row_write() has it: "version" is its ETag and no
# member.
sub as_json {
    my @members = map { my ($n, $t) = ($_->{name}, $_->{type});
        my $v = $t eq 'time' ? "to_json(pytake_time(w.$n))::text"
              : $t =~ /\[\]$/ ? "array_to_json(w.$n)::text"
              : $t eq 'json' ? "w.$n\::text" : "to_json(w.$n)::text";
        $v = "coalesce($v, 'null')" if $_->{nullable};
        "\"$n\":' || $v" } grep { $_->{name} ne 'version' } @_;

    return "           '{" . join("\n           || ',", @members)
        . "\n           || '}'";
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
        die "$at: $f->{name}: an array is empty, not NULL\n"
            if $f->{nullable} && $f->{type} =~ /\]$/;
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
        . "#include \"core/base/pt_sql.h\"\n\nenum {\n"
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
            . join('', map { member($_) } @{$s->{params}})
            . "} pt_q_$s->{name}_t;\n"
            . "void pt_q_$s->{name}(pt_sql_t *b, const pt_q_$s->{name}_t *in);\n";
    }

    return "$h\n#endif\n";
}

sub member {
    my ($f) = @_;
    my $decl = sprintf $f->{nullable} && $scalar{$f->{type}}
        ? "const $scalar{$f->{type}} *%s" : $type{$f->{type}}[2], $f->{name};

    return "    $decl;" . ($f->{nullable} ? ' /* may be NULL */' : '') . "\n";
}

sub binder {
    my ($s) = @_;
    my $args = @{$s->{params}} ? ", const pt_q_$s->{name}_t *in" : '';
    my $c = "\nvoid\npt_q_$s->{name}(pt_sql_t *b$args)\n{\n"
        . "    pt_sql_stmt(b, PT_STMT_\U$s->{name}\E);\n";

    for (@{$s->{params}}) {
        $c .= "    assert(in->$_->{name} != NULL);\n"
            if $_->{type} eq 'uuid' && !$_->{nullable};
        my $add = "pt_sql_$type{$_->{type}}[3]";
        $c .= $_->{nullable} && $scalar{$_->{type}}
            ? "    if (in->$_->{name} == NULL) {\n        pt_sql_null(b);\n"
              . "    } else {\n        $add(b, *in->$_->{name});\n    }\n"
            : "    $add(b, in->$_->{name});\n";
    }

    return "$c}\n";
}

sub fields {
    my ($name, $list) = @_;

    return '' unless @$list;

    return "\nstatic const pytake_field_t ${name}\[] = {\n"
        . join('', map { my $t = $_->{type}; my $array = $t =~ s/\[\]$//;
              sprintf "    { \"%s\", PYTAKE_TYPE_%s, %s, %s, %s },\n",
              $_->{name}, uc $t, map { $_ ? 'true' : 'false' } $array,
              $_->{nullable}, $_->{name} eq 'version' } @$list) . "};\n";
}

sub refused {
    my ($name, $list) = @_;
    my $text = sub { defined $_[0] ? "\"$_[0]\"" : 'NULL' };

    return '' unless @$list;

    return "\nstatic const pytake_refusal_t ${name}\[] = {\n"
        . join('', map { '    { ' . join(', ', map { $text->($_) } @$_)
              . " },\n" } @$list) . "};\n";
}

sub table {
    my $c = "/* Generated by tools/gen_stmts.pl. */\n\n"
        . "#include \"pytake.h\"\n#include \"pt_stmt_table.h\"\n\n"
        . "#include <assert.h>\n\n";

    for my $s (@stmts) {
        $c .= fields("pt_params_$s->{name}", $s->{params})
            . fields("pt_columns_$s->{name}", $s->{columns});
        $c .= refused("pt_refuses_$s->{name}", $s->{refuses});
        next unless @{$s->{params}};
        $c .= "\nstatic const uint32_t pt_oids_$s->{name}" . "[] = { "
            . join(', ', map { $type{$_->{type}}[1] } @{$s->{params}})
            . " };\n";
    }

    $c .= "\nconst pytake_stmt_def_t pytake_stmts[] = {\n";
    for my $s (@stmts) {
        my ($np, $nc) = (scalar @{$s->{params}}, scalar @{$s->{columns}});
        $c .= sprintf "    { \"%s\",\n%s,\n      %d, %d, %s, %s, %s, %s, %d"
            . " },\n",
            $s->{name}, c_string($s->{sql}), $np, $nc,
            $np ? "pt_oids_$s->{name}" : 'NULL',
            $np ? "pt_params_$s->{name}" : 'NULL',
            $nc ? "pt_columns_$s->{name}" : 'NULL',
            @{$s->{refuses}} ? "pt_refuses_$s->{name}" : 'NULL',
            scalar @{$s->{refuses}};
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
        refuses => [map { $_->[0] } @{$_->{refuses}}] } } @stmts]);
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
