//! The columns of a file by name, and what a mapping says of them by place.

use crate::cell::{Cell, DateFormat};
use crate::csv::Source;
use crate::mapping::{Delimiter, Mapping, MappingError};
use crate::whom::{Scope, ScopeAt, Who};
use std::collections::BTreeMap;

/// The columns of one file, left to right.
pub(crate) struct Columns {
    pub(crate) names: Vec<String>,
}

impl Columns {
    /// Those of the first line where it is a header, else those of the mapping.
    pub(crate) fn read(mapping: &Mapping, first_line: &[u8]) -> Result<Self, MappingError> {
        names(mapping, first_line).map(|names| Self { names })
    }

    /// The place of a column. `at` is the key of the mapping that names it.
    pub(crate) fn find(&self, at: &str, name: &str) -> Result<usize, MappingError> {
        self.names.iter().position(|column| column == name).ok_or_else(|| MappingError::Unfit {
            at: at.to_owned(),
            what: format!("the file has no column `{name}`"),
            found: self.names.join(", "),
        })
    }

    /// Where the values of one table of the mapping come from.
    pub(crate) fn sources(
        &self,
        at: &str,
        cells: &BTreeMap<String, Cell>,
    ) -> Result<Vec<(String, Source)>, MappingError> {
        let source = |(name, cell): (&String, &Cell)| match cell {
            Cell::Constant(value) => Ok((name.clone(), Source::Constant(value.clone()))),
            Cell::Column { column, kind, format } => {
                let index = self.find(&format!("{at}.{name}"), column)?;
                let format = format.as_deref().map(DateFormat::new);
                Ok((name.clone(), Source::Column { index, kind: *kind, format }))
            }
        };
        cells.iter().map(source).collect()
    }

    /// Where the identifiers stand.
    pub(crate) fn who(&self, mapping: &Mapping) -> Result<Vec<Who>, MappingError> {
        let who = |(kind, from): (roadbook_identity::Kind, crate::whom::WhoColumn)| {
            let at = format!("identifiers.{kind}");
            let index = self.find(&at, &from.column)?;
            let scope = match from.scope {
                Scope::None => ScopeAt::Constant(String::new()),
                Scope::Constant(scope) => ScopeAt::Constant(scope),
                Scope::Column(column) => ScopeAt::Index(self.find(&at, &column)?),
            };
            Ok(Who { kind, index, scope })
        };
        mapping.who()?.into_iter().map(who).collect()
    }
}

fn names(mapping: &Mapping, first_line: &[u8]) -> Result<Vec<String>, MappingError> {
    let names = if mapping.header {
        let text = std::str::from_utf8(first_line)
            .map_err(|_| MappingError::wrong("header", "the first line of the file is not UTF-8"))?;
        let text = text.trim_start_matches('\u{feff}').trim_end_matches(['\r', '\n']);
        let found: Vec<String> = match mapping.delimiter {
            Delimiter::Whitespace => text.split_whitespace().map(str::to_owned).collect(),
            Delimiter::Char(delimiter) => fields(text, delimiter)
                .map_err(|detail| MappingError::wrong("header", detail))?
                .iter()
                .map(|name| name.trim().to_owned())
                .collect(),
        };
        if mapping.columns.as_ref().is_some_and(|expected| *expected != found) {
            let what = "the first line of the file names other columns".to_owned();
            return Err(MappingError::Unfit { at: "columns".to_owned(), what, found: found.join(", ") });
        }
        found
    } else {
        mapping.columns.clone().unwrap_or_default()
    };
    match names.iter().enumerate().find(|(index, name)| names[..*index].contains(name)) {
        Some((_, name)) => {
            let what = "two columns have one name".to_owned();
            Err(MappingError::Unfit { at: "columns".to_owned(), what, found: name.clone() })
        }
        None => Ok(names),
    }
}

/// One line of CSV to its fields.
pub(crate) fn fields(text: &str, delimiter: u8) -> Result<csv::StringRecord, String> {
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
