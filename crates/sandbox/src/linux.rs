//! What only Linux has: system call filters, resource limits, and reading `/proc`.

use std::fs;
use std::io;
use std::os::fd::{IntoRawFd, RawFd};

use rustix::fs::{MemfdFlags, memfd_create, statvfs};
use rustix::process::{
    Pid, Resource, Rlimit, Signal, kill_process_group, set_parent_process_death_signal, setrlimit,
};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, apply_filter_all_threads, sock_filter,
};

pub(super) use super::privileges::{become_nobody, can_become_nobody, drop_privileges};

/// The memory that a worker needs besides that of its scripts: the program, and copies of files.
const PROGRAM_BYTES: u64 = 64 << 20;
/// Maximum number of open files of a worker.
const OPEN_FILES: u64 = 64;

/// Confines this process to its pipes: it may compute, and read and write what is open.
pub(super) fn confine_javascript(memory_bytes: u64) -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    let status = fs::read_to_string("/proc/self/status")?;
    let data = field(&status, "VmData:").unwrap_or_default() * 1024;
    limit(Resource::Core, 0)?;
    limit(Resource::Fsize, 0)?;
    limit(Resource::Nofile, OPEN_FILES)?;
    limit(Resource::Data, data + 2 * memory_bytes + PROGRAM_BYTES)?;
    let rules = COMPUTING.iter().map(|call| (*call, Vec::new())).collect();
    let denied = SeccompAction::Errno(libc::EPERM as u32);
    let filter = compiled(rules, denied, SeccompAction::Allow)?;
    apply_filter_all_threads(&filter).map_err(io::Error::other)
}

/// Limits this process and the programs that it executes: bubblewrap, then Python.
pub(super) fn limit_python(memory_bytes: u64, files_bytes: u64) -> io::Result<()> {
    limit(Resource::Core, 0)?;
    limit(Resource::Fsize, files_bytes)?;
    limit(Resource::Nofile, OPEN_FILES)?;
    limit(Resource::Memlock, 0)?;
    limit(Resource::Msgqueue, 0)?;
    limit(Resource::Data, memory_bytes)
}

fn limit(resource: Resource, value: u64) -> io::Result<()> {
    Ok(setrlimit(resource, Rlimit { current: Some(value), maximum: Some(value) })?)
}

/// The filter for Python as bubblewrap wants it: an open file, which its child inherits.
pub(super) fn python_filter() -> io::Result<RawFd> {
    let mut rules: Vec<(i64, Vec<SeccompRule>)> =
        FORBIDDEN.iter().map(|call| (*call, Vec::new())).collect();
    // A new thread is no new process.
    let thread = u64::from(libc::CLONE_THREAD.cast_unsigned());
    let is_process =
        SeccompCondition::new(0, SeccompCmpArgLen::Qword, SeccompCmpOp::MaskedEq(thread), 0);
    let is_process = is_process.and_then(|condition| SeccompRule::new(vec![condition]));
    rules.push((libc::SYS_clone, vec![is_process.map_err(io::Error::other)?]));
    let denied = SeccompAction::Errno(libc::EPERM as u32);
    let mut program = no_unknown_calls();
    program.extend(compiled(rules.into_iter().collect(), SeccompAction::Allow, denied)?);
    let file = memfd_create("filter", MemfdFlags::empty())?;
    rustix::io::write(&file, &bytes(&program))?;
    rustix::fs::seek(&file, rustix::fs::SeekFrom::Start(0))?;
    Ok(file.into_raw_fd())
}

/// The filter that Python's runner adds once Python has started: no other program can be executed.
pub(super) fn no_exec_filter() -> Vec<u8> {
    let call = |call: i64| u32::try_from(call).unwrap_or_default();
    bytes(&[
        statement(LOAD, 0),
        jump(JUMP_IF_EQUAL, call(libc::SYS_execve), 2, 0),
        jump(JUMP_IF_EQUAL, call(libc::SYS_execveat), 1, 0),
        statement(RETURN, ALLOW),
        statement(RETURN, ERRNO | libc::EPERM.cast_unsigned()),
    ])
}

/// `clone3` hides its flags from a filter, and calls that are newer than this list, or of another ABI,
/// cannot be judged: they are reported as not implemented. Programs then fall back to older ones.
fn no_unknown_calls() -> BpfProgram {
    let clone3 = u32::try_from(libc::SYS_clone3).unwrap_or_default();
    vec![
        statement(LOAD, 0),
        jump(JUMP_IF_AT_LEAST, FIRST_UNKNOWN_CALL, 1, 0),
        jump(JUMP_IF_EQUAL, clone3, 0, 1),
        statement(RETURN, ERRNO | libc::ENOSYS.cast_unsigned()),
    ]
}

