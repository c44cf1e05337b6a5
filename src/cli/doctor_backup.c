/* SPDX-License-Identifier: Apache-2.0
 * The folder of backups, for mete doctor: what the newest says of itself. Whether it is still what
 * was written is for mete backup verify, which reads all of it. */
#include "base/text.h"
#include "cli/doctor.h"
#include "engine/backup.h"
#include "store/wall.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define OLD_US (2 * TIME_DAY_US)

struct found {
    struct backup newest;
    const char *name;   /* NULL: there is none */
    const char *flawed; /* a file that is no whole backup */
    unsigned flawed_count;
};

static bool is_named_like_one(const char *name)
{
    size_t len = strlen(name);
    return name[0] != '.' && len > 3 && strcmp(name + len - 3, ".db") == 0;
}

static void file_look(struct doctor *d, struct found *f, const char *folder, const char *name)
{
    struct arena *a = &d->c->arena;
    struct backup b;
    struct mete_err unused;
    const char *path = arena_printf(a, "%s/%s", folder, name).p;
    if (backup_read(a, path, &b, &unused) != METE_OK) {
        f->flawed = arena_printf(a, "%s", name).p;
        f->flawed_count++;
    } else if (f->name == NULL || b.made_at > f->newest.made_at) {
        f->newest = b;
        f->name = arena_printf(a, "%s", name).p;
    }
}

static void newest_tell(struct doctor *d, const struct found *f, const char *folder)
{
    char at[TIME_TEXT_MAX];
    uint64_t events = 0;
    mete_time age = wall_now() - f->newest.made_at;
    for (size_t i = 0; i < f->newest.count; i++) {
        events += f->newest.book[i].size;
    }
    time_format(f->newest.made_at, at);
    if (age > OLD_US) {
        doctor_tell(d, WARNING, "backup",
                    "the newest, %s/%s, is %" PRId64
                    " days old: see why mete backup no longer runs",
                    folder, f->name, age / TIME_DAY_US);
    } else {
        doctor_tell(d, FINE, "backup", "%s of %s: %" PRIu64 " events of %zu book%s%s", f->name, at,
                    events, f->newest.count, f->newest.count == 1 ? "" : "s",
                    f->newest.keys_beside ? "" : ", without the key file");
    }
}

void doctor_look_at_backups(struct doctor *d, const char *folder)
{
    struct found f = {0};
    DIR *dir = opendir(folder);
    if (dir == NULL) {
        doctor_tell(d, WRONG, "backup", "%s: %s: say the folder that mete backup writes to", folder,
                    strerror(errno));
        return;
    }
    for (const struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
        if (is_named_like_one(e->d_name)) {
            file_look(d, &f, folder, e->d_name);
        }
    }
    closedir(dir);
    if (f.name != NULL) {
        newest_tell(d, &f, folder);
    } else {
        doctor_tell(d, WARNING, "backup",
                    "%s has none: run mete backup every night, doc/backup.md says how", folder);
    }
    if (f.flawed_count > 0) {
        doctor_tell(d, WARNING, "backup", "%u %s, %s%s: mete backup verify tells why",
                    f.flawed_count,
                    f.flawed_count == 1 ? "file is no backup" : "files are no backups",
                    f.flawed_count == 1 ? "" : "among them ", f.flawed);
    }
}
