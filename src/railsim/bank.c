/* SPDX-License-Identifier: Apache-2.0
 * A bank: takes files by PUT or in a folder, answers with reports, books by the simulator's clock.
 * A message id counts once, a name counts once; nothing is paid that was refused. */
#include "railsim/bank.h"

#include "base/text.h"
#include "crypto/hash.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SETTLE_US     TIME_SECOND_US
#define OPENING_FUNDS 100000000000 /* minor units of every account at the beginning */
#define ARENA_MAX     ((size_t)512 << 20)
#define BATCH_MAX     20000

#define COLUMNS                                                                                    \
    "p.seq, p.amount, p.message, p.block, p.end_to_end, p.creditor, p.account, p.debtor, "         \
    "p.currency, p.status, p.reason, p.reference"

static void payment_read(sqlite3_stmt *q, struct arena *a, struct bank_payment *p)
{
    *p = (struct bank_payment){.seq = state_int(q, 0),
                               .amount = state_int(q, 1),
                               .message = state_text(a, q, 2),
                               .block = state_text(a, q, 3),
                               .end_to_end = state_text(a, q, 4),
                               .creditor = state_text(a, q, 5),
                               .account = state_text(a, q, 6),
                               .debtor = state_text(a, q, 7),
                               .currency = state_text(a, q, 8),
                               .status = state_text(a, q, 9),
                               .reason = state_text(a, q, 10),
                               .reference = state_text(a, q, 11)};
}

/* --- reports -----------------------------------------------------------------------------------*/

static void report_add(struct sim *s, const char *type, const char *ending, struct buf *body)
{
    char name[64];
    (void)snprintf(name, sizeof name, "%06lld-%s.%s", (long long)state_count(s, "bank report"),
                   type, ending);
    state_do(s, "INSERT INTO bank_report(name, type, body, written) VALUES(?,?,?,0)", "sst", name,
             type, buf_text(body));
}

/** A report on payments of one file, all of which match. */
static void status_report(struct sim *s, struct arena *a, int64_t file, bool settled)
{
    char id[ID_MAX];
    struct buf body = {0};
    size_t count = 0;
    struct bank_payment *p = arena_array(a, BATCH_MAX, sizeof *p);
    sqlite3_stmt *q = state_ask(s,
                                "SELECT " COLUMNS " FROM bank_payment AS p WHERE file = ?1 AND "
                                "(?2 = 0 OR status = 'ACSC') ORDER BY seq",
                                "ii", file, (int64_t)settled);
    while (state_next(s, q)) {
        if (count < BATCH_MAX) {
            payment_read(q, a, &p[count++]);
        }
    }
    state_id(s, "PS", id);
    bank_status_write(&body, id, sim_now(s), p[0].message, p, count);
    report_add(s, "pain.002", "xml", &body);
    buf_clear(&body);
}

static void reports_twice(struct sim *s, int64_t from)
{
    struct arena a;
    struct buf body = {0};
    arena_init(&a, ARENA_MAX);
    sqlite3_stmt *q = state_ask(s, "SELECT type, body FROM bank_report WHERE seq > ?", "i", from);
    while (state_next(s, q)) {
        struct text type = state_text(&a, q, 0);
        buf_reset(&body);
        buf_put_text(&body, state_text(&a, q, 1));
        state_end(q);
        report_add(s, type.p, "xml", &body);
        break;
    }
    buf_clear(&body);
    arena_clear(&a);
}

/* --- taking files ------------------------------------------------------------------------------*/

/** What becomes of a payment of a file: its status, and when its next step is due. */
struct fate {
    const char *status, *reason, *next;
    int64_t due_us, after_s;
    const char *return_reason;
};

