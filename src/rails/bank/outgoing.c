/* SPDX-License-Identifier: Apache-2.0
 * Where files are put: a folder that the bank's programs look into, or a URL. A file appears whole
 * or not at all, is never written over, and is not put there once more when it was fetched. Banks
 * know a pain.001 again by its message id, and a NACHA file not at all: of one that may be out,
 * nothing is sent again until somebody has asked the bank. */
#include "rails/bank/bank_parts.h"

#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK ((size_t)65536)

static bool is_nacha(const struct bank_job *j)
{
    return j->rail->s.format == BANK_NACHA;
}

/* --- the folder --------------------------------------------------------------------------------*/

static const char *path_of(const struct bank_job *j)
{
    return arena_printf(j->a, "%s/%s", j->rail->folder, j->name).p;
}

/** Whether the file holds exactly these bytes. PLACED, ABSENT, OTHER, UNTOLD. */
static enum bank_place file_compare(struct bank_job *j)
{
    struct stat st;
    uint8_t chunk[CHUNK];
    const struct bytes want = j->file;
    size_t at = 0;
    ssize_t n = 0;
    int fd = open(path_of(j), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return errno == ENOENT ? BANK_ABSENT : bank_untold(j, "the outgoing file cannot be read");
    }
    bool same = fstat(fd, &st) == 0 && (want.p == NULL || (size_t)st.st_size == want.len);
    while (want.p != NULL && same && (n = read(fd, chunk, sizeof chunk)) > 0) {
        same = at + (size_t)n <= want.len && memcmp(chunk, want.p + at, (size_t)n) == 0;
        at += (size_t)n;
    }
    (void)close(fd);
    return n < 0 ? bank_untold(j, "the outgoing file cannot be read")
                 : (same ? BANK_PLACED : BANK_OTHER);
}

/** The file under its name. ABSENT: it was not put there, and j->why says why. */
static enum bank_place folder_put(struct bank_job *j)
{
    const char *temp = bank_temp_write(j, j->file, 0640);
    enum bank_place there = temp != NULL ? BANK_PLACED : BANK_ABSENT;
    if (temp == NULL) {
        return there;
    }
    if (link(temp, path_of(j)) != 0) {
        const bool is_there = errno == EEXIST;
        (void)bank_untold(j, "the file cannot be put there");
        there = is_there ? file_compare(j) : BANK_ABSENT;
    }
    (void)unlink(temp);
    return there == BANK_PLACED && !bank_folder_sync(j->rail->folder)
               ? bank_untold(j, "the outgoing folder cannot be written")
               : there;
}

/* --- the URL -----------------------------------------------------------------------------------*/

static void ask(struct bank_job *j, const char *method, struct bytes file)
{
    struct rail *r = j->rail;
    struct web_request q = {.method = method, .body = file};
    size_t n = 0;
    q.url = arena_printf(j->a, "%s/%s", r->url, j->name).p;
    if (r->token != NULL) {
        q.header[n++] = arena_printf(j->a, "Authorization: Bearer %s", r->token).p;
    }
    if (file.len > 0) {
        q.header[n++] = is_nacha(j) ? "Content-Type: text/plain" : "Content-Type: application/xml";
        q.header[n++] = "If-None-Match: *";
    }
    web_do(r->web, &q, &r->answer);
}

/** The status of the last answer; 0: there was none. */
static unsigned status_of(const struct bank_job *j)
{
    const struct web_answer *answer = &j->rail->answer;
    return answer->outcome == WEB_ANSWERED ? answer->status : 0;
}

static enum bank_place url_untold(struct bank_job *j)
{
    const unsigned status = status_of(j);
    j->why = status != 0 ? arena_printf(j->a, "the bank's server answered %u", status).p
                         : arena_printf(j->a, "the bank's server: %s", j->rail->answer.error).p;
    return BANK_UNTOLD;
}

/** It takes files and shows none. What has been put there is then put again: banks know a pain.001
 *  by its message id. */
static bool shows_none(const struct bank_job *j)
{
    return status_of(j) == 405 || status_of(j) == 501;
}

