/* SPDX-License-Identifier: Apache-2.0
 * Files with keys are replaced as a whole: a new one is written beside the old one and takes its
 * name, so that a crash leaves either. A secret is never lost before nothing is sealed to it. */
#include "engine/payout_keys.h"

#include "engine/destination.h"
#include "engine/internal.h"
#include "engine/payout_destination.h"
#include "engine/sealed.h"
#include "rails/secret_file.h"

#include "base/encode.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_MAX   4096u
#define LINE_LEN   (sizeof SECRET_LINE - 1 + 2 * BOX_KEY_LEN + 1)
#define PATH_LEN   4096
#define BOX_PREFIX "box:"

static const char SECRET_LINE[] = "payout-secret ";
static const char HEADER[] =
    "# mete payout keys, newest first: open the destinations of payouts. For the "
    "worker alone;\n# older ones open what was sealed before. Show it to nobody.\n";

struct payout_keys {
    struct guarded *secrets; /* BOX_KEY_LEN each */
    uint8_t public_key[PAYOUT_KEYS_MAX][BOX_KEY_LEN];
    size_t count;
};

/* --- files -------------------------------------------------------------------------------------*/

static enum mete_code file_read(struct secret_file *out, const char *path, struct mete_err *err)
{
    enum mete_code code = secret_file_read(out, path, FILE_MAX, err);
    if (code == METE_USAGE) {
        err->code = code = METE_SEAL_KEY;
    }
    return code;
}

/** Takes the name of `path` whatever stands there; 0 or errno. */
static int file_replace(const char *path, const void *all, size_t len)
{
    char partial[PATH_LEN];
    int n = snprintf(partial, sizeof partial, "%s.partial-%ld", path, (long)getpid());
    if (n < 0 || (size_t)n >= sizeof partial) {
        return ENAMETOOLONG;
    }
    (void)unlink(partial);
    int fd = open(partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return errno;
    }
    ssize_t put = write(fd, all, len);
    int why = put == (ssize_t)len && fsync(fd) == 0 ? 0 : put < 0 ? errno : EIO;
    why = close(fd) != 0 && why == 0 ? errno : why;
    why = why == 0 && rename(partial, path) != 0 ? errno : why;
    (void)unlink(partial);
    return why == 0 ? key_file_keep(path) : why;
}

/* --- reading -----------------------------------------------------------------------------------*/

static void secrets_take(struct payout_keys *k, const char *text, uint8_t *secrets)
{
    const size_t mark = sizeof SECRET_LINE - 1;
    for (const char *at = text; at != NULL && k->count < PAYOUT_KEYS_MAX;) {
        uint8_t *secret = secrets + k->count * BOX_KEY_LEN;
        if (strncmp(at, SECRET_LINE, mark) == 0 && strlen(at) >= mark + 2 * BOX_KEY_LEN &&
            hex_decode(secret, BOX_KEY_LEN, (struct text){at + mark, 2 * BOX_KEY_LEN})) {
            box_public(k->public_key[k->count++], secret);
        }
        at = strchr(at, '\n');
        at = at != NULL ? at + 1 : NULL;
    }
}

enum mete_code payout_keys_read(struct payout_keys **out, const char *path, struct mete_err *err)
{
    struct secret_file file;
    enum mete_code code = file_read(&file, path, err);
    *out = NULL;
    if (code == METE_OK) {
        struct payout_keys *k = calloc(1, sizeof *k);
        METE_ASSERT(k != NULL);
        k->secrets = guarded_new((size_t)PAYOUT_KEYS_MAX * BOX_KEY_LEN);
        secrets_take(k, file.text, guarded_open(k->secrets));
        guarded_shut(k->secrets);
        *out = k;
        if (k->count == 0) {
            payout_keys_free(k);
            *out = NULL;
            code = mete_fail(err, METE_SEAL_KEY, "", "%s holds no payout keys of mete", path);
        }
    }
    secret_file_clear(&file);
    return code;
}

void payout_keys_free(struct payout_keys *k)
{
    if (k != NULL) {
        guarded_free(k->secrets);
        free(k);
    }
}

