/* wsgi_access.h - may this user reach this path? Asked before anything starts,
 * so that the answer names the folder at fault and not "No module named
 * 'encodings'". Mode bits of each component are judged for a uid, gid and
 * supplementary groups; nothing is opened and nothing is run. */
#ifndef WSGI_ACCESS_H
#define WSGI_ACCESS_H

#include <stddef.h>
#include <sys/types.h>

typedef struct {
    uid_t uid;
    gid_t gid;
    gid_t *groups;          /* owned */
    int ngroups;
    char *name;             /* owned: the user's name, or #uid */
    char *home;             /* owned: the home folder, or NULL */
} wsgi_identity;

/* USER and GROUP as in the configuration, a name or #id; GROUP NULL is the
 * user's own. 0, or -1 with one sentence in ERR. */
int  wsgi_identity_find(const char *user, const char *group, wsgi_identity *out,
                        char *err, size_t errlen);
void wsgi_identity_free(wsgi_identity *id);

/* LIST, names and #ids separated by commas, become the groups of ID, with the
 * primary one first. 0, or -1 with a sentence in ERR. */
int  wsgi_identity_groups(const char *list, wsgi_identity *id, char *err, size_t errlen);

/* The id of one user or group, a name or #id. 0, or -1 with a sentence in ERR. */
int  wsgi_access_user(const char *user, uid_t *out, char *err, size_t errlen);
int  wsgi_access_group(const char *group, gid_t *out, char *err, size_t errlen);

/* WANT is R_OK or X_OK bits for the last component; folders on the way need
 * search permission, symbolic links are followed. 0, or -1 with a sentence in
 * ERR that names the component, its mode and owner, the user, and the fix. */
int wsgi_access_check(const wsgi_identity *id, const char *path, int want,
                      char *err, size_t errlen);

/* Whose a script has to be: of a user, or of a group; neither is nobody's. */
typedef struct {
    int by_user, by_group;
    uid_t uid;
    gid_t gid;
} wsgi_owner;

/* File PATH and the folder it lies in must be of OWNER, and writable by nobody
 * else. 0, or -1 with a sentence in ERR that names the one at fault. */
int wsgi_access_owned(const wsgi_owner *owner, const char *path, char *err, size_t errlen);

#endif
