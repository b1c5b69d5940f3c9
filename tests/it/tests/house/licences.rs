//! Under which licences the linked crates come. `.cargo/deny.toml` says the same to cargo-deny; this needs no tool.

use super::metadata::linked;

/// Licences under which a crate may be linked: permissive, or about data only.
const ALLOWED: &[&str] = &[
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "MIT",
    "MIT-0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "0BSD",
    "Zlib",
    "BSL-1.0",
    "CC0-1.0",
    "Unlicense",
    "Unicode-3.0",
    "CDLA-Permissive-2.0",
];

/// Whether an SPDX expression can be satisfied with allowed licences: OR needs one side, AND both.
fn allowed(expression: &str) -> bool {
    // Before SPDX, crates wrote `MIT/Apache-2.0` for `or`.
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut words = &words[..];
    let holds = any(&mut words);
    holds && words.is_empty()
}

fn any(words: &mut &[&str]) -> bool {
    let mut holds = all(words);
    while let [first, rest @ ..] = *words
        && *first == "OR"
    {
        *words = rest;
        holds |= all(words);
    }
    holds
}

fn all(words: &mut &[&str]) -> bool {
    let mut holds = one(words);
    while let [first, rest @ ..] = *words
        && *first == "AND"
    {
        *words = rest;
        holds &= one(words);
    }
    holds
}

fn one(words: &mut &[&str]) -> bool {
    match *words {
        ["(", rest @ ..] => {
            *words = rest;
            let holds = any(words);
            match *words {
                [")", rest @ ..] => {
                    *words = rest;
                    holds
                }
                _ => false,
            }
        }
        [licence, "WITH", exception, rest @ ..] => {
            *words = rest;
            ALLOWED.contains(&format!("{licence} WITH {exception}").as_str())
        }
        [licence, rest @ ..] => {
            *words = rest;
            ALLOWED.contains(licence)
        }
        [] => false,
    }
}

#[test]
fn expressions_are_read_as_spdx_means_them() {
    for good in [
        "MIT",
        "GPL-3.0 OR MIT",
        "MIT/GPL-2.0",
        "(MIT OR GPL-2.0) AND ISC",
        "Apache-2.0 WITH LLVM-exception OR GPL-2.0",
    ] {
        assert!(allowed(good), "{good}");
    }
    for bad in ["", "GPL-3.0", "MIT AND GPL-3.0", "(MIT OR ISC) AND AGPL-3.0", "MIT AND (ISC", "LGPL-2.1-or-later"] {
        assert!(!allowed(bad), "{bad}");
    }
}

#[test]
fn everything_linked_is_under_a_permissive_licence() {
    let wrong: Vec<String> = linked()
        .iter()
        .filter(|package| !allowed(package["license"].as_str().unwrap_or_default()))
        .map(|package| format!("{} {}: {}", package["name"], package["version"], package["license"]))
        .collect();
    assert!(wrong.is_empty(), "not under a licence of the list in this file:\n{}", wrong.join("\n"));
}

/// Two lists of one rule must not drift apart.
#[test]
fn cargo_deny_is_told_the_same() {
    let told = super::metadata::text(".cargo/deny.toml");
    let missing: Vec<&&str> = ALLOWED.iter().filter(|licence| !told.contains(&format!("\"{licence}\""))).collect();
    assert!(missing.is_empty(), ".cargo/deny.toml does not name {missing:?}");
}
