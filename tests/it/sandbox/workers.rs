//! What a worker for JavaScript is: nobody's, without privileges, and one user's alone.

use std::collections::BTreeSet;
use std::fs;

use super::*;

/// The processes of a sandbox whose scripts have this much memory, which no other sandbox has.
fn workers(memory_bytes: u64) -> BTreeSet<u32> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let is_worker = |id: &u32| {
        let command = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        let command = String::from_utf8_lossy(&command).into_owned();
        command.ends_with(&format!("sandbox-worker\0javascript\0{memory_bytes}\0"))
    };
    ids.filter(is_worker).collect()
}

fn sandbox_with(memory_bytes: u64) -> Sandbox {
    let limits = Limits { memory_bytes, ..LIMITS };
    Sandbox::new(Settings { python: None, limits, ..settings() })
}

#[tokio::test]
async fn a_worker_has_no_privileges() {
    let memory_bytes = 100_000_007;
    let sandbox = sandbox_with(memory_bytes);
    run(&sandbox, Language::JavaScript, "1").await;
    let [worker] = workers(memory_bytes).into_iter().collect::<Vec<_>>()[..] else { panic!() };
    let status = |of: &str| fs::read_to_string(format!("/proc/{of}/status")).unwrap();
    let field = |status: &str, name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    let (mine, its) = (status("self"), status(&worker.to_string()));
    for set in ["CapInh:", "CapPrm:", "CapEff:", "CapAmb:"] {
        assert_eq!(field(&its, set), ["0000000000000000"], "{set}");
    }
    assert_eq!(field(&its, "NoNewPrivs:"), ["1"]);
    assert_eq!(field(&its, "Seccomp:"), ["2"]);
    // Only root can become somebody else.
    if field(&mine, "Uid:")[0] == "0" {
        assert_eq!(field(&its, "CapBnd:"), ["0000000000000000"]);
        assert_eq!(field(&its, "Uid:"), ["65534"; 4]);
        assert_eq!(field(&its, "Gid:"), ["65534"; 4]);
        assert!(field(&its, "Groups:").is_empty());
    }
}

#[tokio::test]
async fn a_worker_serves_one_user() {
    let memory_bytes = 100_000_009;
    let sandbox = sandbox_with(memory_bytes);
    let run_as = async |user: u128| {
        let slot = sandbox.slot(Uuid::from_u128(user), Language::JavaScript).await.unwrap();
        assert_eq!(slot.run(&script("1")).await.unwrap().result, json!(1));
    };
    run_as(1).await;
    let alices = workers(memory_bytes);
    run_as(1).await;
    assert_eq!(workers(memory_bytes), alices, "her second script finds her worker");
    run_as(2).await;
    let both = workers(memory_bytes);
    assert!(both.len() == 2 && both.is_superset(&alices), "his has a new one");
}
