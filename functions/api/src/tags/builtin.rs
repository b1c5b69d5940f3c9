//! The tags a car maker usually works with, as data of `schemas/tags/`: one file per group.

use roadbook_catalog::{TagDefinition, TagOrigin, TagType};
use serde::Deserialize;

const FILES: [&str; 11] = [
    include_str!("../../../../schemas/tags/identity.json"),
    include_str!("../../../../schemas/tags/demographic.json"),
    include_str!("../../../../schemas/tags/demand.json"),
    include_str!("../../../../schemas/tags/intent.json"),
    include_str!("../../../../schemas/tags/lifecycle.json"),
    include_str!("../../../../schemas/tags/vehicle.json"),
    include_str!("../../../../schemas/tags/aftersales.json"),
    include_str!("../../../../schemas/tags/renewal.json"),
    include_str!("../../../../schemas/tags/engagement.json"),
    include_str!("../../../../schemas/tags/value.json"),
    include_str!("../../../../schemas/tags/risk.json"),
];

/// A file: a group and its tags.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    group: String,
    #[serde(rename = "name_zh")]
    _name_zh: String,
    #[serde(rename = "name_en")]
    _name_en: String,
    tags: Vec<Tag>,
}

/// A tag of a file: a description without its group.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tag {
    key: String,
    name_zh: String,
    name_en: String,
    #[serde(rename = "type")]
    kind: TagType,
    #[serde(default)]
    values: Vec<String>,
    origin: TagOrigin,
    #[serde(default)]
    pii: bool,
    ttl_days: Option<u32>,
}

/// Every tag of the files; `None` where a file cannot be read, which a test rules out.
pub(super) fn all() -> Option<Vec<TagDefinition>> {
    let mut all = Vec::new();
    for file in FILES {
        let Group { group, tags, .. } = serde_json::from_str(file).ok()?;
        all.extend(tags.into_iter().map(|tag| TagDefinition {
            key: tag.key,
            name_zh: tag.name_zh,
            name_en: tag.name_en,
            group: group.clone(),
            kind: tag.kind,
            values: tag.values,
            origin: tag.origin,
            pii: tag.pii,
            ttl_days: tag.ttl_days,
        }));
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};

    #[test]
    fn the_taxonomy_is_whole_and_every_description_is_sound() {
        let all = all().expect("every file can be read");
        let keys: BTreeSet<&str> = all.iter().map(|tag| tag.key.as_str()).collect();
        assert_eq!((all.len(), keys.len()), (114, 114), "a key stands once");
        let mut groups = BTreeMap::<&str, usize>::new();
        for tag in &all {
            assert_eq!(tag.problems(), [], "{}", tag.key);
            *groups.entry(&tag.group).or_default() += 1;
        }
        let expected = [
            ("aftersales", 11),
            ("demand", 15),
            ("demographic", 10),
            ("engagement", 10),
            ("identity", 8),
            ("intent", 16),
            ("lifecycle", 8),
            ("renewal", 7),
            ("risk", 9),
            ("value", 9),
            ("vehicle", 11),
        ];
        assert_eq!(groups.into_iter().collect::<Vec<_>>(), expected);
    }
}
