/* SPDX-License-Identifier: Apache-2.0
 * mete audit: first the book's own check, then a stranger's. The export goes through a pipe (or a
 * file) into the separate program mete-audit, whose exit status is ours. */
#include "cli/audit.h"

#include "base/text.h"
#include "engine/query.h"
#include "engine/verify.h"
#include "wire/json_values.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define AUDITOR "mete-audit"

struct auditing {
    struct cli *c;
    struct engine *e;
    int fd;       /* where the export goes */
    int failed;   /* errno of writing */
    FILE *answer; /* --json: what the auditor said */
    struct mete_err err;
};

/* --- the export --------------------------------------------------------------------------------*/

static bool export_write(void *ctx, struct buf *out)
{
    struct auditing *a = ctx;
    size_t done = 0;
    while (done < out->len) {
        ssize_t n = write(a->fd, out->p + done, out->len - done);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            a->failed = errno;
            return false;
        }
        done += (size_t)n;
    }
    buf_reset(out);
    return true;
}

static enum mete_code export_to(struct auditing *a, int fd)
{
    struct buf out = {0};
    const struct export_query q = {TIME_ALWAYS, TIME_NEVER, export_write, a};
    a->fd = fd;
    enum mete_code code = export_audit(a->e, &q, &out, &a->err);
    if (code == METE_OK && !export_write(a, &out)) {
        code = METE_FILE;
    }
    if (a->failed != 0) {
        code =
            mete_fail(&a->err, METE_FILE, "", "cannot write the export: %s", strerror(a->failed));
    }
    buf_clear(&out);
    return code;
}

static enum mete_code export_to_file(struct auditing *a, const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        return mete_fail(&a->err, METE_FILE, "", "%s: %s", path, strerror(errno));
    }
    enum mete_code code = export_to(a, fd);
    if (close(fd) != 0 && code == METE_OK) {
        code = mete_fail(&a->err, METE_FILE, "", "%s: %s", path, strerror(errno));
    }
    return code;
}

/* --- the other program -------------------------------------------------------------------------*/

/** METE_AUDIT, else beside this program, else found in PATH. */
static void auditor_path(char out[PATH_MAX])
{
    const char *named = getenv("METE_AUDIT");
    if (named != NULL && named[0] != 0) {
        snprintf(out, PATH_MAX, "%s", named);
        return;
    }
    ssize_t len = readlink("/proc/self/exe", out, PATH_MAX - sizeof AUDITOR - 1);
    while (len > 0 && out[len - 1] != '/') {
        len--;
    }
    if (len > 0) {
        memcpy(out + len, AUDITOR, sizeof AUDITOR);
        if (access(out, X_OK) == 0) {
            return;
        }
    }
    memcpy(out, AUDITOR, sizeof AUDITOR);
}

_Noreturn static void auditor_exec(const struct auditing *a, const char *path, const char *file)
{
    char *argv[6] = {(char *)(uintptr_t)path, NULL};
    size_t n = 1;
    if (a->c->json) {
        argv[n++] = (char *)(uintptr_t) "--json";
        dup2(fileno(a->answer), STDOUT_FILENO);
    }
    if (a->c->quiet) {
        argv[n++] = (char *)(uintptr_t) "--quiet";
    }
    argv[n++] = (char *)(uintptr_t)(file != NULL ? file : "-");
    signal(SIGPIPE, SIG_DFL);
    execvp(path, argv);
    fprintf(stderr, "mete: cannot run %s: %s\n      Install it beside mete, or set METE_AUDIT.\n",
            path, strerror(errno));
    _exit(127);
}

/** Its 2 says that it could not read or write: the command line was ours, not the user's. */
static int auditor_wait(pid_t pid)
{
    int wait_status;
    while (waitpid(pid, &wait_status, 0) < 0) {
        METE_ASSERT(errno == EINTR);
    }
    int status = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : CLI_FAILED;
    return status == CLI_OK || status == CLI_UNPROVEN ? status : CLI_FAILED;
}

/** Runs the auditor on a file, or, `file` NULL, on the export through a pipe. */
static int auditor_run(struct auditing *a, const char *file)
{
    int ends[2] = {-1, -1};
    char path[PATH_MAX];
    auditor_path(path);
    cli_flush(a->c);
    pid_t pid = file == NULL && pipe(ends) != 0 ? -1 : fork();
    if (pid < 0) {
        (void)mete_fail(&a->err, METE_FILE, "", "cannot run %s: %s", path, strerror(errno));
        return cli_fail(a->c, &a->err);
    }
    if (pid == 0) {
        if (file == NULL) {
            dup2(ends[0], STDIN_FILENO);
            close(ends[0]);
            close(ends[1]);
        }
        auditor_exec(a, path, file);
    }
    enum mete_code code = METE_OK;
    if (file == NULL) {
        close(ends[0]);
        signal(SIGPIPE, SIG_IGN); /* an auditor that has seen enough hangs up */
        code = export_to(a, ends[1]);
        close(ends[1]);
    }
    int status = auditor_wait(pid);
    return code != METE_OK && status == CLI_OK ? cli_fail(a->c, &a->err) : status;
}

