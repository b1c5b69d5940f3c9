//! What lies where, how long it is, and what no file may say.
//!
//! The marks that are looked for are put together from halves, so that this file does not find itself.

use super::metadata::{files, text};
use std::collections::BTreeSet;

/// What may lie at the top; besides, files and folders whose name begins with a dot.
const TOP: &[&str] = &[
    "Cargo.toml",
    "Cargo.lock",
    "README.md",
    "CHANGELOG.md",
    "LICENSE",
    "rust-toolchain.toml",
    "samconfig.toml",
    "actors",
    "functions",
    "infra",
    "schemas",
    "tests",
];

/// The rooms of the house; each has a README of at most a page.
const ROOMS: &[&str] = &["actors", "functions", "infra", "schemas", "tests"];
const PAGE_LINES_MAX: usize = 70;
/// What is in the README of infra besides: the operator's manual, with a row for every bad day.
const MANUAL: (&str, usize) = ("infra", 140);

const FILE_LINES_MAX: usize = 400;
/// Files over the limit, and why each is still one idea.
const LONG: &[(&str, &str)] = &[];

/// Marks of unfinished work.
const MARKS: &[(&str, &str)] = &[
    (concat!("#[ign", "ore"), "a test that does not run proves nothing; run it or remove it"),
    (concat!("tod", "o!("), "finish it, or do not begin it"),
    (concat!("unimpl", "emented!("), "finish it, or do not begin it"),
    (concat!("it.sk", "ip("), "a test that does not run proves nothing; run it or remove it"),
    (concat!("pytest.mark.sk", "ip"), "a test that does not run proves nothing; run it or remove it"),
];

/// Sleeping, in tests. Instruments and the simulator are programs; those that may sleep say why.
const SLEEPS: &[&str] = &[concat!("thread::sl", "eep"), concat!("time::sl", "eep")];
const SLEEPERS: &[(&str, &str)] = &[
    ("tests/bench/src/phase/explain.rs", "waits for what events set off, by asking again"),
    ("tests/bench/src/phase/journeys.rs", "waits for the relay, by asking again"),
    (
        "tests/bench/src/phase/waiting.rs",
        "measures a stretch in which nothing is due, and kills in the middle of a load",
    ),
    ("tests/crash/src/audit.rs", "waits for the relay, by asking again"),
    ("tests/crash/src/host.rs", "waits for another process to end"),
    ("tests/crash/src/run.rs", "the life of a process that is killed lasts a drawn time"),
    ("tests/crash/src/writer.rs", "a client sends at a pace, and tries a closed door again after a moment"),
    ("tests/bench/src/server.rs", "samples another process at a fixed pace; that pace is the measurement"),
    ("tests/simulator/src/server.rs", "a scripted time-out holds a connection open for real time"),
];

/// Texts that would tie the product to the place it was built at, and what to write instead.
const PLACES: &[(&str, &str)] = &[
    (concat!("crates", ".io"), "name the package, not the registry's host"),
    (concat!("pypi", ".org"), "name the package, not the registry's host"),
    (concat!("npm", "js"), "name the package, not the registry's host"),
    (concat!("python", "hosted"), "name the package, not the registry's host"),
    (concat!("/wo", "rk"), "paths are found from the repository, not from a machine"),
    (concat!("sha", "red/"), "data beside the repository is found through ROADBOOK_SHARED"),
];
/// Files that look for a data set beside the repository, and say so.
const DATA_SEEKERS: &[&str] = &[
    "infra/xtask/src/place.rs",
    "schemas/wire/tests/wire/import.rs",
    "tests/bench/src/main.rs",
    "tests/oracle/README.md",
    "tests/oracle/cdnow.py",
];

fn is_lock(path: &str) -> bool {
    path.ends_with("Cargo.lock") || path.ends_with("package-lock.json")
}

fn is_code(path: &str) -> bool {
    [".rs", ".py", ".mjs", ".ts"].iter().any(|end| path.ends_with(end))
}

fn none(found: Vec<String>, what: &str) {
    assert!(found.is_empty(), "{what}:\n{}", found.join("\n"));
}

