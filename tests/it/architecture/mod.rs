//! What ARCHITECTURE.md promises about the code.

mod circles;
mod words;

use std::fs;
use std::path::{Path, PathBuf};

pub fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// All Rust files below a folder.
pub fn files(folder: &Path) -> Vec<PathBuf> {
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

fn module_name(file: &Path) -> String {
    let path = file.strip_prefix(source()).unwrap();
    let first = path.components().next().unwrap().as_os_str().to_str().unwrap();
    first.trim_end_matches(".rs").to_owned()
}

#[test]
fn a_module_names_only_modules_above_it() {
    let modules = modules();
    assert!(modules.len() > 9, "{modules:?}");
    let place = |name: &str| modules.iter().position(|module| module == name);
    let mut wrong = Vec::new();
    for file in files(&source()) {
        let module = module_name(&file);
        let Some(own) = place(&module) else { continue };
        let text = fs::read_to_string(&file).unwrap();
        let later = named(&text).into_iter().filter(|name| place(name).is_some_and(|at| at > own));
        wrong.extend(later.map(|name| format!("{} names {name}", file.display())));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The manifests say `doctest = false`: an example in a comment would look tested and never be run.
#[test]
fn comments_have_no_code_that_nobody_runs() {
    let folders = fs::read_dir(crates()).unwrap().map(|entry| entry.unwrap().path().join("src"));
    for file in folders.chain([source()]).flat_map(|folder| files(&folder)) {
        let text = fs::read_to_string(&file).unwrap();
        let comments = text.lines().map(str::trim_start);
        let comments = comments.filter(|line| line.starts_with("///") || line.starts_with("//!"));
        let fences = comments.filter_map(|line| line[3..].trim().strip_prefix("```"));
        // Every second one ends a block.
        let blocks: Vec<_> = fences.step_by(2).collect();
        assert!(blocks.iter().all(|language| *language == "text"), "{}", file.display());
    }
}

#[test]
fn the_rule_can_be_broken() {
    assert_eq!(named("use crate::router::router;"), ["router"]);
    assert_eq!(named("use crate::{ai, auth};\ncrate::app::App"), ["ai", "auth", "app"]);
}

#[test]
fn the_lower_layers_do_not_know_axum() {
    let modules = ["supabase", "agent", "database"].map(|module| source().join(module));
    let crates = ["providers", "sandbox"].map(|name| crates().join(name).join("src"));
    for folder in modules.into_iter().chain(crates) {
        for file in files(&folder).iter().filter(|file| !file.ends_with("testing.rs")) {
            let is_test = file.components().any(|part| part.as_os_str() == "tests");
            let text = fs::read_to_string(file).unwrap();
            let names_it = text.contains("axum::") || text.contains("use axum");
            assert!(is_test || !names_it, "{}", file.display());
        }
    }
}

fn crates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("crates")
}

#[test]
fn a_crate_names_no_other_except_clock_and_memory() {
    let folders: Vec<_> = fs::read_dir(crates()).unwrap().map(|it| it.unwrap().path()).collect();
    let name = |folder: &PathBuf| folder.file_name().unwrap().to_str().unwrap().to_owned();
    let names: Vec<_> = folders.iter().map(name).collect();
    assert!(names.len() > 1, "{names:?}");
    for folder in &folders {
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
        let is_other = |other: &&String| {
            **other != name(folder) && !["clock", "memory"].contains(&other.as_str())
        };
        let others = names.iter().filter(is_other);
        for other in others.chain([&"chat-backend".to_owned()]) {
            let is_named = manifest.lines().any(|line| {
                line.strip_prefix(other.as_str()).is_some_and(|rest| rest.starts_with([' ', '.']))
            });
            assert!(!is_named, "{} names {other}", folder.display());
        }
    }
}

/// The folders of particular providers.
fn providers() -> Vec<String> {
    let source = crates().join("providers/src");
    let folders = fs::read_dir(&source).unwrap().map(|entry| entry.unwrap().path());
    let registers = |folder: &PathBuf| {
        fs::read_to_string(folder.join("mod.rs"))
            .is_ok_and(|text| text.contains("pub(crate) fn register("))
    };
    let folders = folders.filter(registers);
    folders.map(|folder| folder.file_name().unwrap().to_str().unwrap().to_owned()).collect()
}

/// The code of a file without its comments, its tests and the examples of the API's document.
fn code(text: &str) -> impl Iterator<Item = &str> {
    let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
    code.lines().filter(|line| {
        let line = line.trim_start();
        !line.starts_with("//") && !line.contains("example = ")
    })
}

#[test]
fn a_provider_is_a_folder_a_line_of_the_registry_and_its_settings() {
    let providers = providers();
    assert!(providers.len() > 4, "{providers:?}");
    // This one stands for servers whose names the operator chooses.
    let particular: Vec<_> = providers.iter().filter(|name| *name != "compatible").collect();
    let mut wrong = Vec::new();
    for file in files(&source()).into_iter().chain(files(&crates().join("providers/src"))) {
        let path = file.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap().to_str().unwrap();
        let path = path.replace('\\', "/");
        let is_test = path.contains("/tests") || path.ends_with("/testing.rs");
        let is_settings = path.ends_with("/settings.rs") || path.ends_with("/provider_settings.rs");
        if is_test || is_settings {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        for name in &particular {
            let is_own = path.starts_with(&format!("crates/providers/src/{name}/"));
            let names_it = |line: &&str| line.to_lowercase().contains(name.as_str());
            let named = code(&text).filter(names_it).filter(|line| !may_name(&path, name, line));
            if !is_own {
                wrong.extend(named.map(|line| format!("{path}: {}", line.trim())));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// The places where a provider must be named: declarations of its module, its line of the registry, and
/// the fields of /health that clients rely on.
fn may_name(path: &str, name: &str, line: &str) -> bool {
    match path {
        "crates/providers/src/lib.rs" => {
            line == format!("mod {name};")
                || line.starts_with(&format!("pub use {name}::"))
                || line.starts_with("pub use settings::")
        }
        "crates/providers/src/registry/mod.rs" => {
            line.trim() == format!("crate::{name}::register,")
        }
        // A part of a URL, the name of a setting, a word of the help.
        "crates/providers/src/gemini/mod.rs" => line.contains("googleapis.com/v1beta/openai"),
        "crates/providers/src/compatible/mod.rs" => line.contains("openai_compatible_"),
        "src/cli/arguments.rs" => line.contains("scripted model"),
        "src/http/health/mod.rs" => ["openai", "anthropic"].contains(&name),
        _ => name == "openai" && speaks_openai(path),
    }
}

/// OpenAI's API is also one that this server offers: its routes, its errors and its description.
fn speaks_openai(path: &str) -> bool {
    let around = ["src/api/mod.rs", "src/http/middleware.rs", "src/openapi.rs", "src/router.rs"];
    around.contains(&path)
        || ["src/api/openai/", "src/http/error/", "src/openapi/"]
            .iter()
            .any(|folder| path.starts_with(folder))
}

#[test]
fn every_provider_is_registered_and_its_settings_are_documented() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &str| fs::read_to_string(root.join(path)).unwrap();
    let registry = read("crates/providers/src/registry/mod.rs");
    for name in providers() {
        assert!(
            registry.contains(&format!("    crate::{name}::register,")),
            "{name} is in no list"
        );
        let text = read(&format!("crates/providers/src/{name}/mod.rs"));
        if text.contains(".connection(BASE_URL") {
            for variable in
                ["API_KEY", "BASE_URL"].map(|end| format!("{}_{end}", name.to_uppercase()))
            {
                for document in [".env.example", "README.md", "src/config/provider_settings.rs"] {
                    assert!(read(document).contains(&variable), "{document}: {variable}");
                }
            }
        }
    }
}

#[test]
fn every_tool_is_offered() {
    let app = files(&source().join("app")).into_iter();
    let app: String = app.map(|file| fs::read_to_string(file).unwrap()).collect();
    let mut tools = Vec::new();
    for file in files(&source()).iter().filter(|file| !file.ends_with("tools/count_words.rs")) {
        let text = fs::read_to_string(file).unwrap();
        let names = text.split("\nimpl Tool for ").skip(1);
        tools.extend(names.map(|rest| rest.split(" {").next().unwrap().to_owned()));
    }
    assert!(tools.len() > 2, "{tools:?}");
    let is_offered = |tool: &&String| app.contains(&format!("Arc::new({tool}"));
    let missing: Vec<_> = tools.iter().filter(|tool| !is_offered(tool)).collect();
    assert!(missing.is_empty(), "not in src/app: {missing:?}");
}

#[test]
fn only_app_names_the_local_supabase_and_only_local_knows_the_crate() {
    for file in files(&source()) {
        let module = module_name(&file);
        let text = fs::read_to_string(&file).unwrap();
        let names_it = text.contains("crate::local::") || text.contains("crate::local;");
        let names_crate = text.contains("local_supabase::");
        assert!(["app", "local"].contains(&module.as_str()) || !names_it, "{}", file.display());
        assert!(module == "local" || !names_crate, "{}", file.display());
    }
}

#[test]
fn the_local_supabase_knows_no_table_and_no_function_of_ours() {
    let ours = chat_backend::app::expected_schema();
    let tables = ours.tables.iter().map(|table| table.name);
    let names: Vec<_> = tables.chain(ours.functions.iter().map(|it| it.name)).collect();
    assert!(names.len() > 10, "{names:?}");
    // Storage has files, whoever uses it.
    let names: Vec<_> = names.into_iter().filter(|name| *name != "files").collect();
    for file in files(&crates().join("local-supabase/src")) {
        let is_test = file.components().any(|part| part.as_os_str() == "tests");
        let text = fs::read_to_string(&file).unwrap();
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let mut words = code(&text).flat_map(|line| line.split(|c| !is_word(c)));
        let known = words.find(|word| names.contains(word));
        assert!(is_test || known.is_none(), "{}: {known:?}", file.display());
    }
}

/// The modules and crates, and which of the others each names.
fn floors() -> Vec<(String, Vec<String>)> {
    let lib = fs::read_to_string(source().join("lib.rs")).unwrap();
    let crates = lib.lines().filter_map(|line| line.strip_prefix("pub use ")?.strip_suffix(';'));
    let names: Vec<_> = crates.map(str::to_owned).chain(modules()).collect();
    let mut floors: Vec<(String, Vec<String>)> = Vec::new();
    for name in &names {
        let of_module = files(&source()).into_iter().filter(|file| module_name(file) == *name);
        let texts: Vec<_> = of_module.map(|file| fs::read_to_string(file).unwrap()).collect();
        let all = texts.iter().flat_map(|text| named(text));
        let mut others: Vec<_> = names.clone();
        let all: Vec<_> = all.collect();
        others.retain(|other| other != name && all.contains(other));
        floors.push((name.clone(), others));
    }
    floors
}

/// Only the ways that no longer way makes superfluous, as a Mermaid flow chart.
fn picture() -> String {
    let floors = floors();
    let below = |name: &str| &floors.iter().find(|(floor, _)| floor == name).unwrap().1;
    let mut picture = "```mermaid\nflowchart TD\n".to_owned();
    for (name, others) in floors.iter().rev() {
        for other in others {
            let is_reached = |via: &String| via != other && reaches(&below, via, other);
            if !others.iter().any(is_reached) {
                picture += &format!("  {name} --> {other}\n");
            }
        }
    }
    picture + "```\n"
}

fn reaches<'a>(below: &impl Fn(&str) -> &'a Vec<String>, from: &str, to: &str) -> bool {
    below(from).iter().any(|next| next == to || reaches(below, next, to))
}

#[test]
fn the_map_has_every_module_and_every_crate() {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("ARCHITECTURE.md"));
    let text = text.unwrap().replace('\r', "");
    let map = text.split("```\n").nth(1).unwrap();
    let crates = fs::read_dir(crates()).unwrap().map(|entry| entry.unwrap().file_name());
    let crates = crates.map(|name| name.into_string().unwrap());
    for name in modules().into_iter().chain(crates) {
        let is_there = ["/", ".rs"].iter().any(|end| map.contains(&format!(" {name}{end}")));
        assert!(is_there, "{name} is not in the map of ARCHITECTURE.md");
    }
}

#[test]
fn the_picture_of_the_floors_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("ARCHITECTURE.md");
    let text = fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once("<!-- floors -->\n").unwrap();
    let (drawn, after) = rest.split_once("<!-- /floors -->").unwrap();
    let current = picture();
    if drawn != current && std::env::var_os("UPDATE_ARCHITECTURE").is_some() {
        let text = format!("{before}<!-- floors -->\n{current}<!-- /floors -->{after}");
        fs::write(&path, text).unwrap();
        return;
    }
    assert_eq!(drawn, current, "UPDATE_ARCHITECTURE=1 cargo test architecture:: draws it anew");
}

#[test]
fn functions_of_the_database_are_called_in_one_place() {
    let is_call = |text: &str| [".call(\"", "rest.call("].iter().any(|call| text.contains(call));
    for file in files(&source()) {
        let path = file.strip_prefix(source()).unwrap();
        let may = ["database", "supabase", "local_supabase", "sandbox", "cli/check"];
        let may = may.iter().any(|folder| path.starts_with(folder));
        assert!(may || !is_call(&fs::read_to_string(&file).unwrap()), "{}", path.display());
    }
    let database = fs::read_to_string(source().join("database/mod.rs")).unwrap();
    assert!(is_call(&database), "the calls are looked for by other words");
}
