//! What a tag (标签) means: its names, its type, and which values fit.

use roadbook_kernel::{Moment, Place};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Characters of a tag's key.
const KEY_CHARS_MAX: usize = 64;
/// Characters of a tag's names and of its group.
const NAME_CHARS_MAX: usize = 120;
/// Values an `enum` or `multi` tag may list.
const VALUES_MAX: usize = 200;
/// Characters of one value.
const VALUE_CHARS_MAX: usize = 200;
/// The longest life of a value, in days: ten years.
const TTL_DAYS_MAX: u32 = 3_650;

/// What kind of value a tag has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TagType {
    /// A mark: empty, `true` or `false`.
    Bool,
    /// One of the values listed.
    Enum,
    /// Any text.
    String,
    /// A number.
    Number,
    /// A calendar day, `YYYY-MM-DD`.
    Date,
    /// Several values, separated by commas; any, or some of those listed.
    Multi,
}

/// Where a tag's value comes from in the first place. Anybody may correct it by hand whatever it says here.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TagOrigin {
    /// A system of record says so.
    Fact,
    /// A rule derives it from events.
    Rule,
    /// A model computes it.
    Model,
    /// A person says so.
    Hand,
}

/// The description of one tag.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TagDefinition {
    /// Its key, as conditions, journeys and templates name it.
    pub key: String,
    /// Its Chinese name.
    pub name_zh: String,
    /// Its English name.
    pub name_en: String,
    /// The group it is shown in.
    pub group: String,
    /// What kind of value it has.
    #[serde(rename = "type")]
    pub kind: TagType,
    /// The values of an `enum`; those a `multi` is limited to, where it is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
    /// Where its value comes from.
    pub origin: TagOrigin,
    /// Whether the value itself names or reaches a person: then it is masked wherever it is shown.
    #[serde(default)]
    pub pii: bool,
    /// Days after which a value ends by itself, unless whoever sets it says otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl_days: Option<u32>,
}

/// A description as a catalog keeps it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TagEntry {
    /// The description.
    #[serde(flatten)]
    pub definition: TagDefinition,
    /// Grows with every change of any tag of the tenant, so that a key which is deleted and described again never
    /// shows a revision twice.
    pub revision: u64,
    /// When it was first described.
    pub created_at: Moment,
    /// When it was last described.
    pub updated_at: Moment,
}

impl TagDefinition {
    /// Everything that is wrong with the description itself, each with a pointer into it.
    pub fn problems(&self) -> Vec<Place> {
        let mut places = Vec::new();
        let mut complain = |pointer: String, code: &'static str, detail: &str| {
            places.push(Place { pointer, code: code.into(), detail: detail.to_owned() });
        };
        if !is_key(&self.key) {
            let detail = "a key has 1 to 64 of `a-z`, `0-9` and `_` and begins with a letter";
            complain("/key".into(), "invalid_key", detail);
        }
        for (field, text) in [("name_zh", &self.name_zh), ("name_en", &self.name_en), ("group", &self.group)] {
            if !is_line(text, NAME_CHARS_MAX) {
                complain(format!("/{field}"), "invalid_name", "write 1 to 120 characters in one line");
            }
        }
        match (self.kind, self.values.is_empty()) {
            (TagType::Enum, true) => complain("/values".into(), "missing_values", "list the values it may have"),
            (TagType::Enum, false) | (TagType::Multi, _) | (_, true) => {}
            (TagType::Bool | TagType::String | TagType::Number | TagType::Date, false) => {
                complain("/values".into(), "no_values_here", "only the types `enum` and `multi` list values");
            }
        }
        if self.values.len() > VALUES_MAX {
            complain("/values".into(), "too_many", "at most 200 values are listed");
        }
        let mut seen = BTreeSet::new();
        for (index, value) in self.values.iter().take(VALUES_MAX).enumerate() {
            let pointer = format!("/values/{index}");
            if !is_line(value, VALUE_CHARS_MAX) || value.contains(',') {
                complain(pointer, "invalid_value", "a value has 1 to 200 characters and no comma");
            } else if !seen.insert(value) {
                complain(pointer, "repeated_value", "this value is listed already");
            }
        }
        if self.ttl_days.is_some_and(|days| !(1..=TTL_DAYS_MAX).contains(&days)) {
            complain("/ttl_days".into(), "bad_number", "put a whole number of days here, 1 to 3650");
        }
        places
    }

    /// Whether a customer may have the tag with this value; else what would fit. The sentence never repeats the value.
    ///
    /// # Errors
    /// What would fit.
    pub fn fits(&self, value: &str) -> Result<(), String> {
        let fits = match self.kind {
            TagType::Bool => matches!(value, "" | "true" | "false"),
            TagType::Enum => self.values.iter().any(|known| known == value),
            TagType::String => is_line(value, VALUE_CHARS_MAX),
            TagType::Number => value.parse::<f64>().is_ok_and(f64::is_finite),
            TagType::Date => is_day(value),
            TagType::Multi => self.fits_several(value),
        };
        if fits { Ok(()) } else { Err(format!("the tag `{}` takes {}", self.key, self.wants())) }
    }

    fn fits_several(&self, value: &str) -> bool {
        let mut seen = BTreeSet::new();
        value.split(',').all(|part| {
            let listed = self.values.is_empty() || self.values.iter().any(|known| known == part);
            listed && is_line(part, VALUE_CHARS_MAX) && seen.insert(part)
        })
    }

    fn wants(&self) -> String {
        match self.kind {
            TagType::Bool => "`true`, `false`, or no value at all".to_owned(),
            TagType::Enum => format!("one of: {}", self.values.join(", ")),
            TagType::String => "a text of 1 to 200 characters in one line".to_owned(),
            TagType::Number => "a number".to_owned(),
            TagType::Date => "a day as YYYY-MM-DD".to_owned(),
            TagType::Multi if self.values.is_empty() => "texts separated by commas, each once".to_owned(),
            TagType::Multi => format!("some of these, each once, separated by commas: {}", self.values.join(", ")),
        }
    }
}

fn is_key(key: &str) -> bool {
    let letters = key.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    letters && key.len() <= KEY_CHARS_MAX && key.bytes().next().is_some_and(|first| first.is_ascii_lowercase())
}

fn is_line(text: &str, chars_max: usize) -> bool {
    !text.trim().is_empty() && text.chars().count() <= chars_max && !text.contains(char::is_control)
}

/// `YYYY-MM-DD` of a day that exists in the Gregorian calendar.
fn is_day(text: &str) -> bool {
    let bytes = text.as_bytes();
    let plain = bytes.len() == 10
        && bytes
            .iter()
            .enumerate()
            .all(|(at, byte)| if matches!(at, 4 | 7) { *byte == b'-' } else { byte.is_ascii_digit() });
    if !plain {
        return false;
    }
    let number = |range: std::ops::Range<usize>| text[range].parse::<u32>().unwrap_or(0);
    let (year, month, day) = (number(0..4), number(5..7), number(8..10));
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 0,
    };
    (1..=days).contains(&day)
}
