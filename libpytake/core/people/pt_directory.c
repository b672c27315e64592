/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * Lists the tenant's people and its WhatsApp numbers by name and state, for
 * everybody who may see conversations.
 */

#include "core/op/pt_noun.h"
#include "core/op/pt_page.h"


static const pt_noun_t pt_noun_user = { .page = PT_PAGE_USER,
                                        .list = PT_STMT_USER_LIST };

static const pt_noun_t pt_noun_number = { .page = PT_PAGE_NUMBER,
                                          .list = PT_STMT_NUMBER_LIST };

PT_NOUN_LIST(user, PT_PERM_USER_READ);
PT_NOUN_LIST(number, PT_PERM_NUMBER_READ);
