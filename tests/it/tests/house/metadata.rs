//! What cargo and git know of the repository.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder of the root `Cargo.toml`.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the repository is there")
}

/// Runs a command in the repository; returns what it prints.
fn answer(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).current_dir(root()).output();
    let output = output.unwrap_or_else(|error| panic!("cannot start {program}: {error}"));
    let reason = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?} ended with {}: {reason}", output.status);
    String::from_utf8(output.stdout).expect("text")
}

fn cargo() -> String {
    std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned())
}

/// The packages of the workspace, without those below them.
pub fn workspace() -> Vec<Value> {
    packages(&["metadata", "--format-version", "1", "--no-deps"])
}

/// The names of the packages that plain `cargo build` builds.
pub fn built_by_default() -> Vec<String> {
    let metadata = metadata(&["metadata", "--format-version", "1", "--no-deps"]);
    let ids = metadata["workspace_default_members"].clone();
    let packages = metadata["packages"].as_array().expect("packages").clone();
    let is_default = |package: &&Value| ids.as_array().expect("members").contains(&package["id"]);
    packages.iter().filter(is_default).map(|package| package["name"].as_str().expect("a name").to_owned()).collect()
}

/// Every package that is linked on this kind of machine.
pub fn linked() -> Vec<Value> {
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let about = answer(&rustc, &["-vV"]);
    let triple = about.lines().find_map(|line| line.strip_prefix("host: ")).expect("rustc says its host");
    packages(&["metadata", "--format-version", "1", "--locked", "--filter-platform", triple])
}

fn packages(arguments: &[&str]) -> Vec<Value> {
    metadata(arguments)["packages"].as_array().expect("packages").clone()
}

fn metadata(arguments: &[&str]) -> Value {
    serde_json::from_str(&answer(&cargo(), arguments)).expect("cargo metadata prints JSON")
}

/// Every file of the repository that is not ignored, by its path from the root. New files too: a rule that waits for
/// a commit comes too late.
pub fn files() -> Vec<String> {
    let listed = answer("git", &["ls-files", "--cached", "--others", "--exclude-standard"]);
    listed.lines().filter(|path| root().join(path).is_file()).map(str::to_owned).collect()
}

/// The text of a file; nothing where it is none.
pub fn text(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_default()
}
