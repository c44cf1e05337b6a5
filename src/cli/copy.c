/* SPDX-License-Identifier: Apache-2.0
 * mete copy: a store into another, and an audit of what came out. */
#include "engine/copy.h"

#include "base/text.h"
#include "cli/audit.h"

#include <stdio.h>
#include <unistd.h>

/** What was copied, for the end. */
struct copied {
    struct text book;
    struct book_copied what;
    bool audited;
};

struct copy {
    struct cli *c;
    struct copied *done;
    size_t count;
    size_t cap;
    bool progress;
};

static void note_done(struct copy *k, struct text book, const struct book_copied *what)
{
    if (k->count == k->cap) {
        size_t cap = k->cap == 0 ? 16 : k->cap * 2;
        struct copied *more = arena_array(&k->c->arena, cap, sizeof *more);
        for (size_t i = 0; i < k->count; i++) {
            more[i] = k->done[i];
        }
        k->done = more;
        k->cap = cap;
    }
    k->done[k->count++] = (struct copied){arena_text(&k->c->arena, book), *what, false};
}

static void tell(void *ctx, struct text book, const struct book_copied *copied, uint64_t done,
                 uint64_t all)
{
    struct copy *k = ctx;
    if (k->progress) {
        fprintf(stderr, "\r%.*s: %llu of %llu events\033[K%s", (int)book.len, book.p,
                (unsigned long long)done, (unsigned long long)all, copied != NULL ? "\n" : "");
        fflush(stderr);
    }
    if (copied != NULL) {
        note_done(k, book, copied);
    }
}

static void book_text(struct cli *c, const struct copied *k)
{
    char root[65];
    const struct book_copied *w = &k->what;
    hash_hex(&w->root, root);
    cli_print(
        c,
        "Book %.*s: %llu events, %llu of them new; %llu pages, %llu checkpoints, %llu private "
        "values, %llu refused events, %llu named values and %llu insights new; %llu private "
        "values erased\n"
        "     head %s on both%s\n",
        (int)k->book.len, k->book.p, (unsigned long long)w->size, (unsigned long long)w->events,
        (unsigned long long)w->pages, (unsigned long long)w->checkpoints,
        (unsigned long long)w->sealed, (unsigned long long)w->quarantined,
        (unsigned long long)w->named, (unsigned long long)w->insights,
        (unsigned long long)w->erased, root, k->audited ? "; the audit holds" : "");
}

static void book_json(struct json_writer *w, const struct copied *k)
{
    char root[65];
    hash_hex(&k->what.root, root);
    jw_object(w, NULL);
    jw_text(w, "book", k->book);
    jw_object(w, "log");
    jw_int(w, "size", (int64_t)k->what.size);
    jw_str(w, "head", root);
    jw_end_object(w);
    jw_object(w, "new");
    jw_int(w, "events", (int64_t)k->what.events);
    jw_int(w, "pages", (int64_t)k->what.pages);
    jw_int(w, "checkpoints", (int64_t)k->what.checkpoints);
    jw_int(w, "sealed", (int64_t)k->what.sealed);
    jw_int(w, "quarantined", (int64_t)k->what.quarantined);
    jw_int(w, "named", (int64_t)k->what.named);
    jw_int(w, "insights", (int64_t)k->what.insights);
    jw_end_object(w);
    jw_int(w, "erased", (int64_t)k->what.erased);
    jw_bool(w, "audited", k->audited);
    jw_end_object(w);
}

static void show_json(struct copy *k, const struct store_copied *out)
{
    struct json_writer w;
    jw_init(&w, &k->c->out, true);
    jw_object(&w, NULL);
    jw_array(&w, "books");
    for (size_t i = 0; i < k->count; i++) {
        book_json(&w, &k->done[i]);
    }
    jw_end_array(&w);
    jw_int(&w, "keys", (int64_t)out->keys);
    jw_bool(&w, "key_file_copied", out->key_file_copied);
    jw_end_object(&w);
    cli_print(k->c, "\n");
}

static void show(struct copy *k, const struct store_copied *out)
{
    if (k->c->json) {
        show_json(k, out);
        return;
    }
    for (size_t i = 0; i < k->count; i++) {
        book_text(k->c, &k->done[i]);
    }
    cli_print(k->c, "%llu keys of users new or ended%s\n", (unsigned long long)out->keys,
              out->key_file_copied ? "; the key file was copied: back it up apart from the store"
                                   : "");
}

/** The destination, as a stranger sees it. */
static int audit_all(struct copy *k, const char *to)
{
    struct cli *c = k->c;
    int status = CLI_OK;
    c->store = to;
    for (size_t i = 0; i < k->count && status == CLI_OK; i++) {
        c->book = k->done[i].book.p;
        status = audit_quietly(c);
        k->done[i].audited = status == CLI_OK;
    }
    return status;
}

static int copy_run(struct cli *c)
{
    struct mete_err err;
    struct store_copied out;
    struct copy k = {.c = c, .progress = !c->quiet && isatty(STDERR_FILENO)};
    const struct store_copy_options o = {.from = cli_option(c, "from"),
                                         .to = cli_option(c, "to"),
                                         .book = cli_option(c, "book"),
                                         .tell = tell,
                                         .tell_ctx = &k};
    if (o.from == NULL || o.to == NULL) {
        return cli_usage(c, "--from and --to are needed");
    }
    if (store_copy(&o, &out, &err) != METE_OK) {
        return cli_fail(c, &err);
    }
    int status = cli_flag(c, "no-audit") ? CLI_OK : audit_all(&k, o.to);
    show(&k, &out);
    return status;
}

static const struct cli_option OPTIONS[] = {
    {"from", 0, "FILE|URL", "the store that is copied; may be in use"},
    {"to", 0, "FILE|URL", "where to; made when it is missing, continued when it is not"},
    {"no-audit", 0, NULL, "do not audit the copy"},
    {NULL, 0, NULL, NULL}};

const struct cli_command command_copy = {
    .name = "copy",
    .operands = "",
    .summary = "copy a store into another, of the same kind or not",
    .about = "Copies every book, or the one that --book names: the same events, decisions,\n"
             "checkpoints and private values, so the same head. What is there already is\n"
             "compared, so a copy that was interrupted goes on, and a second one brings what\n"
             "was written in the meantime. Ends with an audit of the copy.",
    .option = OPTIONS,
    .no_csv = true,
    .run = copy_run};
