//! Usage, chat statistics and events: `/api/analytics`.

mod csv;
pub mod events;
pub mod export;
pub mod model;
pub mod routes;
mod store;
mod error;
mod time_range;
