//! Usage, chat statistics and events: `/api/analytics`.

mod csv;
pub mod events;
pub mod export;
pub mod model;
pub mod routes;
pub(in crate::api) mod store;
mod error;
pub(in crate::api) mod time_range;
