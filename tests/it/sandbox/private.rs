//! What a Python script sees of the machine, when somebody keeps secrets beside the interpreter.

use std::fs;
use std::path::PathBuf;

use uuid::Uuid;

use super::*;

/// A virtual environment that is somebody's project as well. It goes when it is dropped.
struct Project(PathBuf);

impl Project {
    fn new() -> Self {
        let name = format!("chat-backend-project-{}", Uuid::new_v4());
        let folder = std::env::temp_dir().canonicalize().unwrap().join(name);
        for part in ["bin", "lib/app/data", "notes"] {
            fs::create_dir_all(folder.join(part)).unwrap();
        }
        std::os::unix::fs::symlink("/usr/bin/python3", folder.join("bin/python")).unwrap();
        fs::write(folder.join("pyvenv.cfg"), "home = /usr/bin\n").unwrap();
        for secret in [".env", "notes/diary", "lib/.env", "lib/app/data/service_key"] {
            fs::write(folder.join(secret), "secret").unwrap();
        }
        fs::write(folder.join("lib/module.py"), "").unwrap();
        Self(folder)
    }

    /// What a script finds below this folder, and what it can read of it.
    async fn seen(&self, private: &[&str]) -> Option<Value> {
        let private = private.iter().map(|path| self.0.join(path)).collect();
        let python = Some(self.0.clone());
        let sandbox = with_python(Settings { python, private, ..settings() }).await?;
        let code = format!(
            "import os\nfound = []\nfor folder, _, names in os.walk({:?}):\n  for name in names:\n    \
             try: found.append(open(os.path.join(folder, name)).read() and name)\n    \
             except (OSError, UnicodeDecodeError): pass\nsorted(filter(None, found))",
            self.0
        );
        let outcome = run(&sandbox, Language::Python, &code).await;
        assert_eq!(outcome.status, Status::Ok, "{outcome:?}");
        Some(outcome.result)
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[tokio::test]
async fn a_project_around_an_interpreter_is_not_shown() {
    let project = Project::new();
    let Some(seen) = project.seen(&[]).await else { return };
    assert_eq!(seen, json!([".env", "pyvenv.cfg", "service_key"]), "only what is in lib");
}

#[tokio::test]
async fn private_folders_and_files_are_hidden_wherever_they_are() {
    let project = Project::new();
    let link = project.0.join("notes/data");
    std::os::unix::fs::symlink(project.0.join("lib/app/data"), &link).unwrap();
    let Some(seen) = project.seen(&["", "notes/data", "lib/.env"]).await else { return };
    assert_eq!(seen, json!(["pyvenv.cfg"]));
}

#[tokio::test]
async fn python_is_off_when_it_needs_what_is_private() {
    let project = Project::new();
    let (python, private) = (Some(project.0.clone()), vec![project.0.join("lib")]);
    let sandbox = Sandbox::new(Settings { python, private, ..settings() });
    let reason = sandbox.python().await.unwrap_err();
    assert!(reason.contains("a folder that is private"), "{reason}");
}
