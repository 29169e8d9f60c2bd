//! Usage, chat statistics and events: `/api/analytics`.

mod csv;
pub mod events;
pub mod export;
pub mod model;
mod refusal;
pub mod routes;
mod span;
mod store;
