//! Lines of a delimited file to events, after a [`Mapping`].

use crate::Inbound;
use crate::mapping::{Cell, CellType, Delimiter, Mapping, MappingError};
use crate::time::moment;
use jiff::civil::Date;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use roadbook_customer::{Call, Observation, TraitOps};
use roadbook_identity::{Kind, TenantKeys};
use roadbook_kernel::{Moment, Personal};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// A line that cannot be read. It names the place and the rule, never what stands there.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("line {line}{}: {detail}", column.as_ref().map(|name| format!(", column `{name}`")).unwrap_or_default())]
pub struct LineError {
    /// The line, counted from 1, the header included.
    pub line: u64,
    /// The column, where it is one column's fault.
    pub column: Option<String>,
    /// What is wrong and what was expected.
    pub detail: String,
}

/// Reads the lines of one file. A record is one line: a quoted field must not contain a line break.
pub struct LineReader {
    delimiter: Delimiter,
    names: Vec<String>,
    event: String,
    user_id: usize,
    date: usize,
    format: String,
    /// Numbers stand in it without anything between them.
    dense: bool,
    zone: TimeZone,
    properties: Vec<(String, Source)>,
    set: Vec<(String, Source)>,
    set_once: Vec<(String, Source)>,
    increment: Vec<(String, Source)>,
    keys: TenantKeys,
    file: String,
}

enum Source {
    Constant(Value),
    Column { index: usize, kind: CellType },
}

/// What the date column of one line says.
#[derive(Clone, Copy)]
struct When {
    at: Moment,
    date: Date,
}

impl LineReader {
    /// A reader for one file. `first_line` is its header, looked at only if the mapping says that there is one; `file`
    /// names the file's content, such as the hex digits of its hash: with the line number it is the message id, so the
    /// same line of the same file is the same message, and equal lines of one file are different ones.
    pub fn new(mapping: &Mapping, first_line: &[u8], keys: &TenantKeys, file: &str) -> Result<Self, MappingError> {
        let names = names(mapping, first_line)?;
        let column = |at: &str, name: &str| {
            names.iter().position(|column| column == name).ok_or_else(|| {
                MappingError::wrong(at, format!("the file has no column `{name}`; it has {}", names.join(", ")))
            })
        };
        let sources = |at: &str, cells: &BTreeMap<String, Cell>| {
            let source = |(name, cell): (&String, &Cell)| match cell {
                Cell::Constant(value) => Ok((name.clone(), Source::Constant(value.clone()))),
                Cell::Column { column: from, kind } => {
                    let at = format!("{at}.{name}");
                    let index = column(&at, from)?;
                    if *kind == CellType::Date && *from != mapping.date.column {
                        return Err(MappingError::wrong(at, "only the date column can have the type date"));
                    }
                    Ok((name.clone(), Source::Column { index, kind: *kind }))
                }
            };
            cells.iter().map(source).collect::<Result<Vec<_>, MappingError>>()
        };
        Ok(Self {
            delimiter: mapping.delimiter,
            event: mapping.event.clone(),
            user_id: column("user_id", &mapping.user_id)?,
            date: column("date.column", &mapping.date.column)?,
            format: mapping.date.format.clone(),
            dense: is_dense(&mapping.date.format),
            zone: mapping.zone()?,
            properties: sources("properties", &mapping.properties)?,
            set: sources("traits.set", &mapping.traits.set)?,
            set_once: sources("traits.set_once", &mapping.traits.set_once)?,
            increment: sources("traits.increment", &mapping.traits.increment)?,
            keys: keys.clone(),
            file: file.to_owned(),
            names,
        })
    }

    /// Reads one line, with or without its line break; `number` counts from 1, the header included. An empty line is
    /// `None`. The caller leaves the header out.
    pub fn read(&self, line: &[u8], number: u64) -> Result<Option<Inbound>, LineError> {
        let whole = |detail: String| LineError { line: number, column: None, detail };
        let text = std::str::from_utf8(line).map_err(|error| {
            let byte = error.valid_up_to() + 1;
            whole(format!("it is not UTF-8 at byte {byte}; convert the file first (iconv -f GB18030 -t UTF-8)"))
        })?;
        let text = text.trim_end_matches(['\r', '\n']);
        if text.trim().is_empty() {
            return Ok(None);
        }
        match self.delimiter {
            Delimiter::Whitespace => self.record(&text.split_whitespace().collect::<Vec<_>>(), number).map(Some),
            Delimiter::Char(delimiter) => {
                let record = quoted(text, delimiter).map_err(whole)?;
                self.record(&record.iter().map(str::trim).collect::<Vec<_>>(), number).map(Some)
            }
        }
    }

