//! What ARCHITECTURE.md promises about the code.

use std::fs;
use std::path::{Path, PathBuf};

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// All Rust files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

/// The modules in reading order.
fn modules() -> Vec<String> {
    let lib = fs::read_to_string(source().join("lib.rs")).unwrap();
    let names = lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    names.map(str::to_owned).collect()
}

/// The modules that a file names, whether by `use` or in passing.
fn named(text: &str) -> Vec<String> {
    let mut named = Vec::new();
    for after in text.split("crate::").skip(1) {
        if let Some(list) = after.strip_prefix('{') {
            let list = list.split("};").next().unwrap();
            named.extend(list.split(',').map(|item| item.trim().to_owned()));
        } else {
            named.push(after.to_owned());
        }
    }
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let first_word = |name: String| name.split(|c| !is_word(c)).next().unwrap().to_owned();
    named.into_iter().map(first_word).filter(|name| !name.is_empty()).collect()
}

fn module_of(file: &Path) -> String {
    let path = file.strip_prefix(source()).unwrap();
    let first = path.components().next().unwrap().as_os_str().to_str().unwrap();
    first.trim_end_matches(".rs").to_owned()
}

#[test]
fn a_module_names_only_modules_above_it() {
    let modules = modules();
    assert!(modules.len() > 10, "{modules:?}");
    let place = |name: &str| modules.iter().position(|module| module == name);
    let mut wrong = Vec::new();
    for file in files(&source()) {
        let module = module_of(&file);
        let Some(own) = place(&module) else { continue };
        let text = fs::read_to_string(&file).unwrap();
        let later = named(&text).into_iter().filter(|name| place(name).is_some_and(|at| at > own));
        wrong.extend(later.map(|name| format!("{} names {name}", file.display())));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_rule_can_be_broken() {
    assert_eq!(named("use crate::router::router;"), ["router"]);
    assert_eq!(named("use crate::{ai, auth};\ncrate::app::App"), ["ai", "auth", "app"]);
}

#[test]
fn the_lower_layers_do_not_know_axum() {
    let modules = ["supabase", "sandbox", "agent"].map(|module| source().join(module));
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/providers/src");
    for folder in modules.into_iter().chain([crates]) {
        for file in files(&folder).iter().filter(|file| !file.ends_with("testing.rs")) {
            let is_test = file.components().any(|part| part.as_os_str() == "tests");
            let text = fs::read_to_string(file).unwrap();
            let names_it = text.contains("axum::") || text.contains("use axum");
            assert!(is_test || !names_it, "{}", file.display());
        }
    }
}

#[test]
fn only_app_names_the_local_supabase() {
    for file in files(&source()) {
        let module = module_of(&file);
        let may = ["app", "local_supabase", "lib"].contains(&module.as_str());
        let text = fs::read_to_string(&file).unwrap();
        assert!(may || !text.contains("crate::local_supabase"), "{}", file.display());
    }
}
