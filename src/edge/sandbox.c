/* SPDX-License-Identifier: Apache-2.0
 * Landlock, capabilities and seccomp. */
#include "edge/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__has_feature)
#define SANDBOX_FEATURE(name) __has_feature(name)
#else
#define SANDBOX_FEATURE(name) 0
#endif

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || SANDBOX_FEATURE(address_sanitizer) ||             \
    SANDBOX_FEATURE(thread_sanitizer)
#define SANDBOX_SANITIZED 1 /* they start processes, and read whatever they like */
#else
#define SANDBOX_SANITIZED 0
#endif

#if defined(__x86_64__)
#define SANDBOX_ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define SANDBOX_ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

/* ---- files ---- */

enum {
    SANDBOX_TRUNCATE = 1 << 14, /* since version 3, which the headers of Debian 12 do not know */
    /* What makes sense for a file; the rest is about directories. */
    SANDBOX_FILE =
        LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE | SANDBOX_TRUNCATE,
};

static const uint64_t sandbox_read = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
static const uint64_t sandbox_write = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR |
                                      LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG |
                                      LANDLOCK_ACCESS_FS_REMOVE_FILE;

static void sandbox_allow(int ruleset, const char *path, uint64_t access)
{
    const int fd = open(path, O_PATH | O_CLOEXEC);
    struct stat status;
    if (fd < 0) {
        return;
    }
    if (fstat(fd, &status) == 0) {
        const struct landlock_path_beneath_attr rule = {
            .allowed_access = S_ISDIR(status.st_mode) ? access : access & SANDBOX_FILE, .parent_fd = fd};
        (void)syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    }
    close(fd);
}

static enum err sandbox_files(const struct sandbox *sandbox)
{
    static const char *const system[] = {
        "/usr", "/lib", "/lib64", "/etc/ssl", "/etc/localtime", "/proc", "/sys/devices/system", "/dev/urandom"};
    const long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (version < 1) {
        return ERR_UNSUPPORTED;
    }
    struct landlock_ruleset_attr all = {.handled_access_fs = LANDLOCK_ACCESS_FS_REFER - 1};
    all.handled_access_fs |= version >= 2 ? LANDLOCK_ACCESS_FS_REFER : 0;
    all.handled_access_fs |= version >= 3 ? SANDBOX_TRUNCATE : 0;
    const int ruleset = (int)syscall(SYS_landlock_create_ruleset, &all, sizeof all, 0);
    if (ruleset < 0) {
        return ERR_UNSUPPORTED;
    }
    for (size_t i = 0; i < sizeof system / sizeof *system; i++) {
        sandbox_allow(ruleset, system[i], sandbox_read);
    }
    for (uint32_t i = 0; i < sandbox->reads_count; i++) {
        sandbox_allow(ruleset, sandbox->reads[i], sandbox_read);
    }
    for (uint32_t i = 0; i < sandbox->writes_count; i++) {
        sandbox_allow(ruleset, sandbox->writes[i], sandbox_write | (all.handled_access_fs & SANDBOX_TRUNCATE));
    }
    const long done = syscall(SYS_landlock_restrict_self, ruleset, 0);
    close(ruleset);
    return done == 0 ? ERR_OK : ERR_PERMISSION;
}

/* ---- capabilities ---- */

/* Ports below 1024, and files of other users where it may read at all; the rest of root's powers goes. */
static enum err sandbox_capabilities(void)
{
    enum { SANDBOX_KEPT = 1 << CAP_NET_BIND_SERVICE | 1 << CAP_DAC_OVERRIDE | 1 << CAP_DAC_READ_SEARCH };
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
    if (syscall(SYS_capget, &head, data) != 0) {
        return ERR_PERMISSION;
    }
    for (size_t i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
        const uint32_t kept = i == 0 ? SANDBOX_KEPT : 0;
        data[i].permitted &= kept;
        data[i].effective &= kept;
        data[i].inheritable = 0;
    }
    return syscall(SYS_capset, &head, data) == 0 ? ERR_OK : ERR_PERMISSION;
}

/* ---- system calls ---- */

#ifdef SANDBOX_ARCHITECTURE

#define SANDBOX_LOAD(member) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, member))
#define SANDBOX_LET          BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define SANDBOX_REFUSE(code) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (code))
#define SANDBOX_CALL(name)   BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1), SANDBOX_LET
/* With argument `n` (its lower half): `test` lets it through or not, and the filter ends there. */
#define SANDBOX_ARGUMENT(name, n) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 4), SANDBOX_LOAD(args[n])

