//! Messages: `/api/messages`.

pub mod model;
pub mod parts;
mod read_marks;
pub mod routes;
mod store;

pub use read_marks::ReadMarks;
pub use store::LIST;

/// The columns of [`model::Message`]. `current_…` are computed: a streaming row has what was saved of
/// its answer so far, and reads `interrupted` when its lease has lapsed.
pub const COLUMNS: &str = "id,chat_id,user_id,parent_id,role,content:current_content,\
                           parts:current_parts,model,status:current_status,finish_reason,usage,\
                           cost_usd,is_active,metadata:current_metadata,created_at,updated_at";