    fn record(&self, fields: &[&str], line: u64) -> Result<Inbound, LineError> {
        if fields.len() != self.names.len() {
            let detail = format!("it has {} columns, expected {}", fields.len(), self.names.len());
            return Err(LineError { line, column: None, detail });
        }
        let wrong = |index: usize, detail: String| LineError { line, column: Some(self.names[index].clone()), detail };
        let when = self.when(fields[self.date]).map_err(|detail| wrong(self.date, detail))?;
        let identifier = self.keys.identifier(Kind::UserId, "", fields[self.user_id]);
        let identifier = identifier.map_err(|error| wrong(self.user_id, error.to_string()))?;
        let values = |sources: &[(String, Source)]| {
            let value = |(name, source): &(String, Source)| Ok((name.clone(), value(source, fields, when, &wrong)?));
            sources.iter().map(value).collect::<Result<Vec<(String, Value)>, LineError>>()
        };
        let amount = |(name, source): &(String, Source)| Ok((name.clone(), amount(source, fields, &wrong)?));
        let some =
            |pairs: Vec<(String, Value)>| (!pairs.is_empty()).then(|| Personal::new(pairs.into_iter().collect()));
        let traits = TraitOps {
            set: some(values(&self.set)?),
            set_once: some(values(&self.set_once)?),
            append: None,
            increment: self.increment.iter().map(amount).collect::<Result<_, LineError>>()?,
        };
        let properties: Map<String, Value> = values(&self.properties)?.into_iter().collect();
        let producer_id = format!("line {line}");
        Ok(Inbound {
            message: crate::line_message(&self.keys, &self.file, line),
            producer_id: Some(producer_id),
            occurred_at: when.at,
            observation: Observation {
                call: Call::Track,
                name: self.event.clone(),
                identifiers: vec![identifier],
                evidence: Vec::new(),
                traits,
                properties: Personal::new(properties),
            },
            dropped: Vec::new(),
        })
    }

    fn when(&self, text: &str) -> Result<When, String> {
        let wrong = || format!("expected a time of the form {}", self.format);
        let parsed = strtime::parse(&self.format, text).map_err(|_| wrong())?;
        // Where nothing separates the numbers a missing digit moves the others: 1997011 would be read as 1 January.
        if self.dense && parsed.to_string(&self.format).ok().as_deref() != Some(text) {
            return Err(wrong());
        }
        if parsed.offset().is_some() {
            let instant = parsed.to_timestamp().map_err(|_| wrong())?;
            return Ok(When { at: moment(instant), date: instant.to_zoned(self.zone.clone()).date() });
        }
        let date = parsed.to_date().map_err(|_| wrong())?;
        let time = if parsed.hour().is_some() { parsed.to_time().map_err(|_| wrong())? } else { Default::default() };
        // A time that the clock skipped or showed twice is read as Temporal and the calendars do: the earlier offset.
        let instant = self.zone.to_ambiguous_timestamp(date.to_datetime(time)).compatible().map_err(|_| wrong())?;
        Ok(When { at: moment(instant), date })
    }
}

fn is_dense(format: &str) -> bool {
    let bytes = format.as_bytes();
    bytes.windows(3).any(|three| three[0] == b'%' && three[1].is_ascii_alphabetic() && three[2] == b'%')
}

type Wrong<'a> = &'a dyn Fn(usize, String) -> LineError;

fn value(source: &Source, fields: &[&str], when: When, wrong: Wrong<'_>) -> Result<Value, LineError> {
    match source {
        Source::Constant(value) => Ok(value.clone()),
        Source::Column { kind: CellType::Date, .. } => Ok(Value::String(when.date.to_string())),
        Source::Column { index, kind } => {
            kind.read(fields[*index]).ok_or_else(|| wrong(*index, format!("expected {}", kind.expected())))
        }
    }
}

fn amount(source: &Source, fields: &[&str], wrong: Wrong<'_>) -> Result<i64, LineError> {
    match source {
        // Checked when the mapping was read.
        Source::Constant(value) => Ok(crate::millionths(&value.to_string()).unwrap_or_default()),
        Source::Column { index, kind } => {
            kind.amount(fields[*index]).ok_or_else(|| wrong(*index, format!("expected {}", kind.expected())))
        }
    }
}

fn names(mapping: &Mapping, first_line: &[u8]) -> Result<Vec<String>, MappingError> {
    let names = if mapping.header {
        let text = std::str::from_utf8(first_line)
            .map_err(|_| MappingError::wrong("header", "the first line of the file is not UTF-8"))?;
        let text = text.trim_start_matches('\u{feff}').trim_end_matches(['\r', '\n']);
        let found: Vec<String> = match mapping.delimiter {
            Delimiter::Whitespace => text.split_whitespace().map(str::to_owned).collect(),
            Delimiter::Char(delimiter) => quoted(text, delimiter)
                .map_err(|detail| MappingError::wrong("header", detail))?
                .iter()
                .map(|name| name.trim().to_owned())
                .collect(),
        };
        if mapping.columns.as_ref().is_some_and(|expected| *expected != found) {
            let what = format!("the header of the file says {}", found.join(", "));
            return Err(MappingError::wrong("columns", what));
        }
        found
    } else {
        mapping.columns.clone().unwrap_or_default()
    };
    match names.iter().enumerate().find(|(index, name)| names[..*index].contains(name)) {
        Some((_, name)) => Err(MappingError::wrong("columns", format!("two columns are called `{name}`"))),
        None => Ok(names),
    }
}

/// One line of CSV to its fields.
fn quoted(text: &str, delimiter: u8) -> Result<csv::StringRecord, String> {
    if text.bytes().filter(|byte| *byte == b'"').count() % 2 == 1 {
        return Err("a quoted field is not closed on this line".to_owned());
    }
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).delimiter(delimiter).flexible(true).from_reader(text.as_bytes());
    let mut record = csv::StringRecord::new();
    match reader.read_record(&mut record) {
        Ok(_) => Ok(record),
        Err(_) => Err("it is not valid CSV".to_owned()),
    }
}
