//! The mapping file of an import: which column of a delimited file is what. TOML; `tests/fixtures/cdnow/mapping.toml`
//! is an example.

use crate::amount::millionths;
use crate::cell::{Cell, CellType};
use crate::whom::WhoColumn;
use jiff::tz::TimeZone;
use roadbook_identity::{Grade, Kind};
use serde::Deserialize;
use std::collections::BTreeMap;

/// How the lines of a file become events: every line is one `track` or one `identify` of one customer.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// What stands between two columns.
    pub delimiter: Delimiter,
    /// Whether the first line names the columns.
    #[serde(default)]
    pub header: bool,
    /// The names of the columns, left to right. Without a header they are needed; with one they must agree with it.
    pub columns: Option<Vec<String>>,
    /// Which call a line is.
    #[serde(default)]
    pub call: LineCall,
    /// The name of the event that a line becomes. A track needs it, an identify has none.
    pub event: Option<EventName>,
    /// The column that holds the userId; the same as `identifiers.user_id`.
    pub user_id: Option<String>,
    /// The columns that say whom a line is about, by kind.
    #[serde(default)]
    pub identifiers: BTreeMap<String, WhoColumn>,
    /// How sure the file is of a kind, where that differs from what its call implies: `inferred`, `declared`, `login`
    /// or `attested`.
    #[serde(default)]
    pub evidence: BTreeMap<String, String>,
    /// When it happened.
    pub date: DateColumn,
    /// Properties of the event.
    #[serde(default)]
    pub properties: BTreeMap<String, Cell>,
    /// What the event says about traits.
    #[serde(default)]
    pub traits: TraitCells,
}

/// Which call a line of a file is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineCall {
    /// Something happened.
    #[default]
    Track,
    /// What is known of somebody.
    Identify,
}

/// Where the name of an event comes from. In the file: `"name"`, or `{ column = "..." }`.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(untagged)]
pub enum EventName {
    /// The same for every line.
    Constant(String),
    /// What a column holds.
    Column {
        /// Its name.
        column: String,
    },
}

/// What stands between two columns.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(try_from = "String")]
pub enum Delimiter {
    /// Any run of white space; no quoting.
    Whitespace,
    /// One ASCII character, with CSV quoting.
    Char(u8),
}

/// The column that holds the time, and how it is written there.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DateColumn {
    /// Its column.
    pub column: String,
    /// How it is written, in strftime's language: `%Y%m%d`. A date without a time is 00:00.
    pub format: String,
    /// The IANA zone it is written in, unless the format has an offset (`%z`).
    #[serde(default = "utc")]
    pub zone: String,
}

fn utc() -> String {
    "UTC".to_owned()
}

/// Trait operations of every line.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TraitCells {
    /// The value as of the line's time; a later line wins.
    pub set: BTreeMap<String, Cell>,
    /// The value of the earliest line.
    pub set_once: BTreeMap<String, Cell>,
    /// An amount added by every line.
    pub increment: BTreeMap<String, Cell>,
}

/// Why a mapping file cannot be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum MappingError {
    /// Not TOML, or of another shape. The text names line and column.
    #[error("the mapping file cannot be read: {0}")]
    Unreadable(String),
    /// Something in it makes no sense.
    #[error("the mapping file: `{at}`: {what}")]
    Wrong {
        /// The key in the file.
        at: String,
        /// What is wrong with it. It repeats names of the mapping, never anything of the file.
        what: String,
    },
    /// It does not fit the first line of the file.
    #[error("the mapping file: `{at}`: {what}; the columns are {found}")]
    Unfit {
        /// The key in the file.
        at: String,
        /// What does not fit, in names of the mapping.
        what: String,
        /// What the first line says: show it to nobody but who holds the file, because a file without a header has a
        /// person there.
        found: String,
    },
}

impl MappingError {
    pub(crate) fn wrong(at: impl Into<String>, what: impl Into<String>) -> Self {
        Self::Wrong { at: at.into(), what: what.into() }
    }
}

impl Mapping {
    /// Reads and checks a mapping file. Column names are checked by [`crate::LineReader::new`], which knows the header.
    pub fn parse(toml: &str) -> Result<Self, MappingError> {
        let mapping: Self = toml::from_str(toml).map_err(|error| MappingError::Unreadable(error.to_string()))?;
        mapping.check()?;
        Ok(mapping)
    }

