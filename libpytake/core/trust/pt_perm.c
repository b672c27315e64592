/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "pt_perm.h"

#include <assert.h>

#define PT_PERM_ROW(id, name, roles) { PT_STR(name), roles },


static uint32_t pt_role_bit(pt_str_t role);


static const struct {
    pt_str_t name;
    uint32_t roles;
} pt_perms[PT_PERM_MAX] = { { PT_STR(""), 0 }, PT_PERM_TABLE(PT_PERM_ROW) };

static const struct {
    pt_str_t name;
    uint32_t bit;
} pt_roles[] = { { PT_STR("owner"), PT_ROLE_OWNER },
                 { PT_STR("admin"), PT_ROLE_ADMIN },
                 { PT_STR("supervisor"), PT_ROLE_SUPERVISOR },
                 { PT_STR("agent"), PT_ROLE_AGENT },
                 { PT_STR("viewer"), PT_ROLE_VIEWER } };


pt_str_t
pt_perm_name(pt_perm_t perm)
{
    assert(perm < PT_PERM_MAX);

    return pt_perms[perm].name;
}


bool
pt_perm_may(pt_str_t role, pt_perm_t perm)
{
    assert(perm < PT_PERM_MAX);

    return (pt_perms[perm].roles & pt_role_bit(role)) != 0;
}


static uint32_t
pt_role_bit(pt_str_t role)
{
    size_t i;

    for (i = 0; i < PT_COUNT(pt_roles); i++) {
        if (pt_str_eq(role, pt_roles[i].name)) {
            return pt_roles[i].bit;
        }
    }

    return PT_ROLE_OTHER;
}
