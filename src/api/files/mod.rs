//! Files: `/api/files`. The row is in `files`, the bytes are in Supabase Storage under
//! `<user_id>/<file_id>`.
//!
//! The row is created first and deleted last, so that an interrupted upload or deletion is found by
//! its row and finished later. Work that must be completed runs in a task of its own, whether the
//! client waits or not.

mod limit;
pub mod model;
mod name;
mod orphans;
mod picture;
pub mod routes;
mod service;
mod store;
mod tool;
mod upload;
pub mod attachments;
mod cleanup;
mod conditional;
mod media_type;
mod signed_urls;
pub mod text;
pub mod search;

pub(in crate::api) use attachments::resolve::written_part;
pub use attachments::resolve::{AttachedContent, Attachment, FilePart, PartsContext};
pub use attachments::tool_files::ToolCallSource;
pub use media_type::is_text;
pub use orphans::{ObjectName, Orphans};
pub use picture::{dimensions, is_picture};
pub(in crate::api) use routes::not_a_form;
pub use service::{BUCKET, Files, Owner};
pub(in crate::api) use store::{COLUMNS, LIST};
pub use tool::FilesTool;
pub(in crate::api) use upload::form::unreadable as unreadable_form;
pub use upload::metadata::NewFile;
