//! Every verb and every option says what it is for.

use crate::rig::Folder;

/// The verbs a help page lists.
fn verbs(help: &str) -> Vec<(String, bool)> {
    let commands = help.split("Commands:\n").nth(1).unwrap_or_default();
    let lines = commands.lines().take_while(|line| line.starts_with("  "));
    lines
        .filter_map(|line| {
            let (name, about) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
            (name != "help").then(|| (name.to_owned(), !about.trim().is_empty()))
        })
        .collect()
}

/// Options and arguments without a word about them. A long help puts the word on the next line.
fn silent(help: &str) -> Vec<String> {
    let lines: Vec<&str> = help.lines().collect();
    let is_option = |line: &str| line.trim_start().starts_with(['-', '<']);
    let told = |place: usize| {
        let same_line = lines[place].trim().contains("  ");
        let next = lines.get(place + 1).is_some_and(|next| next.starts_with("          "));
        same_line || next
    };
    let is_silent = |place: &usize| lines[*place].starts_with("  ") && is_option(lines[*place]) && !told(*place);
    (0..lines.len()).filter(is_silent).map(|place| lines[place].trim().to_owned()).collect()
}

fn look(folder: &Folder, path: &[&str], seen: &mut Vec<String>) {
    let words: Vec<&str> = path.iter().copied().chain(["--help"]).collect();
    let help = folder.run(&words).with(0).out;
    assert_eq!(silent(&help), Vec::<String>::new(), "{path:?}:\n{help}");
    for (verb, told) in verbs(&help) {
        assert!(told, "{path:?} {verb} has no word about it");
        let deeper: Vec<&str> = path.iter().copied().chain([verb.as_str()]).collect();
        seen.push(deeper.join(" "));
        look(folder, &deeper, seen);
    }
}

#[test]
fn every_verb_and_option_says_what_it_is_for() {
    let mut seen = Vec::new();
    look(&Folder::new(), &[], &mut seen);
    for verb in ["serve", "tenants create", "keys revoke", "replay", "config", "doctor"] {
        assert!(seen.iter().any(|known| known == verb), "{verb}: {seen:?}");
    }
}

#[test]
fn a_wrong_word_is_told_what_would_be_right() {
    let folder = Folder::new();
    let ran = folder.run(&["docter"]).with(2);
    assert!(ran.err.contains("doctor"), "{}", ran.err);
}
