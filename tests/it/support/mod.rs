//! Test support: an application, its users, and fakes of what it depends on.

mod app;
mod form;
mod keys;
mod model;
mod operator_file;
mod program;
mod project;
mod provider;
mod proxy;
mod relay;
mod remote;
mod reply;
mod source;
mod sse;
mod stage;
mod supabase;
mod until;
mod user;

pub use app::{
    CHECKPOINT_EVERY_MS, HEAD_TIMEOUT_MS, IDLE_TIMEOUT_MS, PEER_ANSWER_MS, REQUEST_TIMEOUT_MS,
    TestApp, UNSAVED_PATIENCE_MS, WRITE_TIMEOUT_MS, app, config,
};
pub use form::{BOUNDARY, Form};
pub use keys::Key;
pub use model::{answer, call, calling, calls, says};
pub use operator_file::OperatorFile;
pub use program::{Program, new_folder, run, run_in};
pub use project::{Project, claims, project};
pub use provider::{Answer, FakeProvider, fixture, live};
pub use proxy::{Proxy, pass_on};
pub use relay::Relay;
pub use remote::{is_on_a_real_supabase, skipped_on_a_real_supabase};
pub use reply::Reply;
pub use source::{Called, FakeSource, Listed, ok, tool};
pub use sse::{Frames, frames};
pub use stage::{ChunkSender, Stage, stage, stage_with};
pub use supabase::{AS_USER, FakeSupabase, Outcome};
pub use until::{until, until_found};
pub use user::User;

/// One white pixel.
pub const PNG: &[u8] = b"\x89PNG\x0d\x0a\x1a\x0a\x00\x00\x00\x0dIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x01\x00\x00\x00\x007n\xf9$\x00\x00\x00\x0aIDATx\xdac\xf8\x0f\x00\x01\x01\x01\x00\x1c\xb0\x8c\x99\x00\x00\x00\x00IEND\xaeB`\x82";
