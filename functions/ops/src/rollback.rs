//! `roadbook-ops rollback`: lets the alias of every function point to its former version. All of them or none, as far as
//! that goes: all are looked at before the first is moved, and where one cannot be moved the others are moved back.
//!
//! What is stored is read by both: a version reads what the next one wrote.

use crate::stack::Stack;
use anyhow::{Result, bail};
use roadbook_aws::{Functions, Live, Published};
use std::collections::BTreeMap;
use std::str::FromStr;

/// Where to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum To {
    /// This version of every function.
    All(u64),
    /// This version of this function: its name, or its role.
    One(String, u64),
}

impl FromStr for To {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number =
            |text: &str| text.parse().map_err(|_| format!("{text} is no version: a number, or FUNCTION=NUMBER"));
        match text.split_once('=') {
            Some((function, version)) => Ok(Self::One(function.to_owned(), number(version)?)),
            None => number(text).map(Self::All),
        }
    }
}

/// One function and where it goes.
struct Move {
    function: String,
    from: Live,
    to: u64,
}

/// Moves the aliases of a stack.
///
/// # Errors
/// A function has no such version, a canary is under way, or AWS says no.
pub async fn rollback(name: &str, to: &[To], dry_run: bool) -> Result<()> {
    let stack = Stack::find(name).await?;
    let functions = stack.functions();
    let (mut moves, mut problems) = (Vec::new(), Vec::new());
    for member in &stack.members {
        let role = member.environment.get("ROADBOOK_ROLE").map_or("", String::as_str);
        let (live, published) = (functions.live(&member.name).await?, functions.published(&member.name).await?);
        match target(&live, &published, wanted(to, &member.name, role)) {
            Ok(to) => moves.push(Move { function: member.name.clone(), from: live, to }),
            Err(problem) => problems.push(format!("{}: {problem}", member.name)),
        }
    }
    if !problems.is_empty() {
        bail!("nothing was moved.\n  {}", problems.join("\n  "));
    }
    for Move { function, from, to } in &moves {
        let word = if from.version == *to { "stays at" } else { "to" };
        println!("  {function:<40} version {} {word} {to}", from.version);
    }
    moves.retain(|one| one.from.version != one.to);
    if dry_run {
        println!("Nothing was moved: a dry run.");
        return Ok(());
    }
    all_or_none(&functions, &moves).await?;
    println!("{} functions of {name} were moved. The next deployment publishes anew and moves them on.", moves.len());
    Ok(())
}

/// What is asked for a function.
fn wanted(to: &[To], name: &str, role: &str) -> Option<u64> {
    let one = to.iter().find_map(|to| match to {
        To::One(function, version) if function == name || function == role => Some(*version),
        To::One(..) | To::All(_) => None,
    });
    one.or_else(|| {
        to.iter().find_map(|to| match to {
            To::All(version) => Some(*version),
            To::One(..) => None,
        })
    })
}

/// Where a function goes.
fn target(live: &Live, published: &[Published], wanted: Option<u64>) -> Result<u64, String> {
    if live.is_split {
        return Err("a canary is under way; stop its deployment in CodeDeploy, which moves it back by itself".into());
    }
    let there = || published.iter().map(|one| format!("{} ({})", one.version, one.at)).collect::<Vec<_>>().join(", ");
    match wanted {
        Some(wanted) if published.iter().any(|one| one.version == wanted) => Ok(wanted),
        Some(wanted) => Err(format!("it has no version {wanted}; it has {}", there())),
        None => {
            let former = published.iter().map(|one| one.version).filter(|version| *version < live.version).max();
            former.ok_or_else(|| format!("version {} is the oldest there is", live.version))
        }
    }
}

async fn all_or_none(functions: &Functions, moves: &[Move]) -> Result<()> {
    for (place, one) in moves.iter().enumerate() {
        let Err(fault) = functions.point(&one.function, &one.from, one.to).await else { continue };
        let mut left = BTreeMap::new();
        for done in &moves[..place] {
            // Its alias has another revision by now.
            let back = async || {
                let now = functions.live(&done.function).await?;
                functions.point(&done.function, &now, done.from.version).await
            };
            if let Err(fault) = back().await {
                left.insert(done.function.as_str(), fault.to_string());
            }
        }
        if left.is_empty() {
            bail!("{fault}. The {place} functions that were moved before are back where they were.");
        }
        bail!("{fault}. And these could not be moved back, move them by hand: {left:?}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn live(version: u64, is_split: bool) -> Live {
        Live { version, is_split, revision: String::new() }
    }

    fn published(versions: &[u64]) -> Vec<Published> {
        versions.iter().map(|version| Published { version: *version, at: "2026".into() }).collect()
    }

    #[test]
    fn the_former_version_is_the_highest_below() {
        assert_eq!(target(&live(5, false), &published(&[7, 5, 3, 2]), None), Ok(3));
        assert_eq!(target(&live(5, false), &published(&[7, 5, 3]), Some(7)), Ok(7));
        assert!(target(&live(2, false), &published(&[5, 2]), None).unwrap_err().contains("oldest"));
        assert!(target(&live(5, false), &published(&[5, 3]), Some(4)).unwrap_err().contains("3 (2026)"));
        assert!(target(&live(5, true), &published(&[5, 3]), None).unwrap_err().contains("canary"));
    }

    #[test]
    fn a_version_for_one_function_goes_before_the_one_for_all() {
        let to: Vec<To> = ["4", "api=2"].iter().map(|text| text.parse().unwrap()).collect();
        assert_eq!(wanted(&to, "s-api", "api"), Some(2));
        assert_eq!(wanted(&to, "s-relay", "relay"), Some(4));
        assert_eq!(wanted(&to[1..], "s-relay", "relay"), None);
        assert!("live".parse::<To>().unwrap_err().contains("FUNCTION=NUMBER"));
    }
}
