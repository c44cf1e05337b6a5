/* SPDX-License-Identifier: Apache-2.0
 * Opening the socket that a server listens on. */
#include "http/listener.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/** Splits "HOST:PORT" at its last colon. */
static enum mete_code listen_address(const char *listen, char host[256], char port[8],
                                     struct mete_err *err)
{
    const char *colon = strrchr(listen, ':');
    size_t len = colon == NULL ? 0 : (size_t)(colon - listen);
    if (len >= 2 && listen[0] == '[' && listen[len - 1] == ']') {
        listen++;
        len -= 2;
    }
    if (colon == NULL || len >= 256 || strlen(colon + 1) > 5 || colon[1] == '\0' ||
        strspn(colon + 1, "0123456789") != strlen(colon + 1)) {
        return mete_fail(err, METE_USAGE, NULL, "%.100s is not HOST:PORT", listen);
    }
    memcpy(host, listen, len);
    host[len] = '\0';
    snprintf(port, 8, "%s", colon + 1);
    return METE_OK;
}

static int socket_listen(const struct addrinfo *at)
{
    int fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, at->ai_protocol);
    int on = 1;
    if (fd < 0) {
        return -1;
    }
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(fd, at->ai_addr, at->ai_addrlen) != 0 || listen(fd, SOMAXCONN) != 0) {
        int why = errno;
        close(fd);
        errno = why;
        return -1;
    }
    return fd;
}

enum mete_code listener_open(const char *listen, int *fd, uint16_t *bound_to, struct mete_err *err)
{
    char host[256];
    char port[8];
    struct addrinfo *found = NULL;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    enum mete_code code = listen_address(listen, host, port, err);
    *fd = -1;
    if (code != METE_OK) {
        return code;
    }
    int why = getaddrinfo(host[0] != '\0' ? host : NULL, port, &hints, &found);
    if (why != 0) {
        return mete_fail(err, METE_USAGE, NULL, "%.100s: %s", listen, gai_strerror(why));
    }
    *fd = socket_listen(found);
    freeaddrinfo(found);
    if (*fd < 0) {
        int failed = errno;
        const char *mend = failed == EADDRINUSE ? ": another program has it; say another port"
                           : failed == EACCES   ? ": ports below 1024 take a privilege"
                                                : "";
        return mete_fail(err, METE_LISTEN, NULL, "cannot listen on %.100s: %s%s", listen,
                         strerror(failed), mend);
    }
    struct sockaddr_storage bound;
    socklen_t len = sizeof bound;
    METE_ASSERT(getsockname(*fd, (struct sockaddr *)&bound, &len) == 0);
    *bound_to = ntohs(bound.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&bound)->sin6_port
                                                  : ((struct sockaddr_in *)&bound)->sin_port);
    return METE_OK;
}