static const struct sock_filter sandbox_filter[] = {
    SANDBOX_LOAD(arch),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SANDBOX_ARCHITECTURE, 1, 0),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    SANDBOX_LOAD(nr),
    /* What answers are made of comes first. */
    SANDBOX_CALL(recvmmsg),
    SANDBOX_CALL(sendmmsg),
    SANDBOX_CALL(epoll_pwait),
    SANDBOX_CALL(futex),
    SANDBOX_CALL(read),
    SANDBOX_CALL(write),
    SANDBOX_CALL(readv),
    SANDBOX_CALL(writev),
    SANDBOX_CALL(pread64),
    SANDBOX_CALL(recvfrom),
    SANDBOX_CALL(recvmsg),
    SANDBOX_CALL(sendto),
    SANDBOX_CALL(sendmsg),
    SANDBOX_CALL(accept),
    SANDBOX_CALL(accept4),
    SANDBOX_CALL(bind),
    SANDBOX_CALL(listen),
    SANDBOX_CALL(connect),
    SANDBOX_CALL(setsockopt),
    SANDBOX_CALL(getsockopt),
    SANDBOX_CALL(getsockname),
    SANDBOX_CALL(getpeername),
    SANDBOX_CALL(shutdown),
    SANDBOX_CALL(close),
    SANDBOX_CALL(dup),
    SANDBOX_CALL(fcntl),
    SANDBOX_CALL(epoll_create1),
    SANDBOX_CALL(epoll_ctl),
    SANDBOX_CALL(eventfd2),
    SANDBOX_CALL(pipe2),
    SANDBOX_CALL(ppoll),
    SANDBOX_CALL(pselect6),
    SANDBOX_CALL(clock_gettime),
    SANDBOX_CALL(clock_getres),
    SANDBOX_CALL(clock_nanosleep),
    SANDBOX_CALL(nanosleep),
    SANDBOX_CALL(gettimeofday),
    SANDBOX_CALL(munmap),
    SANDBOX_CALL(mremap),
    SANDBOX_CALL(madvise),
    SANDBOX_CALL(brk),
    SANDBOX_CALL(openat),
    SANDBOX_CALL(newfstatat),
    SANDBOX_CALL(fstat),
    SANDBOX_CALL(statx),
    SANDBOX_CALL(lseek),
    SANDBOX_CALL(readlinkat),
    SANDBOX_CALL(faccessat),
    SANDBOX_CALL(getdents64),
    SANDBOX_CALL(getcwd),
    SANDBOX_CALL(flock),
    SANDBOX_CALL(pwrite64),
    SANDBOX_CALL(fallocate),
    SANDBOX_CALL(memfd_create),
    SANDBOX_CALL(ftruncate),
    SANDBOX_CALL(fsync),
    SANDBOX_CALL(renameat2),
    SANDBOX_CALL(unlinkat),
    SANDBOX_CALL(fadvise64),
    SANDBOX_CALL(rt_sigaction),
    SANDBOX_CALL(rt_sigprocmask),
    SANDBOX_CALL(rt_sigreturn),
    SANDBOX_CALL(rt_sigtimedwait),
    SANDBOX_CALL(sigaltstack),
    SANDBOX_CALL(getpid),
    SANDBOX_CALL(getppid),
    SANDBOX_CALL(gettid),
    SANDBOX_CALL(getuid),
    SANDBOX_CALL(geteuid),
    SANDBOX_CALL(getgid),
    SANDBOX_CALL(getegid),
    SANDBOX_CALL(tgkill),
    SANDBOX_CALL(exit),
    SANDBOX_CALL(exit_group),
    SANDBOX_CALL(sched_yield),
    SANDBOX_CALL(sched_getaffinity),
    SANDBOX_CALL(getrandom),
    SANDBOX_CALL(rseq),
    SANDBOX_CALL(set_robust_list),
    SANDBOX_CALL(set_tid_address),
    SANDBOX_CALL(prctl),
    SANDBOX_CALL(restart_syscall),
    SANDBOX_CALL(membarrier),
    SANDBOX_CALL(uname),
    SANDBOX_CALL(sysinfo),
    SANDBOX_CALL(getrusage),
    SANDBOX_CALL(getcpu),
#ifdef __x86_64__ /* the older names of some of them */
    SANDBOX_CALL(epoll_wait),
    SANDBOX_CALL(poll),
    SANDBOX_CALL(select),
    SANDBOX_CALL(open),
    SANDBOX_CALL(stat),
    SANDBOX_CALL(lstat),
    SANDBOX_CALL(access),
    SANDBOX_CALL(readlink),
    SANDBOX_CALL(rename),
    SANDBOX_CALL(unlink),
    SANDBOX_CALL(time),
#endif
    /* glibc then makes its threads with clone, whose flags can be looked at. */
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1),
    SANDBOX_REFUSE(ENOSYS),
    SANDBOX_ARGUMENT(clone, 0),
    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 0, 1),
    SANDBOX_LET,
    SANDBOX_REFUSE(EPERM),
    SANDBOX_ARGUMENT(mmap, 2),
    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 1, 0),
    SANDBOX_LET,
    SANDBOX_REFUSE(EPERM),
    SANDBOX_ARGUMENT(mprotect, 2),
    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 1, 0),
    SANDBOX_LET,
    SANDBOX_REFUSE(EPERM),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 5),
    SANDBOX_LOAD(args[0]),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET, 2, 0),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET6, 1, 0),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_UNIX, 0, 1),
    SANDBOX_LET,
    SANDBOX_REFUSE(EPERM),
};

static enum err sandbox_calls(void)
{
    const struct sock_fprog program = {.len = sizeof sandbox_filter / sizeof *sandbox_filter,
                                       .filter = (struct sock_filter *)(uintptr_t)sandbox_filter};
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0 ? ERR_OK : ERR_PERMISSION;
}

#else

static enum err sandbox_calls(void)
{
    return ERR_UNSUPPORTED;
}

#endif

enum err sandbox_enter(const struct sandbox *sandbox)
{
    if (SANDBOX_SANITIZED) {
        return ERR_UNSUPPORTED;
    }
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return ERR_PERMISSION;
    }
    const enum err files = sandbox_files(sandbox);
    const enum err powers = sandbox_capabilities();
    const enum err calls = sandbox_calls();
    return calls != ERR_OK ? calls : powers != ERR_OK ? powers : files;
}
