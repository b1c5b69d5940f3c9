//! `roadbook-ops secrets init`: looks that a stack has the secrets it needs, and puts those that a person brings. The
//! template makes both secrets, and draws a master key where it is given none; here the settings are put, and a master key
//! that was backed up is put back.
//!
//! Nothing that is in a secret is ever printed: only whether it can be used, and by which word a key is recognised.

use crate::folder;
use crate::moving::{is_empty, key_check};
use crate::stack::Stack;
use anyhow::{Context, Result, bail};
use roadbook_app::{Config, Resolved, read_master, write_master};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

/// What a person brings.
#[derive(Debug, Clone, Copy)]
pub struct Brought<'a> {
    /// The text of a roadbook.toml; `-` is standard input.
    pub settings: Option<&'a Path>,
    /// A backed-up master key.
    pub master: Option<&'a Path>,
    /// Whether settings that are there may go.
    pub replace: bool,
}

/// Looks, and puts what was brought.
///
/// # Errors
/// What was brought cannot be used or must not be put, or something that is needed is still missing: both secrets are
/// looked at before that is said.
pub async fn init(name: &str, brought: Brought<'_>) -> Result<()> {
    let stack = Stack::find(name).await?;
    let master = master(&stack, brought.master).await;
    let settings = settings(&stack, brought).await;
    match (master, settings) {
        (Ok(()), Ok(())) => Ok(()),
        (Err(error), Ok(())) | (Ok(()), Err(error)) => Err(error),
        (Err(one), Err(other)) => bail!("{one:#}\nand: {other:#}"),
    }
}

async fn master(stack: &Stack, brought: Option<&Path>) -> Result<()> {
    let (vault, id) = (stack.vault(), stack.told("ROADBOOK_MASTER_KEY_ARN")?);
    let held = vault.read(id).await?;
    let there = held.as_ref().and_then(|held| read_master(&held.text));
    let Some(brought) = brought else {
        let key = match (there, held) {
            (Some(key), _) => key,
            (None, Some(_)) => bail!("master key: what is in its secret is no key; restore the version that was"),
            (None, None) => bail!("master key: its secret has no value; bring a backed-up one with --master-key FILE"),
        };
        println!("master key: there, {}. Back its secret up: it cannot be made again.", key_check(&key));
        return Ok(());
    };
    let key = folder::read_key(brought)?;
    if there == Some(key) {
        println!("master key: there already, {}", key_check(&key));
        return Ok(());
    }
    if !is_empty(&stack.dynamo()?).await? {
        bail!(
            "master key: another one is there, and the tables of {} hold what was hashed under it. With the one you bring no \
             arriving identifier would find its customer; it can be put into an empty installation only.",
            stack.name
        );
    }
    stack.must_stand_still("a process that is awake would go on under the key it has read").await?;
    vault.put(id, &write_master(&key)).await?;
    println!("master key: put, {}. Wait five minutes before the start.", key_check(&key));
    Ok(())
}

async fn settings(stack: &Stack, brought: Brought<'_>) -> Result<()> {
    let (vault, id) = (stack.vault(), stack.told("ROADBOOK_SETTINGS_ARN")?);
    let held = vault.read(id).await?.map(|held| held.text);
    let environment = &stack.role("api")?.environment;
    let Some(path) = brought.settings else {
        let held = held.context("settings: their secret has no value; bring them with --settings FILE")?;
        let config = usable(&held, environment)?;
        println!("settings: {}", summary(&held, &config));
        return Ok(());
    };
    let text = read(path)?;
    let config = usable(&text, environment)?;
    match held {
        Some(held) if held.trim() == text.trim() => println!("settings: there already; {}", summary(&text, &config)),
        Some(held) if says_something(&held) && !brought.replace => {
            bail!("settings: others are there. Look at them first; --replace puts yours in their place.")
        }
        Some(_) | None => {
            vault.put(id, &text).await?;
            println!("settings: put; {}. Every function has them after five minutes.", summary(&text, &config));
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<String> {
    if path == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).context("cannot read the settings from standard input")?;
        return Ok(text);
    }
    std::fs::read_to_string(path).with_context(|| format!("cannot read the settings {}", path.display()))
}

/// What a function would make of it.
fn usable(text: &str, environment: &BTreeMap<String, String>) -> Result<Config> {
    let variables = environment.iter().map(|(name, value)| (name.clone(), value.clone()));
    Resolved::new(text, variables).usable().context("settings: they cannot be used, and nothing was put")
}

/// Whether a text sets anything: the template's own does not.
fn says_something(text: &str) -> bool {
    text.lines().map(str::trim).any(|line| !line.is_empty() && !line.starts_with('#'))
}

fn summary(text: &str, config: &Config) -> String {
    if !says_something(text) {
        return "there, and empty: the defaults are in force, and no channel has credentials".to_owned();
    }
    let (corps, apps, providers) = (config.corps.len(), config.miniprograms.len(), config.oidc.len());
    format!("usable, with {corps} WeCom apps, {apps} mini-programs and {providers} sign-in providers")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_as_a_function_would_and_never_shown() {
        let environment = BTreeMap::from([("ROADBOOK_TABLES".to_owned(), "t".to_owned())]);
        let good = "[[corps]]\ncorp = \"ww1\"\nagent = 1\nsecret = \"planted\"";
        let config = usable(good, &environment).unwrap();
        assert_eq!(summary(good, &config), "usable, with 1 WeCom apps, 0 mini-programs and 0 sign-in providers");
        let told = format!("{:#}", usable("secret = \"planted\"", &environment).unwrap_err());
        assert!(told.contains("nothing was put") && !told.contains("planted"), "{told}");
        assert!(!says_something("# roadbook.toml\n\n  # nothing") && says_something(good));
    }
}