size_t payout_keys_count(const struct payout_keys *k)
{
    return k->count;
}

void payout_keys_public(const struct payout_keys *k, uint8_t out[BOX_KEY_LEN])
{
    memcpy(out, k->public_key[0], BOX_KEY_LEN);
}

/* --- opening -----------------------------------------------------------------------------------*/

static enum mete_code box_take(struct payout_keys *k, struct bytes public_key, struct bytes box,
                               struct buf *out, struct mete_err *err)
{
    for (size_t i = 0; k != NULL && i < k->count; i++) {
        if (memcmp(k->public_key[i], public_key.p, BOX_KEY_LEN) == 0) {
            const uint8_t *secrets = guarded_open(k->secrets);
            bool opened = box_open(out, secrets + i * BOX_KEY_LEN, box);
            guarded_shut(k->secrets);
            return opened ? METE_OK
                          : mete_fail(err, METE_SEAL_KEY, "", "a sealed destination is damaged");
        }
    }
    char hex[2 * BOX_KEY_LEN + 1];
    hex_encode(hex, public_key);
    return mete_fail(err, METE_SEAL_KEY, "",
                     "the destination is sealed to the payout key %.16s..., which is not in the "
                     "worker's key file",
                     hex);
}

enum mete_code payout_keys_open(struct payout_keys *k, struct text sealed, struct arena *a,
                                struct text *out, struct mete_err *err)
{
    const size_t mark = sizeof BOX_PREFIX - 1;
    uint8_t public_key[BOX_KEY_LEN];
    *out = sealed;
    if (!text_starts(sealed, BOX_PREFIX) || sealed.len < mark + 2 * BOX_KEY_LEN + 1 ||
        !hex_decode(public_key, sizeof public_key,
                    (struct text){sealed.p + mark, 2 * BOX_KEY_LEN})) {
        return METE_OK;
    }
    struct text coded = {sealed.p + mark + 2 * BOX_KEY_LEN + 1,
                         sealed.len - mark - 2 * BOX_KEY_LEN - 1};
    uint8_t *box = arena_alloc(a, coded.len + 1);
    struct buf plain = {0};
    size_t len = 0;
    enum mete_code code =
        base64_decode(box, coded.len, &len, coded)
            ? box_take(k, (struct bytes){public_key, sizeof public_key}, (struct bytes){box, len},
                       &plain, err)
            : mete_fail(err, METE_SEAL_KEY, "", "a sealed destination is damaged");
    *out = code == METE_OK ? arena_text(a, buf_text(&plain)) : (struct text){0};
    secret_wipe(plain.p, plain.cap);
    buf_clear(&plain);
    return code;
}

struct text destination_box_text(struct arena *a, const struct destination_box *b)
{
    char hex[2 * BOX_KEY_LEN + 1];
    char *coded = arena_alloc(a, b->box.len * 4 / 3 + 5);
    hex_encode(hex, b->public_key);
    size_t len = base64_encode(coded, b->box);
    return arena_printf(a, BOX_PREFIX "%s:%.*s", hex, (int)len, coded);
}

/* --- making ------------------------------------------------------------------------------------*/

/** The new secret's line in front of those that there are. */
static size_t lines_write(char *to, const struct payout_keys *old, uint8_t secret[BOX_KEY_LEN])
{
    size_t at = sizeof HEADER - 1;
    memcpy(to, HEADER, at);
    size_t count = old != NULL ? old->count : 0;
    count = count < PAYOUT_KEYS_MAX ? count : PAYOUT_KEYS_MAX - 1;
    const uint8_t *secrets = old != NULL ? guarded_open(old->secrets) : NULL;
    for (size_t i = 0; i <= count; i++) {
        const uint8_t *one = i == 0 ? secret : secrets + (i - 1) * BOX_KEY_LEN;
        memcpy(to + at, SECRET_LINE, sizeof SECRET_LINE - 1);
        at += sizeof SECRET_LINE - 1;
        hex_encode(to + at, (struct bytes){one, BOX_KEY_LEN});
        at += 2 * BOX_KEY_LEN;
        to[at++] = '\n';
    }
    if (old != NULL) {
        guarded_shut(old->secrets);
    }
    return at;
}

