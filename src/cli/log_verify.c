/* SPDX-License-Identifier: Apache-2.0
 * mete log verify: the store's own log against its head, or somebody's proof and checkpoint against
 * a key, then without any store. */
#include "base/text.h"
#include "cli/proof.h"
#include "crypto/sign.h"
#include "wire/json_values.h"

#include <string.h>

#define PROOF_SIZE_MAX ((size_t)1 << 20)

struct verifying {
    struct cli *c;
    struct engine *e; /* NULL: no store is needed, or there is none */
    struct buf proof_file;
    struct buf note_file;
    struct proof proof;
    struct text note; /* the checkpoint that was given, else the one inside the proof */
    bool has_proof;
    bool has_key;
    bool signed_root; /* the note's signature holds and it speaks of the proof's root */
    uint8_t key[ED25519_PUBLIC_LEN];
    uint64_t size;
    struct hash root;
    struct mete_err err;
};

/* --- what was given ----------------------------------------------------------------------------*/

/** --key, else the key of the book when there is one. */
static int key_find(struct verifying *v)
{
    const char *did = cli_option(v->c, "key");
    if (did != NULL) {
        v->has_key = did_key_parse(v->key, text_of(did));
        return v->has_key
                   ? CLI_OK
                   : cli_usage(v->c, "--key wants a did:key of an Ed25519 key, not '%s'", did);
    }
    const struct engine_options o = {
        .store = v->c->store, .book = v->c->book, .read_only = true, .clock = CLOCK_REAL};
    struct mete_err unused;
    if (engine_open(&v->e, &o, &unused) == METE_OK) {
        ed25519_public(v->key, engine_log_seed(v->e));
        v->has_key = true;
    }
    return CLI_OK;
}

static enum mete_code files_read(struct verifying *v)
{
    const char *proof = cli_option(v->c, "proof");
    const char *note = cli_option(v->c, "checkpoint");
    enum mete_code code = METE_OK;
    if (proof != NULL) {
        code = cli_read_file(proof, PROOF_SIZE_MAX, &v->proof_file, &v->err);
        if (code == METE_OK) {
            code = proof_read(&v->c->arena, buf_text(&v->proof_file), &v->proof, &v->err);
        }
        v->has_proof = code == METE_OK;
        v->note = v->proof.checkpoint;
    }
    if (code == METE_OK && note != NULL) {
        code = cli_read_file(note, PROOF_SIZE_MAX, &v->note_file, &v->err);
        v->note = buf_text(&v->note_file);
    }
    return code;
}

/* --- judging -----------------------------------------------------------------------------------*/

static enum mete_code proof_judge(struct verifying *v)
{
    if (!v->has_proof) {
        return METE_OK;
    }
    v->size = proof_size(&v->proof);
    v->root = proof_root(&v->proof);
    return proof_holds(&v->proof)
               ? METE_OK
               : mete_fail(&v->err, METE_PROOF_FAILED, "", "the path does not lead to the root");
}

/** The signature of the note, and that proof and note speak of the same head. */
static enum mete_code note_judge(struct verifying *v)
{
    uint64_t size;
    struct hash root;
    if (v->note.len == 0 || !v->has_key) {
        return METE_OK;
    }
    if (!checkpoint_verify(v->note, note_origin(v->note), v->key, &size, &root)) {
        return mete_fail(&v->err, METE_PROOF_FAILED, "",
                         "the checkpoint is not signed by this key");
    }
    if (v->has_proof && (size != v->size || !hash_eq(&root, &v->root))) {
        return mete_fail(&v->err, METE_PROOF_FAILED, "",
                         "proof and checkpoint speak of different heads");
    }
    v->size = size;
    v->root = root;
    v->signed_root = true;
    return METE_OK;
}

/** A checkpoint alone is held against the log of the store, when its key came from there. */
static enum mete_code store_judge(struct verifying *v)
{
    struct checkpoint now;
    if (v->e == NULL || v->has_proof || !v->signed_root) {
        return METE_OK;
    }
    enum mete_code code = log_checkpoint(v->e, &v->c->arena, v->size, &now, &v->err);
    if (code == METE_NOT_FOUND || (code == METE_OK && !hash_eq(&now.root, &v->root))) {
        return mete_fail(&v->err, METE_PROOF_FAILED, "",
                         "the log is not a continuation of the one that was signed");
    }
    return code;
}

/* --- answering ---------------------------------------------------------------------------------*/

static const char *proven_kind(const struct verifying *v)
{
    if (!v->has_proof) {
        return "checkpoint";
    }
    return v->proof.kind == PROOF_INCLUSION ? "inclusion" : "consistency";
}

