//! What administrators see of all users: `/api/admin`.

pub mod model;
pub mod routes;
mod store;
