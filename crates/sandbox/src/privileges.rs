//! Drops the privileges of a worker whose host runs as root or with capabilities.

use std::io;

use rustix::process::{Gid, Uid, geteuid};
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, clear_ambient_capability_set,
    remove_capability_from_bounding_set, set_capabilities, set_no_new_privs, set_thread_groups,
    set_thread_res_gid, set_thread_res_uid,
};

/// The user and group without any permissions of their own.
const NOBODY: u32 = 65_534;

/// Drops all capabilities, and root if this process is root. Must be called while there is only one
/// thread: privileges belong to threads, and new threads inherit those of the thread that starts them.
pub(super) fn drop_privileges() -> io::Result<()> {
    set_no_new_privs(true)?;
    let held = capabilities(None)?.effective;
    if held.contains(CapabilitySet::SETPCAP) {
        for capability in CapabilitySet::all().iter() {
            // Older kernels do not know it.
            let _ = remove_capability_from_bounding_set(capability);
        }
    }
    if can_become_nobody() {
        become_nobody()?;
    }
    // Kernels without ambient capabilities have none to clear.
    let _ = clear_ambient_capability_set();
    let none = CapabilitySet::empty();
    Ok(set_capabilities(
        None,
        CapabilitySets { effective: none, permitted: none, inheritable: none },
    )?)
}

/// Without the first two, root cannot become another user; without the last, the host could not
/// end its worker.
const NEEDED: CapabilitySet =
    CapabilitySet::SETUID.union(CapabilitySet::SETGID).union(CapabilitySet::KILL);

/// Whether this process is root and may become somebody else.
pub(super) fn can_become_nobody() -> bool {
    let held = capabilities(None).map(|held| held.effective);
    geteuid().is_root() && held.is_ok_and(|held| held.contains(NEEDED))
}

/// Becomes a user without permissions, for which the rules of [`drop_privileges`] hold as well.
pub(super) fn become_nobody() -> io::Result<()> {
    let (uid, gid) = (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY));
    let changed = set_thread_groups(&[])
        .and_then(|()| set_thread_res_gid(gid, gid, gid))
        .and_then(|()| set_thread_res_uid(uid, uid, uid));
    match changed {
        // A user namespace with a single user: its root is an unprivileged user outside of it.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::PERM) => Ok(()),
        changed => Ok(changed?),
    }
}
