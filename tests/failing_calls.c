/* System calls that fail on request: loaded before the C library (LD_PRELOAD), below Python and all that it runs.

   A file that several processes share says which call fails, when and how; see failing_calls.py, which writes it. Only
   calls on files below one directory count: a program's own modules, its pipes and its terminal are left alone. The flush
   of a file succeeds at once where nothing else is asked for, as no test outlives a loss of power. */

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>

typedef long (*function)();

extern void *dlsym(void *handle, const char *symbol);
extern char *getenv(const char *name);
extern long syscall(long number, ...);
extern int dirfd(void *directory);

#define NEXT ((void *)-1L)
#define MOST 4096

enum effect { PASS, FAIL, FAIL_WHEN_DONE, LESS, LESS_THEN_FAIL, UNSUPPORTED };

/* The layout is that of failing_calls.py. */
struct control {
  int32_t armed, effect, error, first, last, records, plain;
  uint32_t count;
  char calls[512];
  char root[1024];
  char log[1024];
};

static struct control *control;

__attribute__((constructor)) static void open_control(void) {
  const char *path = getenv("FAILING_CALLS");
  if (!path) return;
  long descriptor = syscall(SYS_openat, -100, path, 02 /* O_RDWR */, 0);
  if (descriptor < 0) return;
  long address = syscall(SYS_mmap, 0, sizeof(struct control), 3 /* read, write */, 1 /* MAP_SHARED */, descriptor, 0L);
  syscall(SYS_close, descriptor);
  if (address > 0 || address < -4095) control = (struct control *)address;
}

static void path_of_descriptor(long descriptor, char *path) {
  char link[32] = "/proc/self/fd/", digits[20];
  int count = 0, end = 14;
  if (descriptor < 0) { path[0] = 0; return; }
  do { digits[count++] = (char)('0' + descriptor % 10); descriptor /= 10; } while (descriptor);
  while (count) link[end++] = digits[--count];
  link[end] = 0;
  long size = syscall(SYS_readlinkat, -100, link, path, MOST - 1);
  path[size > 0 ? size : 0] = 0;
}

static void path_of_name(long directory, const char *name, char *path) {
  size_t size = 0;
  path[0] = 0;
  if (!name) return;
  if (!strncmp(name, "/proc/self/fd/", 14)) {
    long found = syscall(SYS_readlinkat, -100, name, path, MOST - 1);
    path[found > 0 ? found : 0] = 0;
    return;
  }
  if (name[0] != '/') {
    if (directory == -100) { if (syscall(SYS_getcwd, path, MOST - 1) < 0) path[0] = 0; }
    else path_of_descriptor(directory, path);
    size = strlen(path);
    if (size + 1 < MOST) path[size++] = '/';
  }
  size_t rest = strlen(name);
  if (size + rest >= MOST) rest = MOST - size - 1;
  memcpy(path + size, name, rest);
  path[size + rest] = 0;
}

static int is_below(const char *path) {
  size_t size = strlen(control->root);
  return !strncmp(path, control->root, size) && (!path[size] || path[size] == '/');
}

static void record(const char *call, const char *path) {
  char line[MOST + 64];
  size_t name = strlen(call), size = strlen(path);
  memcpy(line, call, name);
  line[name] = '\t';
  memcpy(line + name + 1, path, size);
  line[name + 1 + size] = '\n';
  long descriptor = syscall(SYS_openat, -100, control->log, 02001 /* O_WRONLY | O_APPEND */, 0);
  if (descriptor < 0) return;
  syscall(SYS_write, descriptor, line, name + size + 2);
  syscall(SYS_close, descriptor);
}

static int is_chosen(const char *call) {
  size_t size = strlen(call);
  for (const char *at = control->calls; (at = strstr(at, call)); at += size)
    if (at > control->calls && at[-1] == ' ' && at[size] == ' ') return 1;
  return 0;
}

/* Say what is to happen to a call on either of two paths. */
static enum effect decide(const char *call, const char *path, const char *other) {
  if (!is_below(path) && !(other && is_below(other))) return PASS;
  const char *which = is_below(path) ? path : other;
  if (control->records) record(call, which);
  if (!is_chosen(call)) return PASS;
  int32_t number = (int32_t)__atomic_add_fetch(&control->count, 1, __ATOMIC_SEQ_CST);
  if (number < control->first || number > control->last) return PASS;
  if (!control->records) record(call, which);
  enum effect effect = (enum effect)control->effect;
  return effect == LESS_THEN_FAIL ? (number == control->first ? LESS : FAIL) : effect;
}

static int is_armed(void) { return control && __atomic_load_n(&control->armed, __ATOMIC_SEQ_CST); }

static enum effect on_name(const char *call, long directory, const char *name) {
  if (!is_armed()) return PASS;
  int before = errno;
  char path[MOST];
  path_of_name(directory, name, path);
  enum effect effect = decide(call, path, NULL);
  errno = before;
  return effect;
}

