/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as varints, times, encodings, numbers and keys: what can be read is written back to
 * the same bytes or the same value. The first byte chooses what the others are. */
#include "base/buf.h"
#include "base/encode.h"
#include "base/i128.h"
#include "base/jsnum.h"
#include "base/map.h"
#include "base/text.h"
#include "base/time.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_bytes(const struct buf *b, const uint8_t *from, const uint8_t *until)
{
    METE_ASSERT(bytes_cmp(buf_bytes(b), (struct bytes){from, (size_t)(until - from)}) == 0);
}

/* Whatever reads without failure is the shortest form, so writing it gives the bytes that were
 * read. */
static void check_reader(struct bytes in)
{
    struct reader r = reader_of(in);
    struct buf b = {0};
    for (unsigned turn = 0; !r.failed && r.p < r.end; turn++) {
        const uint8_t *from = r.p;
        buf_reset(&b);
        switch (turn % 4) {
        case 0:
            buf_put_varint(&b, read_varint(&r));
            break;
        case 1:
            buf_put_varint128(&b, read_varint128(&r));
            break;
        case 2:
            buf_put_zigzag(&b, read_zigzag(&r));
            break;
        default:
            buf_put_sized(&b, read_sized(&r));
            break;
        }
        if (!r.failed) {
            check_bytes(&b, from, r.p);
        }
    }
    METE_ASSERT(r.p == r.end && r.failed != reader_done(&r));
    METE_ASSERT(!r.failed || (read_be64(&r) == 0 && read_varint(&r) == 0));
    buf_clear(&b);
}

static void check_time(struct text in)
{
    mete_time t = -1, again = -1, until = -1;
    int32_t day = -1;
    char out[TIME_TEXT_MAX];
    char day_text[11];
    if (time_parse_date(in, true, &t) == TIME_OK) {
        METE_ASSERT(t >= TIME_MIN && t <= TIME_MAX);
        size_t len = time_format(t, out);
        METE_ASSERT(len < sizeof(out) && time_parse((struct text){out, len}, &again) == TIME_OK);
        METE_ASSERT(again == t);
        time_format_day(time_day(t), day_text);
        METE_ASSERT(time_parse_day(text_of(day_text), &day) && day == time_day(t));
        METE_ASSERT(memcmp(day_text, out, 10) == 0);
    } else {
        METE_ASSERT(t == -1);
    }
    if (time_parse_period(in, &t, &until)) {
        METE_ASSERT(t >= TIME_MIN && t < until && until <= TIME_MAX + 1);
        METE_ASSERT(t % TIME_DAY_US == 0 && until % TIME_DAY_US == 0);
    }
}

/* No two texts decode to the same bytes, but for the case of hex digits. */
static void check_decoders(struct text in)
{
    size_t max = in.len + 1;
    size_t len = 0;
    uint8_t *bytes = malloc(max);
    char *text = malloc(2 * max + 180);
    METE_ASSERT(bytes != NULL && text != NULL);
    if (base64_decode(bytes, max, &len, in)) {
        METE_ASSERT(base64_encode(text, (struct bytes){bytes, len}) == in.len);
        METE_ASSERT(text_is(in, text));
    }
    if (base64url_decode(bytes, max, &len, in)) {
        METE_ASSERT(base64url_encode(text, (struct bytes){bytes, len}) == in.len);
        METE_ASSERT(text_is(in, text));
    }
    if (base58_decode(bytes, max, &len, in)) {
        METE_ASSERT(base58_encode(text, (struct bytes){bytes, len}) == in.len);
        METE_ASSERT(text_is(in, text));
    }
    if (hex_decode(bytes, in.len / 2, in)) {
        hex_encode(text, (struct bytes){bytes, in.len / 2});
        METE_ASSERT(strlen(text) == in.len);
    }
    free(bytes);
    free(text);
}

static void check_encoders(struct bytes in)
{
    size_t len = 0;
    in.len = in.len > 128 ? 128 : in.len;
    uint8_t back[128];
    char text[257];
    hex_encode(text, in);
    METE_ASSERT(hex_decode(back, in.len, text_of(text)));
    METE_ASSERT(bytes_cmp((struct bytes){back, in.len}, in) == 0);
    base64_encode(text, in);
    METE_ASSERT(base64_decode(back, in.len, &len, text_of(text)));
    METE_ASSERT(bytes_cmp((struct bytes){back, len}, in) == 0);
    base64url_encode(text, in);
    METE_ASSERT(base64url_decode(back, in.len, &len, text_of(text)));
    METE_ASSERT(bytes_cmp((struct bytes){back, len}, in) == 0);
    base58_encode(text, in);
    METE_ASSERT(base58_decode(back, in.len, &len, text_of(text)));
    METE_ASSERT(bytes_cmp((struct bytes){back, len}, in) == 0);
}

