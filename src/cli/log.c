/* SPDX-License-Identifier: Apache-2.0
 * mete log head, proof, consistency: what the log promises, in a form to be kept elsewhere. */
#include "cli/proof.h"

#include "base/text.h"
#include "crypto/sign.h"
#include "render/render.h"

#include <string.h>

/* --- head --------------------------------------------------------------------------------------*/

static void head_json(struct cli *c, const struct checkpoint *k, const char *did, bool kept)
{
    struct json_writer w;
    cli_json_begin(c, &w);
    jw_object(&w, NULL);
    jw_int(&w, "size", (int64_t)k->size);
    jw_hash(&w, "root", &k->root);
    jw_text(&w, "origin", note_origin(k->note));
    jw_str(&w, "key", did);
    jw_text(&w, "checkpoint", k->note);
    jw_bool(&w, "stored", kept);
    jw_end_object(&w);
    cli_json_end(c);
}

/** Writable when it may be, so that the checkpoint can be kept; else for reading. */
static int head_open(struct cli *c, struct engine **e, bool *writable)
{
    struct mete_err err;
    struct engine_options o = {.store = c->store, .book = c->book, .clock = CLOCK_REAL};
    *writable = !cli_flag(c, "no-store") && engine_open(e, &o, &err) == METE_OK;
    return *writable ? CLI_OK : cli_open(c, CLI_READ, e);
}

static int head_run(struct cli *c)
{
    struct engine *e = NULL;
    struct mete_err err;
    struct checkpoint k;
    uint8_t public_key[ED25519_PUBLIC_LEN];
    char did[DID_KEY_TEXT_MAX];
    bool writable;
    int status = head_open(c, &e, &writable);
    if (status != CLI_OK) {
        return status;
    }
    enum mete_code code = log_checkpoint(e, &c->arena, book_head(engine_book(e)).size, &k, &err);
    if (code == METE_OK && writable) {
        code = log_checkpoint_keep(e, &k, &err);
    }
    ed25519_public(public_key, engine_log_seed(e));
    did_key_format(did, public_key);
    if (code != METE_OK) {
        status = cli_fail(c, &err);
    } else if (c->json) {
        head_json(c, &k, did, writable);
    } else { /* the note alone: what is to be kept */
        buf_put_text(&c->out, k.note);
        cli_note(c, "Signed by %s%s", did, writable ? "; also kept in the store" : "");
    }
    engine_close(e);
    return status;
}

static const struct cli_option HEAD_OPTIONS[] = {
    {"no-store", 0, NULL, "do not keep the checkpoint in the store"}, {NULL, 0, NULL, NULL}};

const struct cli_command command_log_head = {
    .name = "log head",
    .operands = "",
    .summary = "sign the head of the log",
    .about = "Prints a C2SP checkpoint: origin, size, root, Ed25519 signature. Keep it somewhere\n"
             "else: `mete log verify --checkpoint FILE` holds the log to it.",
    .option = HEAD_OPTIONS,
    .no_csv = true,
    .run = head_run};

/* --- proofs ------------------------------------------------------------------------------------*/

static void proof_show(struct cli *c, const struct proof *p)
{
    struct json_writer w;
    cli_json_begin(c, &w);
    proof_json(&w, p);
    cli_json_end(c);
}

static enum mete_code inclusion_make(struct cli *c, struct engine *e, uint64_t size,
                                     struct proof *p, struct mete_err *err)
{
    const char *name = c->operand[0];
    uint64_t seq = engine_seq_of(e, text_of(name));
    if (seq == 0 && !cli_number(name, 1, INT64_MAX, &seq)) {
        return mete_fail(err, METE_NOT_FOUND, "", "the log has no event \"%s\"", name);
    }
    enum mete_code code = log_prove_inclusion(e, seq, size, &p->inclusion, err);
    struct envelope envelope;
    mete_time unused;
    if (code == METE_OK) {
        code = engine_event(e, seq, &c->arena, &envelope, &unused, err);
    }
    if (code == METE_OK) {
        p->kind = PROOF_INCLUSION;
        p->event_id = envelope.event.id;
        p->checkpoint = log_note(e, &c->arena, size);
    }
    return code;
}

static int proof_run(struct cli *c)
{
    struct engine *e;
    struct mete_err err;
    struct proof p = {0};
    uint64_t size = 0;
    int status = cli_option_number(c, "size", 1, INT64_MAX, &size);
    status = status == CLI_OK ? cli_open(c, CLI_READ, &e) : status;
    if (status != CLI_OK) {
        return status;
    }
    size = size != 0 ? size : book_head(engine_book(e)).size;
    if (inclusion_make(c, e, size, &p, &err) != METE_OK) {
        status = cli_fail(c, &err);
    } else {
        proof_show(c, &p);
    }
    engine_close(e);
    return status;
}

static const struct cli_option PROOF_OPTIONS[] = {
    {"size", 0, "N", "in the tree of the first N entries; else all"}, {NULL, 0, NULL, NULL}};

const struct cli_command command_log_proof = {
    .name = "log proof",
    .operands = "EVENT_ID|SEQ",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "prove that an event is in the log",
    .about = "Prints JSON: what the leaf is made of, the path to the root, the signed checkpoint.\n"
             "`mete log verify --proof FILE --key DID` checks it without the store.",
    .option = PROOF_OPTIONS,
    .no_csv = true,
    .run = proof_run};

static int consistency_run(struct cli *c)
{
    struct engine *e;
    struct mete_err err;
    struct proof p = {.kind = PROOF_CONSISTENCY};
    uint64_t first = 0;
    uint64_t second = 0;
    if (!cli_number(c->operand[0], 1, INT64_MAX, &first) ||
        !cli_number(c->operand[1], first, INT64_MAX, &second)) {
        return cli_usage(c, "FIRST and SECOND are sizes of the log, FIRST not the larger");
    }
    int status = cli_open(c, CLI_READ, &e);
    if (status != CLI_OK) {
        return status;
    }
    if (log_prove_consistency(e, first, second, &p.consistency, &err) != METE_OK) {
        status = cli_fail(c, &err);
    } else {
        p.checkpoint = log_note(e, &c->arena, second);
        proof_show(c, &p);
    }
    engine_close(e);
    return status;
}

const struct cli_command command_log_consistency = {
    .name = "log consistency",
    .operands = "FIRST SECOND",
    .operands_min = 2,
    .operands_max = 2,
    .summary = "prove that an earlier log is the beginning of a later one",
    .no_csv = true,
    .run = consistency_run};