static enum bank_place url_look(struct bank_job *j)
{
    ask(j, "GET", (struct bytes){0});
    if (status_of(j) == 404 || shows_none(j)) {
        return BANK_ABSENT;
    }
    if (status_of(j) != 200) {
        return url_untold(j);
    }
    const struct bytes got = buf_bytes(&j->rail->answer.body);
    return j->file.p == NULL || (got.len == j->file.len && memcmp(got.p, j->file.p, got.len) == 0)
               ? BANK_PLACED
               : BANK_OTHER;
}

/** Whether the server has not taken the file, by what came: nothing left, or it let nobody in. */
static bool is_not_taken(const struct bank_job *j)
{
    const enum web_outcome o = j->rail->answer.outcome;
    return o == WEB_NOT_SENT || o == WEB_REFUSED || status_of(j) == 401 || status_of(j) == 403;
}

/** ABSENT: it was not put there, and j->why says why. */
static enum bank_place url_put(struct bank_job *j)
{
    ask(j, "PUT", j->file);
    const unsigned status = status_of(j);
    if (status == 409 || status == 412) { /* it stands there already */
        enum bank_place there = url_look(j);
        if (shows_none(j)) { /* its name follows from what is in it */
            return BANK_PLACED;
        }
        if (there == BANK_ABSENT) {
            j->why = "the bank's server says that the file stands there, and that it does not";
            return BANK_UNTOLD;
        }
        return there;
    }
    if (status == 200 || status == 201 || status == 204) {
        return BANK_PLACED;
    }
    (void)url_untold(j);
    return is_not_taken(j) ? BANK_ABSENT : BANK_UNTOLD;
}

/* --- both --------------------------------------------------------------------------------------*/

/** By the marks alone; of a NACHA file also whether it was begun. */
static enum bank_place marks_look(struct bank_job *j)
{
    enum bank_place there = bank_mark_look(j, "");
    return there == BANK_ABSENT && is_nacha(j) ? bank_mark_begun(j) : there;
}

/** The file stands in the folder: then it is out, whoever put it there. */
static enum bank_place folder_look(struct bank_job *j)
{
    const enum bank_place there = file_compare(j);
    if (there == BANK_ABSENT) {
        return marks_look(j);
    }
    return there == BANK_PLACED && bank_mark_look(j, "") == BANK_ABSENT && is_nacha(j)
               ? bank_mark_done(j)
               : there;
}

/** What was begun may stand there: then it is out. */
static enum bank_place begun_look(struct bank_job *j)
{
    enum bank_place there = marks_look(j);
    const char *why = j->why;
    if (there != BANK_UNTOLD || bank_mark_look(j, BANK_BEGUN) != BANK_PLACED) {
        return there;
    }
    there = url_look(j);
    if (there == BANK_PLACED) {
        return bank_mark_done(j);
    }
    j->why = why;
    return there == BANK_OTHER ? there : BANK_UNTOLD;
}

enum bank_place bank_place_look(struct bank_job *j)
{
    return j->rail->folder != NULL  ? folder_look(j)
           : j->rail->marks != NULL ? begun_look(j)
                                    : url_look(j);
}

/** ABSENT: it was not put there. */
static enum bank_place marked_put(struct bank_job *j)
{
    enum bank_place there = bank_mark_look(j, "");
    if (there == BANK_ABSENT && is_nacha(j)) {
        there = bank_mark_begin(j);
        if (there == BANK_UNTOLD) {
            return bank_place_look(j);
        }
    }
    if (there != BANK_ABSENT) {
        return there;
    }
    there = j->rail->folder != NULL ? folder_put(j) : url_put(j);
    if (there == BANK_ABSENT) {
        bank_mark_drop(j);
    }
    if (there == BANK_PLACED) {
        j->at = j->now;
        return bank_mark_done(j);
    }
    return there;
}

enum bank_place bank_place_put(struct bank_job *j)
{
    if (j->rail->folder != NULL && !bank_marks_make(j->rail->marks)) {
        return bank_untold(j, "the outgoing folder cannot be written");
    }
    const enum bank_place there = j->rail->marks != NULL ? marked_put(j) : url_put(j);
    return there == BANK_ABSENT ? BANK_UNTOLD : there;
}