static void show_json(struct verifying *v)
{
    struct json_writer w;
    cli_json_begin(v->c, &w);
    jw_object(&w, NULL);
    jw_str(&w, "kind", proven_kind(v));
    jw_bool(&w, "holds", true);
    jw_bool(&w, "signed", v->signed_root);
    jw_int(&w, "size", (int64_t)v->size);
    jw_hash(&w, "root", &v->root);
    jw_end_object(&w);
    cli_json_end(v->c);
}

static void show_text(struct verifying *v)
{
    char root[65];
    hash_hex(&v->root, root);
    if (v->has_proof && v->proof.kind == PROOF_INCLUSION) {
        cli_print(v->c, "Holds: entry %llu is among the first %llu",
                  (unsigned long long)v->proof.inclusion.seq, (unsigned long long)v->size);
    } else if (v->has_proof) {
        cli_print(v->c, "Holds: the first %llu entries begin the log of %llu",
                  (unsigned long long)v->proof.consistency.first, (unsigned long long)v->size);
    } else {
        cli_print(v->c, "Holds: a log of %llu entries", (unsigned long long)v->size);
    }
    cli_print(v->c, ", root %s\n", root);
    if (!v->signed_root) {
        cli_note(v->c, "Nobody vouches for this root: give --checkpoint and --key.");
    }
}

static int given_verify(struct verifying *v)
{
    int status = key_find(v);
    if (status != CLI_OK) {
        return status;
    }
    enum mete_code code = files_read(v);
    code = code == METE_OK ? proof_judge(v) : code;
    code = code == METE_OK ? note_judge(v) : code;
    code = code == METE_OK ? store_judge(v) : code;
    if (code == METE_OK && !v->has_proof && !v->signed_root) {
        code = mete_fail(&v->err, METE_USAGE, "", "a checkpoint is checked with --key DID");
    }
    if (code != METE_OK) {
        return cli_fail(v->c, &v->err);
    }
    (v->c->json ? show_json : show_text)(v);
    return CLI_OK;
}

static void verdict_json(struct cli *c, const struct log_verdict *verdict)
{
    struct json_writer w;
    jw_init(&w, &c->out, false);
    jw_object(&w, NULL);
    jw_bool(&w, "holds", true);
    jw_int(&w, "size", (int64_t)verdict->rows);
    jw_int(&w, "checkpoints", (int64_t)verdict->checkpoints);
    jw_hash(&w, "root", &verdict->root);
    jw_bool(&w, "signatures", verdict->signatures);
    jw_end_object(&w);
    cli_json_end(c);
}

static void verdict_text(struct cli *c, const struct log_verdict *verdict)
{
    char root[65];
    hash_hex(&verdict->root, root);
    cli_print(c, "Holds: %llu entries, %llu checkpoints, root %s\n",
              (unsigned long long)verdict->rows, (unsigned long long)verdict->checkpoints, root);
}

static int store_verify(struct cli *c)
{
    struct engine *e;
    struct mete_err err;
    struct log_verdict verdict;
    int status = cli_open(c, CLI_READ, &e);
    if (status != CLI_OK) {
        return status;
    }
    if (log_verify(e, &verdict, &err) != METE_OK) {
        status = cli_fail(c, &err);
    } else {
        (c->json ? verdict_json : verdict_text)(c, &verdict);
        if (!verdict.signatures && verdict.checkpoints > 0) {
            cli_note(c, "The key file is not here: roots were compared, signatures were not.");
        }
    }
    engine_close(e);
    return status;
}

static int verify_run(struct cli *c)
{
    if (cli_option(c, "proof") == NULL && cli_option(c, "checkpoint") == NULL) {
        if (cli_option(c, "key") != NULL) {
            return cli_usage(c, "--key says who signed the file of --checkpoint or --proof");
        }
        return store_verify(c);
    }
    struct verifying v = {.c = c};
    int status = given_verify(&v);
    buf_clear(&v.proof_file);
    buf_clear(&v.note_file);
    engine_close(v.e);
    return status;
}

static const struct cli_option OPTIONS[] = {
    {"checkpoint", 0, "FILE", "a signed checkpoint: hold the log, or the proof, to it"},
    {"proof", 0, "FILE", "a proof as mete log proof prints it"},
    {"key", 0, "DID", "whose signature is meant; else the book's own key"},
    {NULL, 0, NULL, NULL}};

const struct cli_command command_log_verify = {
    .name = "log verify",
    .operands = "",
    .summary = "recompute the log's head, or check a proof",
    .about = "Without options: every leaf, every hash of the tree, the head and every stored\n"
             "checkpoint are recomputed from the rows. With --proof or --checkpoint and --key no\n"
             "store is needed. Exit status 3 when something does not hold.",
    .option = OPTIONS,
    .no_csv = true,
    .run = verify_run};