/// `path:line: reason` for every line of the files that holds one of the texts.
fn lines_with(paths: &[String], texts: &[(&str, &str)], holds: impl Fn(&str, &str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for path in paths {
        for (line, number) in text(path).lines().zip(1..) {
            for (mark, reason) in texts.iter().filter(|(mark, _)| holds(line, mark)) {
                found.push(format!("{path}:{number}: `{mark}`: {reason}"));
            }
        }
    }
    found
}

#[test]
fn the_top_holds_only_what_belongs_there() {
    let tops: BTreeSet<String> = files().iter().filter_map(|path| path.split('/').next().map(str::to_owned)).collect();
    let strange = tops.into_iter().filter(|top| !top.starts_with('.') && !TOP.contains(&top.as_str())).collect();
    none(strange, "not a name of the top level");
}

#[test]
fn every_room_has_a_readme_of_at_most_a_page() {
    let mut wrong = Vec::new();
    for room in ROOMS {
        let lines = text(&format!("{room}/README.md")).lines().count();
        let most = if *room == MANUAL.0 { MANUAL.1 } else { PAGE_LINES_MAX };
        if lines == 0 || lines > most {
            wrong.push(format!("{room}/README.md: {lines} lines, at most {most}"));
        }
    }
    none(wrong, "README");
}

#[test]
fn long_files_are_listed_with_a_reason() {
    let long: BTreeSet<String> =
        files().into_iter().filter(|path| is_code(path) && text(path).lines().count() > FILE_LINES_MAX).collect();
    let listed: BTreeSet<String> = LONG.iter().map(|(path, _)| (*path).to_owned()).collect();
    none(
        long.difference(&listed).cloned().collect(),
        "over 400 lines: split it at an idea, or list it with the reason",
    );
    none(listed.difference(&long).cloned().collect(), "listed as long, and is not: remove the row");
}

#[test]
fn nothing_is_left_unfinished() {
    let code: Vec<String> = files().into_iter().filter(|path| is_code(path)).collect();
    none(lines_with(&code, MARKS, |line, mark| line.contains(mark)), "marks of unfinished work");
}

#[test]
fn no_test_sleeps() {
    let in_tests = |path: &String| path.ends_with(".rs") && (path.starts_with("tests/") || path.contains("/tests/"));
    let may = |path: &String| SLEEPERS.iter().any(|(sleeper, _)| sleeper == path);
    let tests: Vec<String> = files().into_iter().filter(|path| in_tests(path) && !may(path)).collect();
    let sleeps: Vec<(&str, &str)> =
        SLEEPS.iter().map(|sleep| (*sleep, "wait for what happens, or turn a clock")).collect();
    none(lines_with(&tests, &sleeps, |line, mark| line.contains(mark)), "tests that sleep");
}

#[test]
fn no_file_names_the_place_it_was_built_at() {
    let texts: Vec<String> = files().into_iter().filter(|path| !is_lock(path)).collect();
    let (seekers, others): (Vec<String>, Vec<String>) =
        texts.into_iter().partition(|path| DATA_SEEKERS.contains(&path.as_str()));
    let hosts = &PLACES[..PLACES.len() - 1];
    let found = [lines_with(&seekers, hosts, names), lines_with(&others, PLACES, names)].concat();
    none(found, "texts that name a place");
}

/// Whether a line holds the text as a word or a path of its own: not `/workers`, not `unshared/`.
fn names(line: &str, mark: &str) -> bool {
    line.match_indices(mark).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + mark.len()..].chars().next();
        let word = |neighbour: Option<char>| neighbour.is_some_and(|char| char.is_alphanumeric() || char == '_');
        (mark.ends_with('/') || !word(after)) && (mark.starts_with('/') || !word(before))
    })
}

#[test]
fn a_place_is_a_word_of_its_own() {
    let (folder, host) = (PLACES[4].0, PLACES[0].0);
    assert!(names(&format!("see {folder}/x"), folder) && names(&format!("https://{host}/a"), host));
    assert!(!names(&format!("see {folder}ers"), folder));
}
