//! Stands in for `linux.rs` on other systems: JavaScript has the engine's own limits and the host's
//! timer, Python is not available.

use std::io;

pub(super) fn drop_privileges() -> io::Result<()> {
    Ok(())
}

pub(super) fn confine_javascript(_: u64) -> io::Result<()> {
    Ok(())
}

pub(super) fn kill_group(_: u32) {}

pub(super) fn usage(_: u32) -> Option<(u64, u64)> {
    Some((0, 0))
}
