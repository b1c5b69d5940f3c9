//! The table of texts, read once.

use crate::language::Lang;
use std::collections::BTreeMap;

const TABLE: &str = include_str!("../texts.toml");

/// Every text in both languages, by `group.name`.
pub struct Texts(BTreeMap<String, [String; 2]>);

impl Texts {
    /// Reads the table this crate was built with.
    ///
    /// # Errors
    /// A table that is not two texts under every key; the tests of this crate refuse such a table.
    pub fn read() -> Result<Self, String> {
        let groups: BTreeMap<String, BTreeMap<String, [String; 2]>> =
            toml::from_str(TABLE).map_err(|error| error.to_string())?;
        let flat = groups
            .into_iter()
            .flat_map(|(group, texts)| texts.into_iter().map(move |(name, both)| (format!("{group}.{name}"), both)));
        Ok(Self(flat.collect()))
    }

    /// A text; `None` where the table has no such key.
    pub fn get(&self, lang: Lang, key: &str) -> Option<&str> {
        let [zh, en] = self.0.get(key)?;
        Some(match lang {
            Lang::Zh => zh,
            Lang::En => en,
        })
    }

    /// Every key with its two texts, Chinese first.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[String; 2])> {
        self.0.iter().map(|(key, both)| (key.as_str(), both))
    }

    /// A text with its places filled: `{name}` becomes the value of that name.
    pub(crate) fn say(&self, lang: Lang, key: &str, values: &[(&str, &str)]) -> String {
        fill(self.get(lang, key).unwrap_or(key), |name| {
            values.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }
}

/// Fills the places of a text. A value is never looked at for places of its own.
pub(crate) fn fill(text: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let (mut out, mut rest) = (String::with_capacity(text.len() + 32), text);
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let Some((name, behind)) = after.split_once('}') else {
            out.push('{');
            rest = after;
            continue;
        };
        match value(name) {
            Some(value) => out.push_str(&value),
            None => out.extend(["{", name, "}"]),
        }
        rest = behind;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_filled_once_and_values_are_not_looked_into() {
        let value = |name: &str| (name == "a").then(|| "{b}".to_owned());
        assert_eq!(fill("x {a} y {b} z {", value), "x {b} y {b} z {");
    }
}