enum mete_code payout_keys_add(const char *path, uint8_t public_key[BOX_KEY_LEN],
                               struct mete_err *err)
{
    struct payout_keys *old = NULL;
    enum mete_code code = payout_keys_read(&old, path, err);
    if (code != METE_OK && code != METE_NOT_FOUND) {
        return code;
    }
    struct guarded *secret = guarded_new(BOX_KEY_LEN);
    struct guarded *text = guarded_new(sizeof HEADER + PAYOUT_KEYS_MAX * LINE_LEN + 1);
    uint8_t *fresh = guarded_open(secret);
    char *to = (char *)guarded_open(text);
    random_bytes(fresh, BOX_KEY_LEN);
    box_public(public_key, fresh);
    int why = file_replace(path, to, lines_write(to, old, fresh));
    guarded_free(secret);
    guarded_free(text);
    payout_keys_free(old);
    return why == 0 ? METE_OK
                    : mete_fail(err, METE_FILE, "", "cannot write the payout keys %s: %s", path,
                                strerror(why));
}

enum mete_code payout_key_announce(const char *key_file, const uint8_t public_key[BOX_KEY_LEN],
                                   struct mete_err *err)
{
    struct secret_file file;
    struct guarded *made = guarded_new(FILE_MAX + LINE_LEN + 1);
    enum mete_code code = file_read(&file, key_file, err);
    if (code == METE_OK) {
        char hex[2 * BOX_KEY_LEN + 1];
        const char *from = file.text;
        char *to = (char *)guarded_open(made);
        const char *was = strstr(from, "\n" KEY_FILE_PAYOUT);
        const char *end = was != NULL ? strchr(was + 1, '\n') : NULL;
        size_t head = was != NULL ? (size_t)(was + 1 - from) : strlen(from);
        const char *tail = was == NULL ? "" : end != NULL ? end + 1 : "";
        memcpy(to, from, head);
        hex_encode(hex, (struct bytes){public_key, BOX_KEY_LEN});
        int n = snprintf(to + head, FILE_MAX + LINE_LEN + 1 - head, KEY_FILE_PAYOUT "%s\n%s", hex,
                         tail);
        int why =
            head + (size_t)n < KEY_FILE_MAX ? file_replace(key_file, to, head + (size_t)n) : EFBIG;
        code = why == 0 ? METE_OK
                        : mete_fail(err, METE_FILE, "", "cannot write the key file %s: %s",
                                    key_file, strerror(why));
    }
    secret_file_clear(&file);
    guarded_free(made);
    return code;
}

/* --- sealing anew ------------------------------------------------------------------------------*/

struct reseal {
    struct engine *e;
    struct payout_keys *keys;
    struct arena *a;
    struct text *party; /* whose destinations are sealed otherwise */
    size_t parties, party_cap;
    struct sealed_value *value; /* of one party, all of them */
    size_t values, value_cap;
    uint64_t count, left;
    enum mete_code code;
    struct mete_err *err;
};

/** The plain destination: *known false when it is sealed to a key that is not here. */
static bool plain_of(struct reseal *r, const struct sealed_value *v, struct buf *out, bool *current)
{
    struct destination_box b;
    struct buf all = {0};
    struct mete_err unused;
    bool known = false;
    *current = false;
    if (sealed_open(r->e, v, &all)) {
        const struct bytes value = {all.p + SALT_LEN, all.len - SALT_LEN};
        known = true;
        buf_put(out, all.p, SALT_LEN);
        if (!destination_box_read(value, &b)) {
            buf_put(out, value.p, value.len);
        } else if (memcmp(b.public_key.p, r->e->payout_key, BOX_KEY_LEN) == 0) {
            *current = true;
        } else {
            known = box_take(r->keys, b.public_key, b.box, out, &unused) == METE_OK;
        }
    }
    secret_wipe(all.p, all.cap);
    buf_clear(&all);
    return known;
}

static bool party_is_noted(const struct reseal *r, struct text party)
{
    for (size_t i = r->parties; i > 0; i--) {
        if (text_eq(r->party[i - 1], party)) {
            return true;
        }
    }
    return false;
}

