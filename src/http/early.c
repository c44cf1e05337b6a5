/* SPDX-License-Identifier: Apache-2.0
 * Such answers are small and nothing was sent on the connection since the last one, so the system
 * has room for them; who has not even read the answer before gets a part of it, and then the end.
 * While it reads a body libmicrohttpd writes nothing, and GnuTLS lets one thread write while
 * another reads. */
#include "http/early.h"
#include "store/wall.h"

#include <microhttpd.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define DATE_MAX 32

/** As RFC 9110 wants it: Sun, 06 Nov 1994 08:49:37 GMT. 1970 began on a Thursday. */
static void date_of(mete_time now, char out[DATE_MAX])
{
    static const char *const day[] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
    static const char *const month[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    char at[TIME_TEXT_MAX]; /* 1994-11-06T08:49:37Z */
    time_format(now, at);
    size_t m = (size_t)(at[5] - '0') * 10 + (size_t)(at[6] - '0') - 1;
    METE_ASSERT(m < ARRAY_LEN(month));
    snprintf(out, DATE_MAX, "%s, %.2s %s %.4s %.8s GMT",
             day[now / TIME_SECOND_US / 86400 % (mete_time)ARRAY_LEN(day)], at + 8, month[m], at,
             at + 11);
}

static void answer_write(const struct exchange *x, struct buf *out)
{
    char date[DATE_MAX];
    date_of(wall_now(), date);
    buf_printf(out,
               "HTTP/1.1 %u %s\r\nDate: %s\r\nConnection: close\r\n"
               "Content-Length: %zu\r\n",
               x->status, MHD_get_reason_phrase_for(x->status), date, x->out.len);
    if (x->type != NULL) {
        buf_printf(out, "Content-Type: %s\r\n", x->type);
    }
    for (size_t i = 0; i < x->reply_count; i++) {
        buf_printf(out, "%s: %s\r\n", x->reply[i].name.p, x->reply[i].value.p);
    }
    buf_put_str(out, "\r\n");
    buf_put_text(out, buf_text(&x->out));
}

static bool send_all(const struct early_to *to, const struct buf *b)
{
    for (size_t at = 0; at < b->len;) {
        ssize_t sent = to->session != NULL
                           ? gnutls_record_send(to->session, b->p + at, b->len - at)
                           : send(to->fd, b->p + at, b->len - at, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent <= 0) {
            return false;
        }
        at += (size_t)sent;
    }
    return true;
}

bool early_answer(const struct early_to *to, const struct exchange *x)
{
    struct buf out = {0};
    METE_ASSERT(x->source == NULL);
    answer_write(x, &out);
    bool sent = send_all(to, &out);
    if (to->session != NULL) {
        (void)gnutls_bye(to->session, GNUTLS_SHUT_WR);
    }
    (void)shutdown(to->fd, SHUT_WR);
    buf_clear(&out);
    return sent;
}