static struct fate fate_of(struct call *c, const struct bank_file *f, const struct bank_order *o,
                           bool first)
{
    struct fate fate = {"ACCP", NULL, "settle", c->now_us + SETTLE_US, 0, NULL};
    const char *text = c->fault.text[0] != '\0' ? c->fault.text : NULL;
    const char *refused = f->reason != NULL ? f->reason : o->reason;
    if (refused != NULL) {
        return (struct fate){"RJCT", refused, NULL, 0, 0, NULL};
    }
    if (!first) {
        return fate;
    }
    if (!f->nacha && fault_take(c, FAULT_BANK_REJECTED)) {
        return (struct fate){"RJCT", text != NULL ? text : "AC04", NULL, 0, 0, NULL};
    }
    if (!f->nacha && fault_take(c, FAULT_BANK_PENDING)) {
        fate.status = "PDNG";
        fate.due_us += c->fault.s * TIME_SECOND_US;
    }
    if (fault_take(c, FAULT_BANK_RETURNED)) {
        fate.after_s = c->fault.s;
        fate.return_reason = text != NULL ? text : f->nacha ? "R02" : "AC04";
    }
    return fate;
}

static void order_add(struct call *c, int64_t file, const struct bank_file *f, size_t i)
{
    const struct bank_order *o = &f->order[i];
    struct fate fate = fate_of(c, f, o, i == 0);
    state_do(c->s,
             "INSERT INTO bank_payment(file, message, block, end_to_end, creditor, account, "
             "debtor, amount, currency, status, reason, due_us, next, reference, after_s, "
             "return_reason) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
             "issssss"
             "isssissis",
             file, f->message, o->block, o->end_to_end, o->creditor, o->account, o->debtor,
             o->amount, o->currency, fate.status, fate.reason, fate.due_us, fate.next, o->reference,
             fate.after_s, fate.return_reason);
}

/** Takes a file that could be read. */
static void file_take(struct call *c, struct text name, struct bank_file *f, const char *hash)
{
    if (state_number(c->s, 0, "SELECT count(*) FROM bank_file WHERE message = ?", "s", f->message) >
        0) {
        f->reason = "DU01";
    }
    state_do(c->s, "INSERT INTO bank_file(name, kind, message, hash, at_us) VALUES(?,?,?,?,?)",
             "tsssi", name, f->nacha ? "nacha" : "pain.001", f->message, hash, sim_now(c->s));
    int64_t file = state_last_row(c->s);
    for (size_t i = 0; i < f->count; i++) {
        order_add(c, file, f, i);
    }
    if (!f->nacha) {
        int64_t before = state_number(c->s, 0, "SELECT max(seq) FROM bank_report", "");
        status_report(c->s, &c->arena, file, false);
        if (fault_take(c, FAULT_DUPLICATE_CALLBACK)) {
            reports_twice(c->s, before);
        }
    }
}

static void taken_show(struct call *c, unsigned status, struct text name, const char *message)
{
    struct json_writer w;
    call_json(c, status, &w);
    jw_object(&w, NULL);
    jw_text(&w, "name", name);
    jw_str(&w, "message", message);
    jw_end_object(&w);
}

/** One file by one name: the same bytes again are known, others are refused. */
static void upload(struct call *c, struct text name)
{
    char hash[65], why[200];
    struct bank_file f;
    struct hash h = sha256(buf_bytes(&c->body));
    hash_hex(&h, hash);
    sqlite3_stmt *q =
        state_ask(c->s, "SELECT hash, message FROM bank_file WHERE name = ?", "t", name);
    if (state_next(c->s, q)) {
        bool same = text_is(state_text(&c->arena, q, 0), hash);
        taken_show(c, same ? 200 : 409, name, state_text(&c->arena, q, 1).p);
        state_end(q);
        return;
    }
    if (!bank_file_read(&c->arena, buf_bytes(&c->body), &f, why)) {
        call_plain(c, 400, why);
        return;
    }
    file_take(c, name, &f, hash);
    taken_show(c, 201, name, f.message);
}

