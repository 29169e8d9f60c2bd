//! A real Supabase to run the tests on, where one is named.

use std::io::Write;
use std::sync::OnceLock;

/// A project whose schema is `supabase/migrations` and that allows anonymous sign-ins.
pub struct Remote {
    pub url: String,
    pub anon_key: String,
    pub service_key: String,
}

/// The project of `TEST_SUPABASE_URL` and its keys.
pub fn remote() -> Option<&'static Remote> {
    static REMOTE: OnceLock<Option<Remote>> = OnceLock::new();
    REMOTE.get_or_init(read).as_ref()
}

#[expect(clippy::disallowed_methods, reason = "settings of the tests, not of the server")]
fn read() -> Option<Remote> {
    let key = |name| std::env::var(name).unwrap_or_else(|_| panic!("{name} is missing"));
    let url = std::env::var("TEST_SUPABASE_URL").ok().filter(|url| !url.is_empty())?;
    Some(Remote {
        url,
        anon_key: key("TEST_SUPABASE_ANON_KEY"),
        service_key: key("TEST_SUPABASE_SERVICE_ROLE_KEY"),
    })
}

/// Whether the tests run on a real Supabase, whose clock cannot be moved.
pub fn is_on_a_real_supabase() -> bool {
    remote().is_some()
}

/// Whether a test has to be left out because the tests run on a real Supabase, which cannot do
/// `what`. Says so past the harness, which shows the output of failed tests only.
pub fn skipped_on_a_real_supabase(what: &str) -> bool {
    let is_skipped = is_on_a_real_supabase();
    if is_skipped {
        let test = std::thread::current().name().unwrap_or("a test").to_owned();
        let _ = writeln!(std::io::stderr(), "skipped: {test} needs {what}");
    }
    is_skipped
}