/* --- the command -------------------------------------------------------------------------------*/

static void own_text(struct cli *c, const struct verify_report *r)
{
    char root[65];
    hash_hex(&r->log.root, root);
    cli_print(c,
              "The book agrees with itself: %llu entries, %llu decisions, %llu checkpoints, "
              "%llu keys of state,\n%llu private values %s, %llu erased, %llu in quarantine; "
              "root %s\n",
              (unsigned long long)r->log.rows, (unsigned long long)r->decisions,
              (unsigned long long)r->log.checkpoints, (unsigned long long)r->state_keys,
              (unsigned long long)r->sealed, r->log.signatures ? "open" : "there",
              (unsigned long long)r->erased, (unsigned long long)r->quarantined, root);
}

static void own_json(struct json_writer *w, const struct verify_report *r)
{
    jw_object(w, "book");
    jw_bool(w, "holds", true);
    jw_int(w, "entries", (int64_t)r->log.rows);
    jw_int(w, "decisions", (int64_t)r->decisions);
    jw_int(w, "checkpoints", (int64_t)r->log.checkpoints);
    jw_int(w, "state_keys", (int64_t)r->state_keys);
    jw_int(w, "sealed", (int64_t)r->sealed);
    jw_int(w, "erased", (int64_t)r->erased);
    jw_int(w, "quarantined", (int64_t)r->quarantined);
    jw_hash(w, "root", &r->log.root);
    jw_end_object(w);
}

/** One object of both answers. */
static void answer_json(struct auditing *a, const struct verify_report *r, int status)
{
    struct buf said = {0};
    struct json_writer w;
    struct json *unused;
    char chunk[4096];
    size_t n;
    rewind(a->answer);
    while ((n = fread(chunk, 1, sizeof chunk, a->answer)) > 0) {
        buf_put(&said, chunk, n);
    }
    cli_json_begin(a->c, &w);
    jw_object(&w, NULL);
    own_json(&w, r);
    if (json_parse(&a->c->arena, buf_text(&said), &unused, &a->err) == METE_OK) {
        jw_raw(&w, "auditor", unused->raw);
    } else {
        jw_null(&w, "auditor");
    }
    jw_int(&w, "status", status);
    jw_end_object(&w);
    cli_json_end(a->c);
    buf_clear(&said);
}

static int audit(struct auditing *a)
{
    struct verify_report report;
    const char *file = cli_option(a->c, "export");
    if (book_verify(a->e, &report, &a->err) != METE_OK) {
        return cli_fail(a->c, &a->err);
    }
    if (!a->c->json) {
        own_text(a->c, &report);
    }
    if (file != NULL && export_to_file(a, file) != METE_OK) {
        return cli_fail(a->c, &a->err);
    }
    if (!engine_has_keys(a->e) && report.log.checkpoints + report.sealed > 0) {
        cli_note(a->c, "The key file is not here: signatures were not checked, private values not "
                       "opened.");
    }
    int status = auditor_run(a, file);
    if (a->c->json) {
        answer_json(a, &report, status);
    }
    return status;
}

static int audit_run(struct cli *c)
{
    struct auditing a = {.c = c, .answer = c->json ? tmpfile() : NULL};
    if (c->json && a.answer == NULL) {
        (void)mete_fail(&a.err, METE_FILE, "", "no temporary file: %s", strerror(errno));
        return cli_fail(c, &a.err);
    }
    int status = cli_open(c, CLI_READ, &a.e);
    if (status == CLI_OK) {
        status = audit(&a);
        engine_close(a.e);
    }
    if (a.answer != NULL) {
        fclose(a.answer);
    }
    return status;
}

int audit_quietly(struct cli *c)
{
    struct auditing a = {.c = c};
    struct verify_report report;
    bool json = c->json;
    bool quiet = c->quiet;
    int status = cli_open(c, CLI_READ, &a.e);
    if (status != CLI_OK) {
        return status;
    }
    c->json = false;
    c->quiet = true;
    status =
        book_verify(a.e, &report, &a.err) == METE_OK ? auditor_run(&a, NULL) : cli_fail(c, &a.err);
    c->json = json;
    c->quiet = quiet;
    if (status == CLI_UNPROVEN && a.err.code == METE_OK) {
        fprintf(stderr,
                "mete: the auditor does not agree with book %s\n      mete audit says where.\n",
                c->book);
    }
    engine_close(a.e);
    return status;
}

static const struct cli_option OPTIONS[] = {
    {"export", 0, "FILE", "keep what the auditor reads in FILE"}, {NULL, 0, NULL, NULL}};

const struct cli_command command_audit = {
    .name = "audit",
    .operands = "",
    .summary = "check the whole book, then let the independent auditor check it",
    .about = "Recomputes leaves, tree, head, checkpoints and state, opens the private values that\n"
             "are still there, and then pipes the export into mete-audit, which shares no code\n"
             "with the rules it checks. Exit status 3 when something does not hold.",
    .option = OPTIONS,
    .no_csv = true,
    .run = audit_run};