static bool allowed(struct call *c)
{
    struct text want = arena_printf(&c->arena, "Bearer %s", c->s->o.secret);
    if (text_eq(call_header(c, "Authorization"), want)) {
        return true;
    }
    call_plain(c, 401, "a bearer token is needed\n");
    return false;
}

static void on_put(struct call *c)
{
    if (allowed(c)) {
        upload(c, c->part[0]);
    }
}

static void reports_list(struct call *c)
{
    struct json_writer w;
    if (!allowed(c)) {
        return;
    }
    sqlite3_stmt *q = state_ask(c->s, "SELECT name, type FROM bank_report ORDER BY seq", "");
    call_json(c, 200, &w);
    jw_object(&w, NULL);
    jw_array(&w, "reports");
    while (state_next(c->s, q)) {
        jw_object(&w, NULL);
        jw_text(&w, "name", state_text(&c->arena, q, 0));
        jw_text(&w, "type", state_text(&c->arena, q, 1));
        jw_end_object(&w);
    }
    jw_end_array(&w);
    jw_end_object(&w);
}

static void report_get(struct call *c)
{
    if (!allowed(c)) {
        return;
    }
    sqlite3_stmt *q =
        state_ask(c->s, "SELECT body, type FROM bank_report WHERE name = ?", "t", c->part[0]);
    if (!state_next(c->s, q)) {
        call_plain(c, 404, "no such report\n");
        return;
    }
    call_plain(c, 200, "");
    c->type = text_is(state_text(&c->arena, q, 1), "nacha") ? "text/plain" : "application/xml";
    buf_put_text(&c->out, state_text(&c->arena, q, 0));
    state_end(q);
}

const struct route bank_routes[] = {
    {"PUT", "/bank/files/*", "bank.upload", DOES_ANSWER | DOES_CHANGE | DOES_BANK, on_put},
    {"GET", "/bank/reports", "bank.list", DOES_ANSWER, reports_list},
    {"GET", "/bank/reports/*", "bank.report", DOES_ANSWER, report_get},
    {NULL, NULL, NULL, 0, NULL}};

/* --- booking -----------------------------------------------------------------------------------*/

static void moved(struct sim *s, const struct bank_payment *p, bool nacha, const char *kind)
{
    const struct movement m = {.rail = nacha ? "nacha" : "bank",
                               .kind = kind,
                               .reference = p->end_to_end,
                               .anchor = p->message,
                               .destination = p->account,
                               .amount = p->amount,
                               .currency = p->currency.p,
                               .at_us = sim_now(s)};
    state_moved(s, &m);
}

static void entry_add(struct sim *s, const struct bank_payment *p, bool credit, struct text reason)
{
    state_do(s,
             "INSERT INTO bank_entry(payment, credit, amount, currency, account, reason, day) "
             "VALUES(?,?,?,?,?,?,?)",
             "iiittti", p->seq, (int64_t)credit, p->amount, p->currency, p->debtor, reason,
             (int64_t)time_day(sim_now(s)));
}

/** A payment is booked, or comes back. */
static void step(struct sim *s, struct arena *a, const struct bank_payment *p, bool returns)
{
    struct text reason = {0};
    bool nacha = p->reference.len > 0;
    if (!returns) {
        state_do(s,
                 "UPDATE bank_payment SET status = 'ACSC', next = CASE WHEN return_reason IS NOT "
                 "NULL THEN 'return' END, due_us = due_us + after_s * 1000000 WHERE seq = ?",
                 "i", p->seq);
        moved(s, p, nacha, "paid");
        if (!nacha) {
            entry_add(s, p, false, reason);
        }
        return;
    }
    sqlite3_stmt *q =
        state_ask(s, "SELECT return_reason FROM bank_payment WHERE seq = ?", "i", p->seq);
    METE_ASSERT(state_next(s, q));
    reason = state_text(a, q, 0);
    state_end(q);
    state_do(s, "UPDATE bank_payment SET next = NULL WHERE seq = ?", "i", p->seq);
    moved(s, p, nacha, "returned");
    if (nacha) {
        struct buf body = {0};
        bank_return_write(&body, sim_now(s), p, reason.p);
        report_add(s, "nacha", "ach", &body);
        buf_clear(&body);
    } else {
        entry_add(s, p, true, reason);
    }
}

