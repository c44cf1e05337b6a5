/* SPDX-License-Identifier: Apache-2.0
 * mete worker key: the keys that open destinations, for the worker alone; made, and changed. */
#include "cli/cli.h"

#include "base/encode.h"
#include "base/text.h"
#include "engine/payout_keys.h"
#include "wire/json.h"

#include <inttypes.h>

struct outcome {
    char key[2 * BOX_KEY_LEN + 1];
    bool announced;
    uint64_t count, left;
};

static void outcome_show(struct cli *c, const struct outcome *o)
{
    if (c->json) {
        struct json_writer w;
        cli_json_begin(c, &w);
        jw_object(&w, NULL);
        jw_str(&w, "public_key", o->key);
        jw_int(&w, "sealed_anew", (int64_t)o->count);
        jw_int(&w, "left", (int64_t)o->left);
        jw_end_object(&w);
        cli_json_end(c);
        return;
    }
    cli_print(c, "Destinations are sealed to %s: %" PRIu64 " sealed anew\n", o->key, o->count);
    if (o->left > 0) {
        cli_print(c,
                  "%" PRIu64 " are sealed to keys that are not in this file: they stay as they "
                  "are\n",
                  o->left);
    }
}

/** Of one book: the one that --book names. */
static int book_reseal(struct cli *c, struct payout_keys *k, struct outcome *o)
{
    struct engine *e;
    struct mete_err err;
    int status = cli_open(c, CLI_WRITE, &e);
    if (status != CLI_OK) {
        return status;
    }
    enum mete_code code = payout_keys_reseal(e, k, &o->count, &o->left, &err);
    code = code == METE_OK ? engine_commit(e, &err) : code;
    engine_close(e);
    return code == METE_OK ? CLI_OK : cli_fail(c, &err);
}

/** Given as text, or that of the file. */
static enum mete_code public_take(struct cli *c, uint8_t out[BOX_KEY_LEN], struct mete_err *err)
{
    const char *given = cli_option(c, "public");
    if (given != NULL) {
        return hex_decode(out, BOX_KEY_LEN, text_of(given))
                   ? METE_OK
                   : mete_fail(err, METE_USAGE, "", "--public wants 64 hexadecimal digits");
    }
    if (c->operand_count == 0) {
        return mete_fail(err, METE_USAGE, "", "a FILE for the worker, or --public KEY");
    }
    return payout_keys_add(c->operand[0], out, err);
}

static int key_run(struct cli *c)
{
    uint8_t public_key[BOX_KEY_LEN];
    struct mete_err err;
    struct outcome o = {0};
    struct payout_keys *k = NULL;
    struct buf path = {0};
    enum mete_code code = public_take(c, public_key, &err);
    if (code == METE_OK) {
        engine_key_file(c->store, c->key_file, &path);
        code = payout_key_announce(buf_text(&path).p, public_key, &err);
    }
    if (code == METE_OK && c->operand_count > 0) {
        code = payout_keys_read(&k, c->operand[0], &err);
    }
    int status = code == METE_OK ? book_reseal(c, k, &o) : cli_fail(c, &err);
    if (status == CLI_OK) {
        hex_encode(o.key, (struct bytes){public_key, sizeof public_key});
        outcome_show(c, &o);
    }
    payout_keys_free(k);
    buf_clear(&path);
    return status;
}

static const struct cli_option OPTIONS[] = {
    {"public", 0, "KEY", "the public half of a key that was made elsewhere"},
    {NULL, 0, NULL, NULL}};

const struct cli_command command_worker_key = {
    .name = "worker key",
    .operands = "[FILE]",
    .operands_max = 1,
    .summary = "make the key that opens destinations, or a new one",
    .about =
        "Puts a new secret first in FILE, which is the worker's, and its public half into the\n"
        "key file of the store; then seals the destinations of the book to it. From then on\n"
        "the server can seal destinations, but not open them. With --public alone, the secret\n"
        "stays where it was made, and so do destinations that are sealed to other keys. Stop\n"
        "the server first: it knows the keys that there were when it started.",
    .option = OPTIONS,
    .no_csv = true,
    .run = key_run};
