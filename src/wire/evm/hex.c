/* SPDX-License-Identifier: Apache-2.0
 * The prefix around base/encode.h. */
#include "wire/evm/hex.h"

#include "base/encode.h"
#include "base/text.h"

void evm_hex_put(struct buf *out, struct bytes b)
{
    buf_put_str(out, "0x");
    buf_reserve(out, 2 * b.len + 1);
    hex_encode((char *)out->p + out->len, b);
    out->len += 2 * b.len;
}

struct text evm_hex(struct arena *a, struct bytes b)
{
    char *p = arena_alloc(a, 2 * b.len + 3);
    p[0] = '0';
    p[1] = 'x';
    hex_encode(p + 2, b);
    return (struct text){p, 2 * b.len + 2};
}

struct text evm_hash_text(struct arena *a, const struct hash *h)
{
    return evm_hex(a, (struct bytes){h->b, sizeof h->b});
}

bool evm_hex_read_fixed(uint8_t *out, size_t len, struct text t)
{
    return text_starts(t, "0x") && hex_decode(out, len, (struct text){t.p + 2, t.len - 2});
}

bool evm_hex_read(struct arena *a, struct text t, struct bytes *out)
{
    const size_t len = t.len / 2 > 0 ? t.len / 2 - 1 : 0;
    uint8_t *p = arena_alloc(a, len);
    if (!evm_hex_read_fixed(p, len, t)) {
        return false;
    }
    *out = (struct bytes){p, len};
    return true;
}