/** All entries of an account that stand in no statement yet. */
static void statement_write(struct sim *s, struct arena *a, struct text account,
                            struct text currency)
{
    char id[ID_MAX];
    struct buf body = {0};
    struct bank_entry e;
    state_id(s, "ST", id);
    struct bank_statement_head h = {.id = id,
                                    .sequence = state_count(s, account.p),
                                    .now_us = sim_now(s),
                                    .account = account,
                                    .currency = currency};
    static const char sums[] = "SELECT sum(CASE WHEN credit THEN amount ELSE -amount END) FROM "
                               "bank_entry WHERE account = ? AND currency = ? AND (statement IS "
                               "NOT NULL OR ?)";
    h.opening = OPENING_FUNDS + state_number(s, 0, sums, "tti", account, currency, (int64_t)0);
    h.closing = OPENING_FUNDS + state_number(s, 0, sums, "tti", account, currency, (int64_t)1);
    bank_statement_begin(&body, &h);
    sqlite3_stmt *q = state_ask(s,
                                "SELECT " COLUMNS ", e.seq, e.amount, e.credit, e.reason FROM "
                                "bank_entry AS e JOIN bank_payment AS p ON p.seq = e.payment WHERE "
                                "e.statement IS NULL AND e.account = ? AND e.currency = ? ORDER BY "
                                "e.seq",
                                "tt", account, currency);
    while (state_next(s, q)) {
        payment_read(q, a, &e.payment);
        e.seq = state_int(q, 12);
        e.amount = state_int(q, 13);
        e.credit = state_int(q, 14) != 0;
        e.reason = state_text(a, q, 15);
        bank_statement_entry(&body, &h, &e);
    }
    bank_statement_end(&body);
    state_do(s,
             "UPDATE bank_entry SET statement = ? WHERE statement IS NULL AND account = ? AND "
             "currency = ?",
             "stt", id, account, currency);
    report_add(s, "camt.053", "xml", &body);
    buf_clear(&body);
}

static void statements_write(struct sim *s, struct arena *a)
{
    for (;;) {
        sqlite3_stmt *q = state_ask(s,
                                    "SELECT account, currency FROM bank_entry WHERE statement IS "
                                    "NULL ORDER BY seq LIMIT 1",
                                    "");
        if (!state_next(s, q)) {
            return;
        }
        struct text account = state_text(a, q, 0);
        struct text currency = state_text(a, q, 1);
        state_end(q);
        statement_write(s, a, account, currency);
    }
}

void bank_tick(struct sim *s)
{
    struct arena a;
    struct bank_payment p;
    int64_t last_file = 0;
    static const char due[] = "SELECT count(*) FROM bank_payment WHERE next IS NOT NULL AND due_us "
                              "<= ?";
    int64_t now_us = sim_now(s);
    if (state_number(s, 0, due, "i", now_us) == 0) {
        return;
    }
    arena_init(&a, ARENA_MAX);
    sqlite3_stmt *q = state_ask(s,
                                "SELECT " COLUMNS ", next, file FROM bank_payment AS p WHERE next "
                                "IS NOT NULL AND due_us <= ? ORDER BY file, seq",
                                "i", now_us);
    while (state_next(s, q)) {
        payment_read(q, &a, &p);
        bool returns = text_is(state_text(&a, q, 12), "return");
        int64_t file = state_int(q, 13);
        step(s, &a, &p, returns);
        if (last_file != 0 && file != last_file) {
            status_report(s, &a, last_file, true);
        }
        last_file = returns || p.reference.len > 0 ? 0 : file;
    }
    if (last_file != 0) {
        status_report(s, &a, last_file, true);
    }
    statements_write(s, &a);
    arena_clear(&a);
}

