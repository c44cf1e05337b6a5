/* SPDX-License-Identifier: Apache-2.0
 * The form of a closed destination: a mark that no plain value begins with (no string of JSON text
 * holds a zero byte at the door), the worker's public key, the mask, the box. */
#include "engine/destination.h"

#include "base/text.h"
#include "crypto/seal.h"

#include <string.h>

static const char MARK[] = "\0mete-box-1";
#define MARK_LEN (sizeof MARK - 1)

bool destination_is_at(struct text pointer)
{
    return text_is(pointer, "/payload/destination");
}

static bool is_printable(struct text t)
{
    for (size_t i = 0; i < t.len; i++) {
        if (t.p[i] <= ' ' || t.p[i] > '~') {
            return false;
        }
    }
    return t.len > 0;
}

struct text destination_mask(struct arena *a, struct text destination)
{
    if (!is_printable(destination) || destination.p[0] == '{') {
        return (struct text){0}; /* bank details have no ends to be shown by */
    }
    const char *at = memchr(destination.p, '@', destination.len);
    const size_t name = at != NULL ? (size_t)(at - destination.p) : destination.len;
    const struct text host = {destination.p + name, destination.len - name};
    if (host.len == 0 && name >= 12) { /* an account, an address: its last four say enough */
        return arena_printf(a, "\xe2\x80\xa6%.4s", destination.p + name - 4);
    }
    return arena_printf(a, "%.*s\xe2\x80\xa6%.*s%.*s", name > 0 ? 1 : 0, destination.p,
                        name > 2 ? 1 : 0, destination.p + (name > 2 ? name - 1 : 0), (int)host.len,
                        host.p);
}

void destination_box_put(struct buf *out, const uint8_t public_key[BOX_KEY_LEN],
                         struct bytes destination)
{
    struct arena a;
    uint8_t seed[BOX_KEY_LEN];
    arena_init(&a, 1 << 16);
    random_bytes(seed, sizeof seed);
    buf_put(out, MARK, MARK_LEN);
    buf_put(out, public_key, BOX_KEY_LEN);
    buf_put_sized(out, destination_mask(&a, bytes_text(destination)));
    box_seal(out, public_key, seed, destination);
    secret_wipe(seed, sizeof seed);
    arena_clear(&a);
}

bool destination_box_read(struct bytes value, struct destination_box *out)
{
    if (value.len < MARK_LEN + BOX_KEY_LEN || memcmp(value.p, MARK, MARK_LEN) != 0) {
        return false;
    }
    struct reader r = reader_of(
        (struct bytes){value.p + MARK_LEN + BOX_KEY_LEN, value.len - MARK_LEN - BOX_KEY_LEN});
    out->public_key = (struct bytes){value.p + MARK_LEN, BOX_KEY_LEN};
    out->masked = read_sized(&r);
    out->box = (struct bytes){r.p, (size_t)(r.end - r.p)};
    return !r.failed;
}
