//! The program itself.

use crate::support::{Program, run};

#[test]
fn the_program_checks_the_local_supabase() {
    // A proxy is not for this machine.
    let output = run(&["check"], &[("HTTP_PROXY", "http://127.0.0.1:9")]);
    let report = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{report}");
    assert!(
        report.contains("✓ the database is SQLite") && report.ends_with("All is well.\n"),
        "{report}"
    );
}

#[test]
fn the_program_checks_a_running_local_supabase() {
    let server = Program::start(&[]);
    let addr = server.supabase_url.trim_start_matches("http://");
    let data_dir = server.data_dir();
    let settings = [("DATA_DIR", data_dir.as_str()), ("LOCAL_SUPABASE_ADDR", addr)];
    let output = run(&["check"], &settings);
    let report = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{report}");
    assert!(report.contains("a running server has it and is asked at"), "{report}");
}

#[test]
fn the_program_fails_when_something_is_wrong() {
    let settings =
        [("SUPABASE_URL", "http://127.0.0.1:9"), ("SUPABASE_ANON_KEY", "sb_publishable_test")];
    let output = run(&["check"], &settings);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stdout).unwrap().contains("✗ Auth does not answer"));

    let output = run(&["check"], &[("SUPABASE_URL", "nonsense")]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("SUPABASE_URL: "));
}
