//! Chats: `/api/chats`.

pub mod model;
pub mod routes;
mod store;