static size_t skip_digits(struct text t, size_t i)
{
    while (i < t.len && t.p[i] >= '0' && t.p[i] <= '9') {
        i++;
    }
    return i;
}

/* The grammar of RFC 8259 section 6, which jsnum_format may take for granted. */
static bool is_json_number(struct text t)
{
    size_t i = t.len > 0 && t.p[0] == '-';
    size_t start = i;
    i = skip_digits(t, i);
    if (i == start || (t.p[start] == '0' && i > start + 1)) {
        return false;
    }
    if (i < t.len && t.p[i] == '.') {
        start = i + 1;
        i = skip_digits(t, start);
        if (i == start) {
            return false;
        }
    }
    if (i < t.len && (t.p[i] == 'e' || t.p[i] == 'E')) {
        start = i + 1;
        start += start < t.len && (t.p[start] == '-' || t.p[start] == '+');
        i = skip_digits(t, start);
        if (i == start) {
            return false;
        }
    }
    return i == t.len;
}

static void check_number(struct text in)
{
    char once[JSNUM_TEXT_MAX], twice[JSNUM_TEXT_MAX], decimal[I128_TEXT_MAX];
    size_t len = 0;
    if (is_json_number(in) && jsnum_format(in, once, &len) != JSNUM_RANGE) {
        struct text t = {once, len};
        METE_ASSERT(len < JSNUM_TEXT_MAX && once[len] == '\0' && is_json_number(t));
        METE_ASSERT(jsnum_format(t, twice, &len) == JSNUM_EXACT);
        METE_ASSERT(text_is(t, twice));
    }
    u128 v = 0, again = 1;
    if (u128_parse(in, &v)) {
        len = u128_format(v, decimal);
        METE_ASSERT(len <= in.len && u128_parse((struct text){decimal, len}, &again) && again == v);
    }
}

static void check_division(struct bytes in)
{
    struct reader r = reader_of(in);
    u128 a = read_varint128(&r), b = read_varint128(&r), d = read_varint128(&r), rest = 0;
    struct u256 product = u256_mul(a, b);
    if (d <= product.hi) {
        return;
    }
    u128 quotient = u128_mul_div(a, b, d, &rest);
    struct u256 back;
    METE_ASSERT(rest < d);
    METE_ASSERT(u256_add(u256_mul(quotient, d), (struct u256){0, rest}, &back));
    METE_ASSERT(u256_cmp(back, product) == 0);
}

/* Both dictionaries hold the same keys, the list in rising order. */
static void check_maps(const struct map *m, const struct omap *o)
{
    size_t count = 0;
    const struct omap_node *before = NULL;
    for (struct omap_node *n = omap_seek(o, (struct bytes){0}); n != NULL; n = omap_next(n)) {
        METE_ASSERT(before == NULL || bytes_cmp(omap_key(before), omap_key(n)) < 0);
        METE_ASSERT(*(uint64_t *)map_get(m, omap_key(n)) == *(uint64_t *)omap_value(n));
        before = n;
        count++;
    }
    METE_ASSERT(count == o->count);
}

/* A removed key has the value 0 in the map, which cannot remove. */
static void check_dictionaries(struct bytes in)
{
    struct map m;
    struct omap o;
    map_init(&m, sizeof(uint64_t), in.len);
    omap_init(&o, sizeof(uint64_t), in.len);
    struct reader r = reader_of(in);
    for (uint64_t turn = 1; r.p < r.end; turn++) {
        uint8_t op = read_u8(&r);
        struct bytes key = read_bytes(&r, op & 15);
        uint64_t *in_map = map_put(&m, key, NULL);
        if (op < 0xc0) {
            uint64_t *in_list = omap_put(&o, key, NULL);
            METE_ASSERT(*in_map == *in_list);
            *in_map = *in_list = turn;
        } else {
            METE_ASSERT(omap_remove(&o, key) == (*in_map != 0));
            *in_map = 0;
        }
    }
    check_maps(&m, &o);
    map_clear(&m);
    omap_clear(&o);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct bytes in = {data + 1, size - 1};
    struct text t = bytes_text(in);
    switch (data[0] % 7) {
    case 0:
        check_reader(in);
        break;
    case 1:
        check_time(t);
        break;
    case 2:
        check_decoders(t);
        break;
    case 3:
        check_encoders(in);
        break;
    case 4:
        check_number(t);
        break;
    case 5:
        check_division(in);
        break;
    default:
        check_dictionaries(in);
        break;
    }
    return 0;
}