/* --- the folder --------------------------------------------------------------------------------*/

static bool file_load(const char *path, struct buf *out)
{
    uint8_t part[65536];
    ssize_t n = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return false;
    }
    while ((n = read(fd, part, sizeof part)) > 0 && out->len < CALL_BODY_MAX) {
        buf_put(out, part, (size_t)n);
    }
    (void)close(fd);
    return n == 0;
}

/** Files that are being written have other names: hidden ones, and those that end in ~. */
static bool name_fits(const char *name)
{
    size_t len = strlen(name);
    return name[0] != '.' && len > 4 &&
           (strcmp(name + len - 4, ".xml") == 0 || strcmp(name + len - 4, ".ach") == 0 ||
            strcmp(name + len - 4, ".txt") == 0);
}

static void folder_file_take(struct sim *s, const char *name)
{
    struct call *c = calloc(1, sizeof *c);
    METE_ASSERT(c != NULL);
    *c = (struct call){.s = s, .route = &bank_routes[0]};
    arena_init(&c->arena, ARENA_MAX);
    struct text path = arena_printf(&c->arena, "%s/in/%s", s->o.bank_folder, name);
    struct text done = arena_printf(&c->arena, "%s/done/%s", s->o.bank_folder, name);
    if (file_load(path.p, &c->body)) {
        c->now_us = sim_now(s);
        fault_pick(c);
        state_do(s, "BEGIN", "");
        upload(c, text_of(name));
        state_do(s, "COMMIT", "");
        (void)rename(path.p, done.p);
    }
    buf_clear(&c->body);
    buf_clear(&c->out);
    arena_clear(&c->arena);
    free(c);
}

/** A reader sees whole reports: they are written beside, then renamed. */
static void report_put(struct sim *s, struct arena *a, struct text name, struct text body)
{
    struct text path = arena_printf(a, "%s/out/%.*s", s->o.bank_folder, (int)name.len, name.p);
    struct text part = arena_printf(a, "%s/out/.%.*s", s->o.bank_folder, (int)name.len, name.p);
    FILE *f = fopen(part.p, "we");
    if (f == NULL) {
        return;
    }
    bool good = fwrite(body.p, 1, body.len, f) == body.len;
    good = fclose(f) == 0 && good;
    if (good && rename(part.p, path.p) == 0) {
        state_do(s, "UPDATE bank_report SET written = 1 WHERE name = ?", "t", name);
    }
}

static void folder_make(const struct sim *s)
{
    static const char *const names[] = {"in", "out", "done"};
    char path[4096];
    (void)mkdir(s->o.bank_folder, 0755);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        (void)snprintf(path, sizeof path, "%s/%s", s->o.bank_folder, names[i]);
        (void)mkdir(path, 0755);
    }
}

void bank_folder_tick(struct sim *s)
{
    char path[4096];
    struct arena a;
    if (s->o.bank_folder == NULL) {
        return;
    }
    folder_make(s);
    (void)snprintf(path, sizeof path, "%s/in", s->o.bank_folder);
    DIR *folder = opendir(path);
    const struct dirent *e;
    while (folder != NULL && (e = readdir(folder)) != NULL) {
        if (name_fits(e->d_name)) {
            folder_file_take(s, e->d_name);
        }
    }
    if (folder != NULL) {
        (void)closedir(folder);
    }
    arena_init(&a, ARENA_MAX);
    sqlite3_stmt *q =
        state_ask(s, "SELECT name, body FROM bank_report WHERE written = 0 ORDER BY seq", "");
    while (state_next(s, q)) {
        report_put(s, &a, state_text(&a, q, 0), state_text(&a, q, 1));
    }
    arena_clear(&a);
}
