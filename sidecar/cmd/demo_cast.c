/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/* Who is in the demo. */

#include "demo.h"

const char *const demo_roles[DEMO_ROLES] = { "owner", "admin", "supervisor",
                                             "agent", "viewer" };

/* +1 ... 555-01xx is set aside for fiction. */
const demo_cast_t demo_cast[DEMO_TENANTS] = {
    {
        "Padaria Sol",
        "padaria.example",
        "100000000000001",
        "200000000000001",
        "+1 202-555-0101",
        { "Sol Almeida", "Caio Prado", "Lia Moura", "Ana Lima", "Davi Reis" },
    },
    {
        "Oficina Norte",
        "oficina.example",
        "100000000000002",
        "200000000000002",
        "+1 202-555-0102",
        { "Norma Couto", "Igor Telles", "Rosa Brito", "Beto Nunes",
          "Eva Pires" },
    },
};
