/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/* The WebSocket codec: the first byte says in which pieces the rest comes.
 * Whatever the pieces, the events are the same. */

#include "pt_fuzz.h"
#include "hub/hub_ws.h"

static uint64_t
run(const uint8_t *data, size_t size, size_t step)
{
    size_t      n, used, i;
    uint8_t    *copy, *p;
    uint64_t    sum;
    hub_ws_t    ws;
    hub_ws_in_t in;

    memset(&ws, 0, sizeof(ws));
    sum = 1;

    for (; size > 0; data += n, size -= n) {
        n = step < size ? step : size;
        copy = malloc(n);
        memcpy(copy, data, n);

        for (p = copy; p < copy + n; p += used) {
            hub_ws_feed(&ws, &pt_fuzz_mem, p, (size_t) (copy + n - p), &used,
                        &in);
            PT_FUZZ_CHECK(used > 0 && used <= (size_t) (copy + n - p));

            if (in.type == HUB_WS_MORE) {
                PT_FUZZ_CHECK(p + used == copy + n);
                continue;
            }

            PT_FUZZ_CHECK(in.data.len <= HUB_WS_MESSAGE_MAX);
            PT_FUZZ_CHECK(
                (in.code == 0)
                == (in.type != HUB_WS_CLOSE && in.type != HUB_WS_ERROR));
            sum = sum * 31 + in.type * 70000u + in.code;

            for (i = 0; i < in.data.len; i++) {
                sum = sum * 31 + (uint8_t) in.data.data[i];
            }
        }

        free(copy);
    }

    hub_ws_free(&ws, &pt_fuzz_mem);

    return sum;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t whole;

    if (size < 2) {
        return 0;
    }

    whole = run(data + 1, size - 1, size);
    PT_FUZZ_CHECK(run(data + 1, size - 1, 1) == whole);
    PT_FUZZ_CHECK(run(data + 1, size - 1, 1 + data[0]) == whole);

    return 0;
}
