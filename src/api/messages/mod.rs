//! Messages: `/api/messages`.

pub mod model;
pub mod parts;
pub mod routes;
mod store;

pub use store::LIST;

/// The columns of [`model::Message`]. `current_status` is computed: a streaming row whose lease has
/// lapsed reads `interrupted`.
pub const COLUMNS: &str = "id,chat_id,user_id,parent_id,role,content,parts,model,\
                           status:current_status,finish_reason,usage,cost_usd,is_active,metadata,\
                           created_at,updated_at";
