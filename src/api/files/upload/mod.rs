//! Uploads. An upload takes these steps:
//!
//! 1. `receive` reads the first bytes, detects the media type, and claims its id (`claim`).
//! 2. `transfer` sends the bytes to Storage, in a task of its own, and makes the row ready once the
//!    rest of the form is known: its states are [`UploadState`](transfer::UploadState).
//! 3. If the upload fails, its row and its bytes are removed.

mod claim;
mod content;
pub(super) mod error;
pub(super) mod form;
pub(super) mod metadata;
mod receive;
pub(super) mod transfer;
