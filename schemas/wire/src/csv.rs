//! Lines of a delimited file to events, after a [`Mapping`].

use crate::Inbound;
use crate::cell::{CellType, DateFormat};
use crate::columns::{Columns, fields};
use crate::mapping::{Delimiter, EventName, Mapping, MappingError};
use crate::time::moment;
use crate::whom::Who;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use roadbook_customer::{Call, Observation, TraitOps};
use roadbook_identity::{Grade, Identifier, Kind, TenantKeys};
use roadbook_kernel::{Moment, Personal};
use serde_json::{Map, Value};

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
    event: Name,
    who: Vec<Who>,
    evidence: Vec<(Kind, Grade)>,
    date: usize,
    format: DateFormat,
    /// How other dates are written, where nothing else is said.
    day: DateFormat,
    zone: TimeZone,
    properties: Vec<(String, Source)>,
    set: Vec<(String, Source)>,
    set_once: Vec<(String, Source)>,
    increment: Vec<(String, Source)>,
    keys: TenantKeys,
    file: String,
}

/// What a line is called.
enum Name {
    Identify,
    Constant(String),
    Column(usize),
}

pub(crate) enum Source {
    Constant(Value),
    Column { index: usize, kind: CellType, format: Option<DateFormat> },
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
        let columns = Columns::read(mapping, first_line)?;
        let event = match &mapping.event {
            None => Name::Identify,
            Some(EventName::Constant(name)) => Name::Constant(name.clone()),
            Some(EventName::Column { column }) => Name::Column(columns.find("event", column)?),
        };
        Ok(Self {
            delimiter: mapping.delimiter,
            event,
            who: columns.who(mapping)?,
            evidence: mapping.grades()?,
            date: columns.find("date.column", &mapping.date.column)?,
            format: DateFormat::new(&mapping.date.format),
            day: DateFormat::new("%Y-%m-%d"),
            zone: mapping.zone()?,
            properties: columns.sources("properties", &mapping.properties)?,
            set: columns.sources("traits.set", &mapping.traits.set)?,
            set_once: columns.sources("traits.set_once", &mapping.traits.set_once)?,
            increment: columns.sources("traits.increment", &mapping.traits.increment)?,
            keys: keys.clone(),
            file: file.to_owned(),
            names: columns.names,
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
                let record = fields(text, delimiter).map_err(whole)?;
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
        let identifiers = self.identifiers(fields, line)?;
        let values = |sources: &[(String, Source)]| {
            let value = |(name, source): &(String, Source)| {
                Ok(self.value(source, fields, when, &wrong)?.map(|value| (name.clone(), value)))
            };
            sources.iter().filter_map(|one| value(one).transpose()).collect::<Result<Vec<(String, Value)>, LineError>>()
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
        let (call, name) = self.called(fields, &wrong)?;
        let producer_id = format!("line {line}");
        Ok(Inbound {
            message: crate::line_message(&self.keys, &self.file, line),
            producer_id: Some(producer_id),
            occurred_at: when.at,
            observation: Observation {
                call,
                name,
                identifiers,
                evidence: self.evidence.clone(),
                traits,
                properties: Personal::new(properties),
            },
            dropped: Vec::new(),
        })
    }

    /// Whom a line is about, strongest first. Empty cells are passed over; one of them must be filled.
    fn identifiers(&self, fields: &[&str], line: u64) -> Result<Vec<Identifier>, LineError> {
        let mut found = Vec::with_capacity(self.who.len());
        for who in &self.who {
            match who.read(fields, &self.keys) {
                Ok(identifier) => found.extend(identifier),
                Err((index, detail)) => {
                    return Err(LineError { line, column: Some(self.names[index].clone()), detail });
                }
            }
        }
        if found.is_empty() {
            let column = self.who.first().map(|who| self.names[who.index].clone());
            let detail = "it names nobody: every column with an identifier is empty".to_owned();
            return Err(LineError { line, column, detail });
        }
        Ok(found)
    }

    fn called(&self, fields: &[&str], wrong: Wrong<'_>) -> Result<(Call, String), LineError> {
        match &self.event {
            Name::Identify => Ok((Call::Identify, "identify".to_owned())),
            Name::Constant(name) => Ok((Call::Track, name.clone())),
            Name::Column(index) => match fields[*index] {
                name if name.is_empty() || name.len() > crate::NAME_BYTES_MAX => {
                    Err(wrong(*index, "expected the name of an event, 1 to 200 bytes".to_owned()))
                }
                name => Ok((Call::Track, name.to_owned())),
            },
        }
    }

    /// `None` where the cell is empty: it says nothing.
    fn value(
        &self,
        source: &Source,
        fields: &[&str],
        when: When,
        wrong: Wrong<'_>,
    ) -> Result<Option<Value>, LineError> {
        match source {
            Source::Constant(value) => Ok(Some(value.clone())),
            Source::Column { index, .. } if fields[*index].is_empty() => Ok(None),
            Source::Column { index, kind: CellType::Date, format: None } if *index == self.date => {
                Ok(Some(Value::String(when.date.to_string())))
            }
            Source::Column { index, kind, format } => {
                let format = format.as_ref().unwrap_or(&self.day);
                let read = kind.read(fields[*index], &self.keys, format).map(Some);
                read.ok_or_else(|| {
                    let form =
                        if *kind == CellType::Date { format!(" of the form {}", format.text()) } else { String::new() };
                    wrong(*index, format!("expected {}{form}", kind.expected()))
                })
            }
        }
    }

    fn when(&self, text: &str) -> Result<When, String> {
        let wrong = || format!("expected a time of the form {}", self.format.text());
        let parsed = self.format.parse(text).ok_or_else(wrong)?;
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

type Wrong<'a> = &'a dyn Fn(usize, String) -> LineError;

fn amount(source: &Source, fields: &[&str], wrong: Wrong<'_>) -> Result<i64, LineError> {
    match source {
        // Checked when the mapping was read.
        Source::Constant(value) => Ok(crate::millionths(&value.to_string()).unwrap_or_default()),
        Source::Column { index, kind, .. } => {
            kind.amount(fields[*index]).ok_or_else(|| wrong(*index, format!("expected {}", kind.expected())))
        }
    }
}