    fn check(&self) -> Result<(), MappingError> {
        self.names_an_event()?;
        self.names_somebody()?;
        self.grades()?;
        if !self.header && self.columns.is_none() {
            return Err(MappingError::wrong("columns", "a file without a header needs the names of its columns"));
        }
        self.zone()?;
        for (name, cell) in &self.traits.increment {
            let at = format!("traits.increment.{name}");
            match cell {
                Cell::Column { kind: CellType::Integer | CellType::Decimal | CellType::Cents, .. } => {}
                Cell::Column { kind: CellType::String | CellType::Bool | CellType::Date | CellType::Vin, .. } => {
                    return Err(MappingError::wrong(at, "an increment needs the type integer, number or cents"));
                }
                Cell::Constant(value) => {
                    millionths(&value.to_string()).map_err(|error| MappingError::wrong(at, error.to_string()))?;
                }
            }
        }
        self.one_operation_each()
    }

    fn names_an_event(&self) -> Result<(), MappingError> {
        match (self.call, &self.event) {
            (LineCall::Track, None) => {
                Err(MappingError::wrong("event", "a track needs the name of its event, or the column that holds it"))
            }
            (LineCall::Identify, Some(_)) => Err(MappingError::wrong("event", "an identify has no name")),
            (LineCall::Track, Some(EventName::Constant(name)))
                if name.is_empty() || name.len() > crate::NAME_BYTES_MAX =>
            {
                Err(MappingError::wrong("event", "expected a name of 1 to 200 bytes"))
            }
            (LineCall::Track, Some(EventName::Constant(_) | EventName::Column { .. })) | (LineCall::Identify, None) => {
                Ok(())
            }
        }
    }

    fn names_somebody(&self) -> Result<(), MappingError> {
        match self.who()?.is_empty() {
            false => Ok(()),
            true => Err(MappingError::wrong(
                "identifiers",
                "name at least one column that says whom a line is about, such as phone = \"mobile\"",
            )),
        }
    }

    /// The columns that say whom a line is about, strongest kind first, each kind once.
    pub(crate) fn who(&self) -> Result<Vec<(Kind, WhoColumn)>, MappingError> {
        let own = self.user_id.iter().map(|column| ("user_id", "user_id".to_owned(), WhoColumn::plain(column)));
        let named =
            self.identifiers.iter().map(|(name, from)| (name.as_str(), format!("identifiers.{name}"), from.clone()));
        let mut found: BTreeMap<Kind, WhoColumn> = BTreeMap::new();
        for (name, at, from) in own.chain(named) {
            let kind = kind(name, &at)?;
            if kind.is_scoped() != from.has_scope() {
                return Err(MappingError::wrong(at, crate::whom::scope_of(kind)));
            }
            if found.insert(kind, from).is_some() {
                return Err(MappingError::wrong(at, format!("the kind {kind} is named twice")));
            }
        }
        Ok(found.into_iter().collect())
    }

    /// How sure the file is of its kinds.
    pub(crate) fn grades(&self) -> Result<Vec<(Kind, Grade)>, MappingError> {
        let grade = |(name, grade): (&String, &String)| {
            let at = format!("evidence.{name}");
            let kind = kind(name, &at)?;
            let unknown = |()| MappingError::wrong(at, "write one of: inferred, declared, login, attested");
            Ok((kind, grade.parse::<Grade>().map_err(unknown)?))
        };
        let mut grades = self.evidence.iter().map(grade).collect::<Result<Vec<_>, MappingError>>()?;
        grades.sort_unstable();
        grades.dedup_by_key(|(kind, _)| *kind);
        Ok(grades)
    }

    fn one_operation_each(&self) -> Result<(), MappingError> {
        let TraitCells { set, set_once, increment } = &self.traits;
        let twice = set_once
            .keys()
            .find(|name| set.contains_key(*name))
            .or_else(|| increment.keys().find(|name| set.contains_key(*name) || set_once.contains_key(*name)));
        match twice {
            Some(name) => Err(MappingError::wrong(format!("traits.{name}"), "it stands under two operations")),
            None => Ok(()),
        }
    }

    pub(crate) fn zone(&self) -> Result<TimeZone, MappingError> {
        TimeZone::get(&self.date.zone)
            .map_err(|_| MappingError::wrong("date.zone", "expected an IANA zone such as Asia/Shanghai or UTC"))
    }
}

fn kind(name: &str, at: &str) -> Result<Kind, MappingError> {
    name.parse().map_err(|unknown: roadbook_identity::UnknownKind| {
        let what = match name.to_ascii_lowercase().as_str() {
            "vin" | "plate" => "it names a car, not a person; put it under properties, a VIN with the type vin".into(),
            _ => unknown.to_string(),
        };
        MappingError::wrong(at, what)
    })
}

impl TryFrom<String> for Delimiter {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.as_bytes() {
            b"whitespace" => Ok(Delimiter::Whitespace),
            [byte] if byte.is_ascii() && !matches!(byte, b'"' | b'\n' | b'\r') => Ok(Delimiter::Char(*byte)),
            _ => Err("expected \"whitespace\" or one ASCII character such as \",\" or \"\\t\"".to_owned()),
        }
    }
}
