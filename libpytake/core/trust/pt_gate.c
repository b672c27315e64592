/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "pt_gate.h"

#include <assert.h>

typedef enum {
    PT_GATE_ACCOUNT = 0,
    PT_GATE_NETWORK,
    PT_GATE_VISITOR,
    PT_GATE_TABLES
} pt_gate_table_t;

struct pt_gate_s {
    uint32_t sets;
    uint64_t tables[]; /* PT_GATE_TABLES of pt_tries_t, one behind another */
};


static pt_tries_t *pt_gate_table(pt_gate_t *g, pt_gate_table_t i);


size_t
pt_gate_size(uint32_t sets)
{
    return sizeof(pt_gate_t) + PT_GATE_TABLES * pt_tries_size(sets);
}


uint32_t
pt_gate_sets(size_t size)
{
    uint32_t sets = PT_TRIES_SETS_MAX;

    while (sets != 0 && pt_gate_size(sets) > size) {
        sets /= 2;
    }

    return sets;
}


pt_gate_t *
pt_gate_init(void *memory, uint32_t sets)
{
    pt_gate_t *g = memory;

    g->sets = sets;
    pt_tries_init(pt_gate_table(g, PT_GATE_ACCOUNT), sets,
                  PT_GATE_ACCOUNT_FREE);
    pt_tries_init(pt_gate_table(g, PT_GATE_NETWORK), sets,
                  PT_GATE_NETWORK_FREE);
    pt_tries_init(pt_gate_table(g, PT_GATE_VISITOR), sets,
                  PT_GATE_VISITOR_FREE);

    return g;
}


int64_t
pt_gate_enter(pt_gate_t *g, const pytake_login_t *who, int64_t now_ms,
              pt_gate_pass_t *pass)
{
    int64_t     wait, other;
    pt_tries_t *account = pt_gate_table(g, PT_GATE_ACCOUNT);
    pt_tries_t *network = pt_gate_table(g, PT_GATE_NETWORK);
    pt_tries_t *visitor = pt_gate_table(g, PT_GATE_VISITOR);

    pass->calm = who->calm;
    pass->quiet =
        who->calm || pt_tries_count(network, who->network, now_ms) == 0;

    if (who->calm) {
        wait = pt_tries_wait(visitor, who->visitor, now_ms);
        if (wait == 0) {
            pt_tries_take(visitor, who->visitor, now_ms, &pass->visitor);
        }
        return wait;
    }

    wait = pt_tries_wait(account, who->account, now_ms);
    other = pt_tries_wait(network, who->network, now_ms);
    if (other > wait) {
        wait = other;
    }

    if (wait == 0) {
        pt_tries_take(account, who->account, now_ms, &pass->account);
        pt_tries_take(network, who->network, now_ms, &pass->network);
    }

    return wait;
}


void
pt_gate_leave(pt_gate_t *g, const pt_gate_pass_t *pass)
{
    if (pass->calm) {
        pt_tries_give_back(pt_gate_table(g, PT_GATE_VISITOR), &pass->visitor);
        return;
    }

    pt_tries_give_back(pt_gate_table(g, PT_GATE_ACCOUNT), &pass->account);
    pt_tries_give_back(pt_gate_table(g, PT_GATE_NETWORK), &pass->network);
}


void
pt_gate_right(pt_gate_t *g, const pytake_login_t *who,
              const pt_gate_pass_t *pass)
{
    pt_gate_leave(g, pass);
    pt_tries_forget(pt_gate_table(g, PT_GATE_VISITOR), who->visitor);
}


static pt_tries_t *
pt_gate_table(pt_gate_t *g, pt_gate_table_t i)
{
    char *p = (char *) g->tables + (size_t) i * pt_tries_size(g->sets);

    assert(i < PT_GATE_TABLES);

    return (pt_tries_t *) (void *) p;
}
