//! Two languages, and no text without both.

use crate::rig::Rig;
use roadbook_pages::{Lang, Texts};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn files(folder: &Path, ends: &[&str], found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            files(&path, ends, found);
        } else if ends.iter().any(|end| path.extension().is_some_and(|known| known == *end)) {
            found.push(path);
        }
    }
}

fn sources() -> Vec<(PathBuf, String)> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    files(&here.join("templates"), &["html"], &mut found);
    files(&here.join("src"), &["rs"], &mut found);
    found.into_iter().map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

/// Every whole key that stands in quotes behind `begin`.
fn keys<'a>(text: &'a str, begin: &'a str) -> impl Iterator<Item = &'a str> {
    let quote = begin.chars().next_back().unwrap();
    text.match_indices(begin).filter_map(move |(at, _)| {
        let rest = &text[at + begin.len()..];
        let (key, behind) = rest.split_once(quote)?;
        // A key that is put together ends in a dot and goes on outside of the quotes.
        (!key.ends_with(['.', '_']) && !behind.trim_start().starts_with('~')).then_some(key)
    })
}

#[test]
fn every_text_is_there_in_both_languages_and_says_the_same_places() {
    let texts = Texts::read().unwrap();
    let places = |text: &str| -> BTreeSet<String> {
        text.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0.to_owned())).collect()
    };
    let han = |text: &str| text.chars().any(|char| ('\u{4e00}'..='\u{9fff}').contains(&char));
    let mut count = 0;
    for (key, [zh, en]) in texts.iter() {
        assert!(!zh.trim().is_empty() && !en.trim().is_empty(), "{key} misses a language");
        assert_eq!(places(zh), places(en), "{key}");
        // The switch of the language names the other one in its own script.
        assert!(key == "app.language" || !han(en), "{key}: {en}");
        count += 1;
    }
    assert!(count > 400, "{count} texts");
}

#[test]
fn every_key_that_is_used_is_in_the_table() {
    let texts = Texts::read().unwrap();
    let mut used = 0;
    for (path, text) in sources() {
        for begin in ["t('", "say(\"", "Texts.get(\""] {
            // `t(` also ends other words.
            for key in keys(&text, begin).filter(|key| key.contains('.') && !key.contains(' ')) {
                assert!(texts.get(Lang::Zh, key).is_some(), "{key} of {}", path.display());
                used += 1;
            }
        }
    }
    assert!(used > 200, "{used} keys were looked for");
}

#[tokio::test]
async fn a_page_speaks_the_language_that_was_chosen_and_remembers_it() {
    let rig = Rig::new().await;
    let browser = rig.signed_in().await;
    let page = browser.page("/console").await;
    assert!(page.text.contains("<html lang=\"en\">") && page.text.contains("Find a customer"));
    let page = browser.page("/console?lang=zh").await;
    assert!(page.text.contains("<html lang=\"zh-CN\">") && page.text.contains("查找客户"));
    assert!(browser.page("/console/segments").await.text.contains("还没有人群"));
    let chinese = crate::rig::Browser { accepts: "zh-CN,zh;q=0.9", ..rig.browser() };
    assert!(chinese.get("/console/sign-in").await.text.contains("登录"));
    let page = browser.page("/console/letters?status=all&lang=en").await;
    assert!(page.text.contains("href=\"&#x2f;console&#x2f;letters?status=all&amp;lang=zh\""), "{}", page.text);
}
