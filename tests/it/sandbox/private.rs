//! What a Python script sees of the machine, when somebody keeps secrets beside the interpreter.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use uuid::Uuid;

use super::*;

/// The interpreter of a virtual environment.
const SYSTEM_PYTHON: &str = "/usr/bin/python3";

/// A virtual environment that is somebody's project as well. It goes when it is dropped.
pub(super) struct Project {
    root: PathBuf,
    /// Where its packages are.
    pub(super) packages: PathBuf,
}

impl Project {
    pub(super) fn new() -> Self {
        let name = format!("chat-backend-project-{}", Uuid::new_v4());
        let root = std::env::temp_dir().canonicalize().unwrap().join(name);
        let code = "import sys; print('lib/python%d.%d' % sys.version_info[:2], end='')";
        let version = Command::new(SYSTEM_PYTHON).args(["-c", code]).output();
        let version = version.map(|output| String::from_utf8(output.stdout).unwrap());
        let packages = root.join(version.unwrap_or_default()).join("site-packages");
        for folder in [&root.join("bin"), &root.join("notes"), &packages.join("app/data")] {
            fs::create_dir_all(folder).unwrap();
        }
        std::os::unix::fs::symlink(SYSTEM_PYTHON, root.join("bin/python")).unwrap();
        fs::write(root.join("pyvenv.cfg"), "home = /usr/bin\n").unwrap();
        let secrets = [root.join(".env"), root.join("notes/diary"), root.join("lib/.env")];
        let shown = ["plain.txt", ".env", "app/data/service_key"].map(|name| packages.join(name));
        for file in secrets.iter().chain(&shown) {
            fs::write(file, "secret").unwrap();
        }
        fs::write(packages.join("broken.py"), "def fail(): raise ValueError(__file__)\n").unwrap();
        Self { root, packages }
    }

    /// A sandbox with its interpreter.
    pub(super) async fn sandbox(&self, private: Vec<PathBuf>) -> Option<Sandbox> {
        let python = Some(self.root.clone());
        with_python(Settings { python, private, ..settings() }).await
    }

    /// What a script can read of the project.
    async fn seen(&self, private: Vec<PathBuf>) -> Option<Value> {
        let sandbox = self.sandbox(private).await?;
        let code = format!(
            "import os\nfound = []\nfor top in ('/packages', '/python', '/tmp', '/home', {:?}):\n  \
             for folder, _, names in os.walk(top):\n    for name in names:\n      \
             try: found.append(open(os.path.join(folder, name)).read() == 'secret' and name)\n      \
             except OSError: pass\nsorted(filter(None, found))",
            self.root
        );
        let outcome = run(&sandbox, Language::Python, &code).await;
        assert_eq!(outcome.status, Status::Ok, "{outcome:?}");
        Some(outcome.result)
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}

#[tokio::test]
async fn a_project_around_an_interpreter_is_not_shown() {
    let project = Project::new();
    let Some(seen) = project.seen(Vec::new()).await else { return };
    assert_eq!(seen, json!([".env", "plain.txt", "service_key"]), "only what is in the packages");
}

#[tokio::test]
async fn private_folders_and_files_are_hidden_wherever_they_are() {
    let project = Project::new();
    let link = project.root.join("notes/data");
    std::os::unix::fs::symlink(project.packages.join("app/data"), &link).unwrap();
    let private = vec![project.root.clone(), link, project.packages.join(".env")];
    let Some(seen) = project.seen(private).await else { return };
    assert_eq!(seen, json!(["plain.txt"]));
}

#[tokio::test]
async fn what_only_root_may_read_stays_so() {
    use std::os::unix::fs::PermissionsExt;

    let status = fs::read_to_string("/proc/self/status").unwrap();
    if !status.contains("\nUid:\t0\t") {
        return;
    }
    let project = Project::new();
    let only_roots = fs::Permissions::from_mode(0o600);
    fs::set_permissions(project.packages.join("plain.txt"), only_roots).unwrap();
    let Some(seen) = project.seen(Vec::new()).await else { return };
    assert_eq!(seen, json!([".env", "service_key"]));
}

#[tokio::test]
async fn python_is_off_when_it_needs_what_is_private() {
    let project = Project::new();
    let (python, private) = (Some(project.root.clone()), vec![project.packages.clone()]);
    let sandbox = Sandbox::new(Settings { python, private, ..settings() });
    let reason = sandbox.python().await.unwrap_err();
    assert!(reason.contains("a folder that is private"), "{reason}");
}

#[tokio::test]
async fn nobody_learns_where_an_interpreter_is() {
    let project = Project::new();
    let Some(sandbox) = project.sandbox(Vec::new()).await else { return };
    let code = "import os, sys, broken\n\
        print(sys.executable, sys.prefix, sys.base_prefix, sys.path, dict(os.environ), sys.argv, sys.orig_argv[:6])\n\
        broken.fail()";
    let outcome = run(&sandbox, Language::Python, code).await;
    let error = outcome.error.as_ref().unwrap();
    assert_eq!(error.message, "/packages/0/broken.py");
    let shown = format!("{outcome:?}");
    assert!(!shown.contains("chat-backend-project"), "{shown}");
}
