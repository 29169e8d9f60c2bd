//! Files in messages.

pub(super) mod refresh_urls;
pub(super) mod resolve;
pub(super) mod tool_files;