static bool party_note(void *arg, const struct sealed_value *v)
{
    struct reseal *r = arg;
    struct buf plain = {0};
    bool current = false;
    if (!destination_is_at(v->pointer) || v->party.len == 0) {
        return true;
    }
    bool known = plain_of(r, v, &plain, &current);
    secret_wipe(plain.p, plain.cap);
    buf_clear(&plain);
    r->left += !known;
    if (known && !current && !party_is_noted(r, v->party)) {
        if (r->parties == r->party_cap) {
            r->party_cap = r->party_cap == 0 ? 64 : 2 * r->party_cap;
            r->party = realloc(r->party, r->party_cap * sizeof *r->party);
            METE_ASSERT(r->party != NULL);
        }
        r->party[r->parties++] = arena_text(r->a, v->party);
    }
    return true;
}

static bool value_keep(void *arg, const struct sealed_value *v)
{
    struct reseal *r = arg;
    if (r->values == r->value_cap) {
        r->value_cap = r->value_cap == 0 ? 16 : 2 * r->value_cap;
        r->value = realloc(r->value, r->value_cap * sizeof *r->value);
        METE_ASSERT(r->value != NULL);
    }
    struct sealed_value *kept = &r->value[r->values++];
    *kept = *v;
    kept->pointer = arena_text(r->a, v->pointer);
    kept->party = arena_text(r->a, v->party);
    kept->sealed = text_bytes(arena_text(r->a, bytes_text(v->sealed)));
    return true;
}

/** The value as it is to lie there from now on; its own when nothing is to be done. */
static struct bytes sealed_anew(struct reseal *r, const struct sealed_value *v)
{
    struct buf plain = {0};
    struct buf boxed = {0};
    struct buf out = {0};
    struct bytes sealed = v->sealed;
    bool current = false;
    if (destination_is_at(v->pointer) && plain_of(r, v, &plain, &current) && !current) {
        buf_put(&boxed, plain.p, SALT_LEN);
        destination_box_put(&boxed, r->e->payout_key,
                            (struct bytes){plain.p + SALT_LEN, plain.len - SALT_LEN});
        sealed_close(r->e, v->seq, v->pointer, buf_bytes(&boxed), &out);
        sealed = text_bytes(arena_text(r->a, buf_text(&out)));
        r->count++;
    }
    secret_wipe(plain.p, plain.cap);
    buf_clear(&plain);
    buf_clear(&boxed);
    buf_clear(&out);
    return sealed;
}

/** Values are erased by party, so all of a party's go and come back. */
static enum store_result party_reseal(struct reseal *r, struct text party)
{
    uint64_t gone;
    r->values = 0;
    enum store_result s = book_seals(r->e->book, 0, party, value_keep, r, r->err);
    if (s == STORE_FAILED || book_seal_erase(r->e->book, party, &gone, r->err) == STORE_FAILED) {
        return STORE_FAILED;
    }
    for (size_t i = 0; i < r->values; i++) {
        struct sealed_value v = r->value[i];
        v.sealed = sealed_anew(r, &v);
        if (book_seal_add(r->e->book, &v, r->err) != STORE_OK) {
            return STORE_FAILED;
        }
    }
    return STORE_OK;
}

enum mete_code payout_keys_reseal(struct engine *e, struct payout_keys *k, uint64_t *count,
                                  uint64_t *left, struct mete_err *err)
{
    struct arena a;
    struct reseal r = {.e = e, .keys = k, .a = &a, .err = err};
    enum store_result s = STORE_OK;
    METE_ASSERT(e->has_payout_key);
    arena_init(&a, (size_t)4 << 30);
    s = book_seals(e->book, 0, (struct text){0}, party_note, &r, err);
    for (size_t i = 0; i < r.parties && s != STORE_FAILED; i++) {
        s = party_reseal(&r, r.party[i]);
    }
    *count = r.count;
    *left = r.left;
    free(r.party);
    free(r.value);
    arena_clear(&a);
    return s == STORE_FAILED ? METE_STORE_FAILED : METE_OK;
}
