//! The mapping file of an import: which column of a delimited file is what. TOML; `tests/fixtures/cdnow/mapping.toml`
//! is an example.

use crate::amount::{millionths, scaled};
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_json::{Number, Value};
use std::collections::BTreeMap;

/// How the lines of a file become events: every line is one `track` of one customer.
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
    /// The name of the event that a line becomes.
    pub event: String,
    /// The column that holds the userId.
    pub user_id: String,
    /// When it happened.
    pub date: DateColumn,
    /// Properties of the event.
    #[serde(default)]
    pub properties: BTreeMap<String, Cell>,
    /// What the event says about traits.
    #[serde(default)]
    pub traits: TraitCells,
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

/// Where a value comes from. In the file: a number is itself, `"column"` or `"column:type"` is a column, and so is
/// `{ column = "...", type = "..." }`; `{ value = ... }` is a constant of any kind.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(try_from = "toml::Value")]
pub enum Cell {
    /// The same for every line.
    Constant(Value),
    /// What a column holds.
    Column {
        /// Its name.
        column: String,
        /// How it is read.
        kind: CellType,
    },
}

/// How the text of a column is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CellType {
    /// As it stands.
    String,
    /// A whole number that fits 64 bits.
    Integer,
    /// A decimal number with at most 6 decimals.
    Decimal,
    /// Money with at most 2 decimals, as a whole number of cents.
    Cents,
    /// The date column as `YYYY-MM-DD`, in the mapping's zone.
    Date,
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
        /// What is wrong with it.
        what: String,
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
        if self.event.is_empty() || self.event.len() > crate::NAME_BYTES_MAX {
            return Err(MappingError::wrong("event", "expected a name of 1 to 200 bytes"));
        }
        if !self.header && self.columns.is_none() {
            return Err(MappingError::wrong("columns", "a file without a header needs the names of its columns"));
        }
        self.zone()?;
        for (name, cell) in &self.traits.increment {
            let at = format!("traits.increment.{name}");
            match cell {
                Cell::Column { kind: CellType::Integer | CellType::Decimal | CellType::Cents, .. } => {}
                Cell::Column { kind: CellType::String | CellType::Date, .. } => {
                    return Err(MappingError::wrong(at, "an increment needs the type integer, decimal or cents"));
                }
                Cell::Constant(value) => {
                    millionths(&value.to_string()).map_err(|error| MappingError::wrong(at, error.to_string()))?;
                }
            }
        }
        self.one_operation_each()
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

impl CellType {
    fn named(name: &str) -> Result<Self, String> {
        match name {
            "string" => Ok(CellType::String),
            "integer" => Ok(CellType::Integer),
            "decimal" => Ok(CellType::Decimal),
            "cents" => Ok(CellType::Cents),
            "date" => Ok(CellType::Date),
            _ => Err(format!("unknown type `{name}`; the types are string, integer, decimal, cents and date")),
        }
    }

    /// Reads a column's text; `None` where it is no such value. Dates are read elsewhere, once per line.
    pub(crate) fn read(self, text: &str) -> Option<Value> {
        match self {
            CellType::String | CellType::Date => Some(Value::String(text.to_owned())),
            CellType::Integer => scaled(text, 0).ok().map(Value::from),
            CellType::Cents => scaled(text, 2).ok().map(Value::from),
            CellType::Decimal => {
                millionths(text).ok()?;
                text.parse::<f64>().ok().and_then(Number::from_f64).map(Value::Number)
            }
        }
    }

    /// Reads a column's text as an amount to add, in millionths.
    pub(crate) fn amount(self, text: &str) -> Option<i64> {
        match self {
            CellType::Integer => scaled(text, 0).ok()?.checked_mul(1_000_000),
            CellType::Cents => scaled(text, 2).ok()?.checked_mul(1_000_000),
            CellType::Decimal => millionths(text).ok(),
            CellType::String | CellType::Date => None,
        }
    }

    /// What a text of this type looks like, for errors.
    pub(crate) const fn expected(self) -> &'static str {
        match self {
            CellType::String => "a text",
            CellType::Integer => "a whole number",
            CellType::Decimal => "a number with at most 6 decimals",
            CellType::Cents => "an amount with at most 2 decimals",
            CellType::Date => "a date",
        }
    }
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

impl TryFrom<toml::Value> for Cell {
    type Error = String;

    fn try_from(value: toml::Value) -> Result<Self, String> {
        const FORM: &str = "expected a number, \"column:type\", { column = .., type = .. } or { value = .. }";
        match value {
            toml::Value::Integer(number) => Ok(Cell::Constant(number.into())),
            toml::Value::Float(number) => {
                Number::from_f64(number).map(Value::Number).map(Cell::Constant).ok_or(FORM.into())
            }
            toml::Value::String(text) => match text.rsplit_once(':') {
                Some((column, kind)) => Ok(Cell::Column { column: column.to_owned(), kind: CellType::named(kind)? }),
                None => Ok(Cell::Column { column: text, kind: CellType::String }),
            },
            toml::Value::Table(mut table) => {
                let constant = table.remove("value");
                let (column, kind) = (table.remove("column"), table.remove("type"));
                match (constant, column, kind, table.is_empty()) {
                    (Some(value), None, None, true) => {
                        serde_json::to_value(value).map(Cell::Constant).map_err(|_| FORM.to_owned())
                    }
                    (None, Some(toml::Value::String(column)), None, true) => {
                        Ok(Cell::Column { column, kind: CellType::String })
                    }
                    (None, Some(toml::Value::String(column)), Some(toml::Value::String(kind)), true) => {
                        Ok(Cell::Column { column, kind: CellType::named(&kind)? })
                    }
                    _ => Err(FORM.to_owned()),
                }
            }
            toml::Value::Boolean(_) | toml::Value::Datetime(_) | toml::Value::Array(_) => Err(FORM.to_owned()),
        }
    }
}
