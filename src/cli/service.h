/* SPDX-License-Identifier: Apache-2.0
 * Telling the service manager how it stands: the datagrams of systemd's sd_notify(3). */
#ifndef METE_CLI_SERVICE_H
#define METE_CLI_SERVICE_H

/** "READY=1", "STOPPING=1". Without a manager that listens (NOTIFY_SOCKET), nothing. */
void service_notify(const char *state);

#endif