static enum effect on_names(const char *call, long one, const char *old, long two, const char *new) {
  if (!is_armed()) return PASS;
  int before = errno;
  char from[MOST], to[MOST];
  path_of_name(one, old, from);
  path_of_name(two, new, to);
  enum effect effect = decide(call, to, from);
  errno = before;
  return effect;
}

static enum effect on_descriptor(const char *call, long descriptor) {
  if (!is_armed()) return PASS;
  int before = errno;
  char path[MOST];
  path_of_descriptor(descriptor, path);
  enum effect effect = decide(call, path, NULL);
  errno = before;
  return effect;
}

#define REAL(name)                                \
  static function real;                           \
  if (!real) real = (function)dlsym(NEXT, #name);

/* The body of a call that gives -1 and errno: `decision` says what happens to it. */
#define FAILING(type, decision, call)                          \
  enum effect effect = decision;                               \
  if (effect == FAIL) { errno = control->error; return (type)-1; } \
  if (effect == UNSUPPORTED) { errno = EOPNOTSUPP; return (type)-1; } \
  type result = (type)call;                                    \
  if (effect == FAIL_WHEN_DONE && result != (type)-1) { errno = control->error; return (type)-1; } \
  return result;

#define BY_NAME(name, call, parameters, directory, path, arguments) \
  int name parameters { REAL(name) FAILING(int, on_name(call, directory, path), (real arguments)) }
#define BY_NAMES(name, call, parameters, one, old, two, new, arguments) \
  int name parameters { REAL(name) FAILING(int, on_names(call, one, old, two, new), (real arguments)) }
#define BY_DESCRIPTOR(name, call, parameters, descriptor, arguments) \
  int name parameters { REAL(name) FAILING(int, on_descriptor(call, descriptor), (real arguments)) }

#define NAMELESS 020200000 /* O_TMPFILE; one of the flags for it has another value on ARM, where nothing is plain then */

/* A plain file system has no files without a name, no hard links and no copies within the kernel. */
static enum effect on_open(int directory, const char *path, int flags) {
  enum effect effect = on_name("open", directory, path);
  if (effect != PASS || !is_armed() || !control->plain || (flags & NAMELESS) != NAMELESS) return effect;
  return UNSUPPORTED;
}

#define OPENING(name, parameters, directory, arguments) \
  int name parameters { REAL(name) FAILING(int, on_open(directory, path, flags), (real arguments)) }

OPENING(open, (const char *path, int flags, unsigned mode), -100, (path, flags, mode))
OPENING(open64, (const char *path, int flags, unsigned mode), -100, (path, flags, mode))
OPENING(openat, (int at, const char *path, int flags, unsigned mode), at, (at, path, flags, mode))
OPENING(openat64, (int at, const char *path, int flags, unsigned mode), at, (at, path, flags, mode))
BY_NAME(mkdir, "mkdir", (const char *path, unsigned mode), -100, path, (path, mode))
BY_NAME(mkdirat, "mkdir", (int at, const char *path, unsigned mode), at, path, (at, path, mode))
BY_NAME(rmdir, "rmdir", (const char *path), -100, path, (path))
BY_NAME(unlink, "unlink", (const char *path), -100, path, (path))
BY_NAME(unlinkat, flags & 0x200 ? "rmdir" : "unlink", (int at, const char *path, int flags), at, path, (at, path, flags))
BY_NAME(chmod, "chmod", (const char *path, unsigned mode), -100, path, (path, mode))
BY_NAME(fchmodat, "chmod", (int at, const char *path, unsigned mode, int flags), at, path, (at, path, mode, flags))
BY_NAME(utimensat, "utimens", (int at, const char *path, const void *times, int flags), at, path, (at, path, times, flags))
BY_NAME(stat64, "stat", (const char *path, void *found), -100, path, (path, found))
BY_NAME(lstat64, "stat", (const char *path, void *found), -100, path, (path, found))
BY_NAME(fstatat64, "stat", (int at, const char *path, void *found, int flags), at, path, (at, path, found, flags))
BY_NAME(access, "access", (const char *path, int mode), -100, path, (path, mode))
BY_NAME(statvfs64, "statvfs", (const char *path, void *found), -100, path, (path, found))
static enum effect unless_plain(enum effect effect) {
  return effect == PASS && is_armed() && control->plain ? UNSUPPORTED : effect;
}

int link(const char *old, const char *new) {
  REAL(link)
  FAILING(int, unless_plain(on_names("link", -100, old, -100, new)), real(old, new))
}

int linkat(int one, const char *old, int two, const char *new, int flags) {
  REAL(linkat)
  FAILING(int, unless_plain(on_names("link", one, old, two, new)), real(one, old, two, new, flags))
}

BY_NAMES(rename, "rename", (const char *old, const char *new), -100, old, -100, new, (old, new))
BY_NAMES(renameat, "rename", (int one, const char *old, int two, const char *new), one, old, two, new, (one, old, two, new))
BY_NAME(symlink, "symlink", (const char *target, const char *path), -100, path, (target, path))
BY_DESCRIPTOR(fchmod, "chmod", (int file, unsigned mode), file, (file, mode))
BY_DESCRIPTOR(fchown, "chown", (int file, unsigned user, unsigned group), file, (file, user, group))
BY_DESCRIPTOR(futimens, "utimens", (int file, const void *times), file, (file, times))
BY_DESCRIPTOR(fstat64, "stat", (int file, void *found), file, (file, found))
BY_DESCRIPTOR(flock, "flock", (int file, int how), file, (file, how))
BY_DESCRIPTOR(ftruncate64, "truncate", (int file, long size), file, (file, size))

static int flushed(int descriptor, function flush) { return is_armed() ? 0 : (int)flush(descriptor); }

int fsync(int file) {
  REAL(fsync)
  FAILING(int, on_descriptor("fsync", file), flushed(file, real))
}

int fdatasync(int file) {
  REAL(fdatasync)
  FAILING(int, on_descriptor("fsync", file), flushed(file, real))
}

/* The descriptor is free afterwards in every case, as Linux has it. */
int close(int file) {
  REAL(close)
  enum effect effect = on_descriptor("close", file);
  int result = (int)real(file);
  if (effect != PASS && !result) { errno = control->error; return -1; }
  return result;
}

/* Advice gives the error itself. */
int posix_fadvise64(int file, long offset, long size, int advice) {
  REAL(posix_fadvise64)
  enum effect effect = on_descriptor("fadvise", file);
  return effect == PASS ? (int)real(file, offset, size, advice) : control->error;
}

int posix_fallocate64(int file, long offset, long size) {
  REAL(posix_fallocate64)
  enum effect effect = on_descriptor("fallocate", file);
  return effect == PASS ? (int)real(file, offset, size) : control->error;
}

int ioctl(int file, unsigned long request, void *argument) {
  REAL(ioctl)
  FAILING(int, request == 0x4020940d ? on_descriptor("clone", file) : PASS, real(file, request, argument))
}

int fcntl64(int file, int command, void *argument) {
  REAL(fcntl64)
  int duplicates = command == 0 || command == 1030; /* F_DUPFD, F_DUPFD_CLOEXEC */
  FAILING(int, duplicates ? on_descriptor("dup", file) : PASS, real(file, command, argument))
}

#define SOME(size) (effect == LESS && (size) > 1 ? (size) / 2 : (size))

ssize_t read(int file, void *data, size_t size) {
  REAL(read)
  FAILING(ssize_t, on_descriptor("read", file), real(file, data, SOME(size)))
}

ssize_t pread64(int file, void *data, size_t size, long offset) {
  REAL(pread64)
  FAILING(ssize_t, on_descriptor("read", file), real(file, data, SOME(size), offset))
}

struct piece { char *start; size_t size; };

ssize_t preadv64v2(int file, const struct piece *pieces, int count, long offset, int flags) {
  REAL(preadv64v2)
  struct piece first = pieces[0];
  FAILING(ssize_t, on_descriptor("read", file),
          (first.size = SOME(first.size),
           effect == LESS ? real(file, &first, 1, offset, flags) : real(file, pieces, count, offset, flags)))
}

ssize_t write(int file, const void *data, size_t size) {
  REAL(write)
  FAILING(ssize_t, on_descriptor("write", file), real(file, data, SOME(size)))
}

ssize_t pwrite64(int file, const void *data, size_t size, long offset) {
  REAL(pwrite64)
  FAILING(ssize_t, on_descriptor("write", file), real(file, data, SOME(size), offset))
}

ssize_t copy_file_range(int from, long *start, int to, long *end, size_t size, unsigned flags) {
  REAL(copy_file_range)
  FAILING(ssize_t, unless_plain(on_descriptor("copy", to)), real(from, start, to, end, SOME(size), flags))
}

ssize_t sendfile64(int to, int from, long *offset, size_t size) {
  REAL(sendfile64)
  FAILING(ssize_t, on_descriptor("copy", to), real(to, from, offset, SOME(size)))
}

void *opendir(const char *path) {
  static void *(*real)(const char *);
  if (!real) real = (void *(*)(const char *))dlsym(NEXT, "opendir");
  if (on_name("opendir", -100, path) == PASS) return real(path);
  errno = control->error;
  return NULL;
}

void *fdopendir(int file) {
  static void *(*real)(int);
  if (!real) real = (void *(*)(int))dlsym(NEXT, "fdopendir");
  if (on_descriptor("opendir", file) == PASS) return real(file);
  errno = control->error;
  return NULL;
}

void *readdir64(void *directory) {
  static void *(*real)(void *);
  if (!real) real = (void *(*)(void *))dlsym(NEXT, "readdir64");
  if (on_descriptor("readdir", dirfd(directory)) == PASS) return real(directory);
  errno = control->error;
  return NULL;
}
