//! A value that a mapping file names: a constant, or a column and how its text is read.

use crate::amount::{millionths, scaled};
use jiff::fmt::strtime;
use roadbook_customer::vehicle;
use roadbook_identity::TenantKeys;
use serde::Deserialize;
use serde_json::{Number, Value};

/// Where a value comes from. In the file: a number is itself, `"column"` or `"column:type"` is a column, and so is
/// `{ column = "...", type = "...", format = "..." }`, the format for dates alone; `{ value = ... }` is a constant of
/// any kind.
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
        /// How a date is written there, in strftime's language. Without: the date column as the mapping says, any
        /// other as `YYYY-MM-DD`.
        format: Option<String>,
    },
}

/// How the text of a column is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CellType {
    /// As it stands. In the file: `string` or `text`.
    String,
    /// A whole number that fits 64 bits.
    Integer,
    /// A decimal number with at most 6 decimals. In the file: `decimal` or `number`.
    Decimal,
    /// Money with at most 2 decimals, as a whole number of cents.
    Cents,
    /// Yes or no: `true`, `yes`, `y`, `1` and `是`, or `false`, `no`, `n`, `0` and `否`. Case does not count.
    Bool,
    /// A day, kept as `YYYY-MM-DD`; of the date column the day in the mapping's zone.
    Date,
    /// The number of a car (VIN) in its normal form: 17 letters and digits, upper case.
    Vin,
}

impl CellType {
    fn named(name: &str) -> Result<Self, String> {
        match name {
            "string" | "text" => Ok(CellType::String),
            "integer" => Ok(CellType::Integer),
            "decimal" | "number" => Ok(CellType::Decimal),
            "cents" => Ok(CellType::Cents),
            "bool" => Ok(CellType::Bool),
            "date" => Ok(CellType::Date),
            "vin" => Ok(CellType::Vin),
            _ => Err(format!("unknown type `{name}`; the types are text, integer, number, cents, bool, date and vin")),
        }
    }

    /// Reads a column's text; `None` where it is no such value. `keys` and `format` are for the types that need them.
    pub(crate) fn read(self, text: &str, keys: &TenantKeys, format: &DateFormat) -> Option<Value> {
        match self {
            CellType::String => Some(Value::String(text.to_owned())),
            CellType::Bool => boolean(text).map(Value::Bool),
            CellType::Date => Some(Value::String(format.parse(text)?.to_date().ok()?.to_string())),
            CellType::Vin => vehicle(keys, text).map(|(_, vin)| Value::String(vin)),
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
            CellType::String | CellType::Bool | CellType::Date | CellType::Vin => None,
        }
    }

    /// What a text of this type looks like, for errors.
    pub(crate) const fn expected(self) -> &'static str {
        match self {
            CellType::String => "a text",
            CellType::Integer => "a whole number",
            CellType::Decimal => "a number with at most 6 decimals",
            CellType::Cents => "an amount with at most 2 decimals",
            CellType::Bool => "yes or no (true, false, 1, 0, 是, 否)",
            CellType::Date => "a date",
            CellType::Vin => "a VIN of 17 letters and digits",
        }
    }
}

fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "y" | "1" | "是" => Some(true),
        "false" | "no" | "n" | "0" | "否" => Some(false),
        _ => None,
    }
}

/// How a date or a time is written in a column.
#[derive(Clone, Debug)]
pub(crate) struct DateFormat {
    text: String,
    /// Numbers stand in it without anything between them.
    dense: bool,
}

impl DateFormat {
    /// A format in strftime's language.
    pub(crate) fn new(format: &str) -> Self {
        let dense = format
            .as_bytes()
            .windows(3)
            .any(|three| three[0] == b'%' && three[1].is_ascii_alphabetic() && three[2] == b'%');
        Self { text: format.to_owned(), dense }
    }

    /// The format as the mapping has it.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn parse(&self, text: &str) -> Option<strtime::BrokenDownTime> {
        let parsed = strtime::parse(&self.text, text).ok()?;
        // Where nothing separates the numbers a missing digit moves the others: 1997011 would be read as 1 January.
        let moved = self.dense && parsed.to_string(&self.text).ok().as_deref() != Some(text);
        (!moved).then_some(parsed)
    }
}

impl TryFrom<toml::Value> for Cell {
    type Error = String;

    fn try_from(value: toml::Value) -> Result<Self, String> {
        match value {
            toml::Value::Integer(number) => Ok(Cell::Constant(number.into())),
            toml::Value::Float(number) => {
                Number::from_f64(number).map(Value::Number).map(Cell::Constant).ok_or(FORM.into())
            }
            toml::Value::String(text) => {
                let (column, kind) = match text.rsplit_once(':') {
                    Some((column, kind)) => (column.to_owned(), CellType::named(kind)?),
                    None => (text, CellType::String),
                };
                Ok(Cell::Column { column, kind, format: None })
            }
            toml::Value::Table(table) => {
                let form: Form = table.try_into().map_err(|_| FORM.to_owned())?;
                form.cell()
            }
            toml::Value::Boolean(_) | toml::Value::Datetime(_) | toml::Value::Array(_) => Err(FORM.to_owned()),
        }
    }
}

const FORM: &str = "expected a number, \"column:type\", { column = .., type = .. } or { value = .. }";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    value: Option<toml::Value>,
    column: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    format: Option<String>,
}

impl Form {
    fn cell(self) -> Result<Cell, String> {
        match (self.value, self.column, self.kind, self.format) {
            (Some(value), None, None, None) => {
                serde_json::to_value(value).map(Cell::Constant).map_err(|_| FORM.to_owned())
            }
            (None, Some(column), kind, format) => {
                let kind = kind.map_or(Ok(CellType::String), |kind| CellType::named(&kind))?;
                if format.is_some() && kind != CellType::Date {
                    return Err("only the type date has a format".to_owned());
                }
                Ok(Cell::Column { column, kind, format })
            }
            _ => Err(FORM.to_owned()),
        }
    }
}
