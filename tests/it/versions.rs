//! What names the version names the same one.

use std::fs;
use std::path::Path;

use serde_json::Value;

const VERSION: &str = env!("CARGO_PKG_VERSION");

fn read(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

fn json(name: &str) -> Value {
    serde_json::from_str(&read(name)).unwrap()
}

#[test]
fn the_api_and_the_packages_have_the_programs_version() {
    assert_eq!(json("openapi.json")["info"]["version"], VERSION);
    let package = json("npm/chat-backend/package.json");
    assert_eq!(package["version"], VERSION);
    let programs = package["optionalDependencies"].as_object().unwrap();
    assert_eq!(programs.len(), 5);
    for (name, version) in programs {
        assert_eq!(version, VERSION, "{name}");
    }
}

/// What is released last has this version, or nothing is released yet.
#[test]
fn the_changelog_ends_with_this_version() {
    let changelog = read("CHANGELOG.md");
    let sections = changelog.lines().filter_map(|line| line.strip_prefix("## "));
    let released = sections.map(|section| section.trim_start_matches('['));
    let mut released = released.filter(|section| !section.starts_with("Unreleased"));
    if let Some(newest) = released.next() {
        assert_eq!(newest.split([']', ' ']).next(), Some(VERSION));
    }
}

#[test]
fn the_image_is_built_by_a_compiler_that_is_new_enough() {
    let image = format!("FROM rust:{}-bookworm AS build", env!("CARGO_PKG_RUST_VERSION"));
    assert!(read("Dockerfile").lines().any(|line| line == image), "{image}");
}
