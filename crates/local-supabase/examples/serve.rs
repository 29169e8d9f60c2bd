//! Serves a small project of one table on port 54321, or on the address that is given.
#![allow(clippy::print_stdout)]

mod notes;

use std::error::Error;

use clock::Clock;
use local_supabase::{LocalSupabase, Options, PASSWORD_KIB};
use memory::Memory;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:54321".to_owned());
    let listener = TcpListener::bind(address).await?;
    let url = format!("http://{}", listener.local_addr()?);
    let folder = std::env::temp_dir().join("local-supabase-notes");
    let options = Options {
        public_url: url.clone(),
        allow_anonymous_users: true,
        migrations: None,
        auto_expose_new_tables: false,
        max_user_bytes: 1 << 30,
        max_object_bytes: 50 << 20,
        password_kib: PASSWORD_KIB,
        clock: Clock::System,
        memory: Memory::new(256 << 20),
    };
    let supabase = LocalSupabase::open(&folder, notes::PROJECT, options)?;
    println!("createClient('{url}', '{}')", supabase.publishable_key());
    println!("The data is in {}", folder.display());
    axum::serve(listener, supabase.router()).await?;
    Ok(())
}