const LOAD: u16 = 0x20;
const JUMP_IF_EQUAL: u16 = 0x15;
const JUMP_IF_AT_LEAST: u16 = 0x35;
const RETURN: u16 = 0x06;
const ALLOW: u32 = 0x7fff_0000;
const ERRNO: u32 = 0x0005_0000;
/// After `mseal`, 2024.
const FIRST_UNKNOWN_CALL: u32 = 463;

fn statement(code: u16, k: u32) -> sock_filter {
    sock_filter { code, jt: 0, jf: 0, k }
}

fn jump(code: u16, k: u32, jt: u8, jf: u8) -> sock_filter {
    sock_filter { code, jt, jf, k }
}

fn compiled(
    rules: std::collections::BTreeMap<i64, Vec<SeccompRule>>,
    otherwise: SeccompAction,
    matching: SeccompAction,
) -> io::Result<BpfProgram> {
    let arch = std::env::consts::ARCH.try_into().map_err(io::Error::other)?;
    let filter = SeccompFilter::new(rules, otherwise, matching, arch);
    filter.and_then(TryInto::try_into).map_err(io::Error::other)
}

fn bytes(program: &[sock_filter]) -> Vec<u8> {
    let instruction = |i: &sock_filter| {
        let mut bytes = [0; 8];
        bytes[..2].copy_from_slice(&i.code.to_ne_bytes());
        (bytes[2], bytes[3]) = (i.jt, i.jf);
        bytes[4..].copy_from_slice(&i.k.to_ne_bytes());
        bytes
    };
    program.iter().flat_map(instruction).collect()
}

/// Ends a worker and its process group.
pub(super) fn kill_group(leader: u32) {
    let leader = i32::try_from(leader).ok().and_then(Pid::from_raw);
    if let Some(leader) = leader {
        // It may already have ended.
        let _ = kill_process_group(leader, Signal::KILL);
    }
}

/// The memory, in bytes, and the number of threads of a process; `None` if it has ended.
pub(super) fn usage(process: u32) -> Option<(u64, u64)> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    Some((field(&status, "VmRSS:")? * 1024, field(&status, "Threads:")?))
}

/// A number in a process's status: kilobytes, or a count.
fn field(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}

/// The child of a process, if it has one.
pub(super) fn child(process: u32) -> Option<u32> {
    let children = fs::read_to_string(format!("/proc/{process}/task/{process}/children")).ok()?;
    children.split_whitespace().next()?.parse().ok()
}

/// How many bytes and files a process has in a file system of its own.
pub(super) fn stored(process: u32, folder: &str) -> Option<(u64, u64)> {
    let stat = statvfs(format!("/proc/{process}/root{folder}")).ok()?;
    Some(((stat.f_blocks - stat.f_bfree) * stat.f_frsize, stat.f_files - stat.f_ffree))
}

/// The system calls of a program that only computes.
const COMPUTING: &[i64] = &[
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_close,
    libc::SYS_mmap,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_mprotect,
    libc::SYS_madvise,
    libc::SYS_brk,
    libc::SYS_futex,
    libc::SYS_clock_gettime,
    libc::SYS_gettimeofday,
    libc::SYS_getrandom,
    libc::SYS_sched_yield,
    libc::SYS_sigaltstack,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_restart_syscall,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

/// System calls that no script needs: those for other processes, programs, other users' resources, the
/// network, rarely used parts of the kernel, and memory that no limit counts.
const FORBIDDEN: &[i64] = &[
    #[cfg(target_arch = "x86_64")]
    libc::SYS_fork,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_vfork,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_process_mrelease,
    libc::SYS_kcmp,
    libc::SYS_pidfd_open,
    libc::SYS_pidfd_getfd,
    libc::SYS_pidfd_send_signal,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_open_tree,
    libc::SYS_move_mount,
    libc::SYS_mount_setattr,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_socket,
    libc::SYS_connect,
    libc::SYS_bind,
    libc::SYS_listen,
    libc::SYS_accept,
    libc::SYS_accept4,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_io_setup,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_fanotify_init,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_kexec_file_load,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_iopl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_ioperm,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_modify_ldt,
    libc::SYS_personality,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_adjtimex,
    libc::SYS_clock_adjtime,
    libc::SYS_syslog,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_vhangup,
    libc::SYS_mbind,
    libc::SYS_set_mempolicy,
    libc::SYS_migrate_pages,
    libc::SYS_move_pages,
    libc::SYS_memfd_create,
    libc::SYS_memfd_secret,
    libc::SYS_shmget,
    libc::SYS_shmat,
    libc::SYS_semget,
    libc::SYS_msgget,
    libc::SYS_mq_open,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_symlink,
    libc::SYS_symlinkat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_link,
    libc::SYS_linkat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_mknod,
    libc::SYS_mknodat,
];
