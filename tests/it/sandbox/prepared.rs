//! Python that has imported what takes long before it gets its script. Here a small module has the
//! name of a slow one.

use std::fs;

use super::private::Project;
use super::*;

/// Runs a script until it got an interpreter that had imported the module already.
async fn run_prepared(sandbox: &Sandbox, code: &str) -> Outcome {
    let code = format!("import sys; print('pandas' in sys.modules)\nimport os, pandas\n{code}");
    let prepared = async {
        loop {
            let outcome = run(sandbox, Language::Python, &code).await;
            if outcome.stdout.starts_with("True") {
                return outcome;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), prepared).await.expect("one is prepared")
}

async fn sandbox_with_pandas(project: &Project) -> Option<Sandbox> {
    fs::write(project.packages.join("pandas.py"), "seen = []\n").unwrap();
    project.sandbox(Vec::new()).await
}

#[tokio::test]
async fn what_is_imported_in_advance_is_nobody_elses() {
    let project = Project::new();
    let Some(sandbox) = sandbox_with_pandas(&project).await else { return };
    let code = "found = [pandas.seen, os.listdir('/tmp'), os.listdir('/files')]\n\
        pandas.seen = pandas.seen + [1]\nopen('/tmp/left', 'w').close()\nfound";
    for _ in 0..3 {
        assert_eq!(run_prepared(&sandbox, code).await.result, json!([[], [], []]));
    }
}

#[tokio::test]
async fn a_prepared_interpreter_is_confined_like_any_other() {
    let project = Project::new();
    let Some(sandbox) = sandbox_with_pandas(&project).await else { return };
    for (code, expected) in [
        ("os.fork()", Status::Error),
        ("os.execv('/bin/sh', ['sh'])", Status::Error),
        ("import socket; socket.socket()", Status::Error),
        ("open('/packages/0/pandas.py', 'w')", Status::Error),
        ("open('/proc/self/environ')", Status::Error),
        ("os.kill(1, 9); 1", Status::Ok),
        ("a = []\nwhile True: a.append(' ' * 10 ** 6)", Status::MemoryLimit),
    ] {
        let outcome = run_prepared(&sandbox, code).await;
        assert_eq!(outcome.status, expected, "{code}: {outcome:?}");
    }
}
