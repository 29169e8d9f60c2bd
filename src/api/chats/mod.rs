//! Chats: `/api/chats`.

pub mod model;
pub mod routes;
mod store;

pub(in crate::api) use store::COLUMNS;
