//! The application: builds and holds all services.

mod background;
mod build;
mod error;
mod local;
mod services;
mod state;

pub use self::build::App;
pub use self::error::BuildError;
pub use self::local::{
    LocalListener, back_up_local, reset_own_tables, restore_local, running_local_supabase, url_of,
};
pub use self::state::{AppState, Services};
pub use crate::local::{
    BackupContents, BackupError, FunctionDescription, MIGRATIONS, TableDescription, expected_schema,
};
