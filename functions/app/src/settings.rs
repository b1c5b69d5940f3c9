//! Where each setting comes from: the default, `roadbook.toml`, the environment or a flag. Each is read by itself, so
//! that everything that is wrong is reported at once.

use crate::config::{Config, ConfigError};
use serde::Serialize;
use std::collections::BTreeMap;
use toml::{Table, Value};

/// What the names of environment variables begin with.
const PREFIX: &str = "ROADBOOK_";
/// Words in a name whose values are never shown.
const SECRET_WORDS: [&str; 4] = ["secret", "password", "token", "private"];
/// Last words of a name, after `_min` and `_max`, and the unit they stand for.
const UNITS: [(&str, &str); 15] = [
    ("minute", "per minute"),
    ("bytes", "bytes"),
    ("ms", "milliseconds"),
    ("s", "seconds"),
    ("minutes", "minutes"),
    ("hours", "hours"),
    ("days", "days"),
    ("events", "events"),
    ("customers", "customers"),
    ("requests", "requests"),
    ("arbiters", "threads"),
    ("url", "URL"),
    ("host", "address"),
    ("port", "TCP port"),
    ("path", "path"),
];

/// Who set a setting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Nobody.
    Default,
    /// The settings file.
    File,
    /// An environment variable.
    Environment(String),
    /// A flag of the command line.
    Flag(String),
}

/// One setting in force.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Setting {
    /// Its name.
    pub name: String,
    /// Its value, secrets hidden.
    pub value: Value,
    /// The unit of the value; empty where it has none.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub unit: &'static str,
    /// Who set it.
    pub from: Source,
}

/// Settings as they come together, usable or not.
pub struct Resolved {
    table: Table,
    sources: BTreeMap<String, Source>,
    problems: Vec<String>,
}

impl Resolved {
    /// Lays the environment over the file over the defaults.
    pub fn new(toml: &str, environment: impl Iterator<Item = (String, String)>) -> Self {
        let table = Table::try_from(Config::default()).unwrap_or_default();
        let mut resolved = Self { table, sources: BTreeMap::new(), problems: Vec::new() };
        match toml.parse::<Table>() {
            Ok(file) => file.into_iter().for_each(|(name, value)| resolved.set(&name, &name, value, Source::File)),
            Err(error) => resolved.problems.push(unparsed(toml, &error)),
        }
        for (variable, text) in environment {
            let Some(name) = variable.strip_prefix(PREFIX).map(str::to_lowercase) else { continue };
            let value = match resolved.table.get(&name) {
                Some(Value::Integer(_)) => text.parse().map(Value::Integer).map_err(|_| "must be a whole number"),
                Some(Value::Float(_)) => text.parse().map(Value::Float).map_err(|_| "must be a number"),
                Some(Value::Boolean(_)) => text.parse().map(Value::Boolean).map_err(|_| "must be true or false"),
                Some(Value::String(_)) => Ok(Value::String(text)),
                Some(Value::Array(_) | Value::Table(_) | Value::Datetime(_)) => Err("can only be set in roadbook.toml"),
                // Other ROADBOOK_ variables belong to other programs (tests, xtask).
                None => continue,
            };
            match value {
                Ok(value) => resolved.set(&name, &variable, value, Source::Environment(variable.clone())),
                Err(problem) => resolved.problems.push(format!("{variable} {problem}")),
            }
        }
        resolved
    }

    /// Sets one of them by a flag.
    pub fn flag(&mut self, name: &str, flag: &str, value: impl Into<Value>) {
        self.set(name, flag, value.into(), Source::Flag(flag.to_owned()));
    }

    /// Takes a value that can be read by itself; what cannot is a problem, and the setting stays as it was.
    fn set(&mut self, name: &str, shown: &str, value: Value, from: Source) {
        let alone = Table::from_iter([(name.to_owned(), value.clone())]);
        match alone.try_into::<Config>() {
            Ok(_) => {
                self.table.insert(name.to_owned(), value);
                self.sources.insert(name.to_owned(), from);
            }
            Err(error) => self.problems.push(format!("{shown}: {}", worded(&error))),
        }
    }

    /// The settings, if nothing is wrong with them.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub fn usable(&self) -> Result<Config, ConfigError> {
        let problems = self.problems();
        match self.table.clone().try_into::<Config>() {
            Ok(config) if problems.is_empty() => Ok(config),
            Ok(_) => Err(ConfigError(problems)),
            Err(error) => Err(ConfigError(problems.into_iter().chain([worded(&error)]).collect())),
        }
    }

    /// Everything that is wrong: with single settings, and with how they fit together.
    pub fn problems(&self) -> Vec<String> {
        let config = self.table.clone().try_into::<Config>();
        self.problems.iter().cloned().chain(config.iter().flat_map(Config::problems)).collect()
    }

    /// Every setting, by name.
    pub fn settings(&self) -> Vec<Setting> {
        let setting = |(name, value): (&String, &Value)| Setting {
            name: name.clone(),
            value: hidden(name, value),
            unit: unit(name),
            from: self.sources.get(name).cloned().unwrap_or(Source::Default),
        };
        self.table.iter().map(setting).collect()
    }
}

/// What the parser says and where, without the line itself: it may hold a secret.
fn unparsed(toml: &str, error: &toml::de::Error) -> String {
    let line = error.span().map_or(1, |span| toml.bytes().take(span.start).filter(|byte| *byte == b'\n').count() + 1);
    format!("roadbook.toml, line {line}: {}", worded(error))
}

/// The reader's words without the value they quote: it may be a secret in the wrong place. Names stand in backticks.
fn worded(error: &toml::de::Error) -> String {
    error.message().split('"').step_by(2).collect::<Vec<_>>().join("...")
}

/// A value without what is secret in it.
fn hidden(name: &str, value: &Value) -> Value {
    match value {
        Value::Table(fields) => {
            Value::Table(fields.iter().map(|(name, value)| (name.clone(), hidden(name, value))).collect())
        }
        Value::Array(values) => Value::Array(values.iter().map(|value| hidden(name, value)).collect()),
        Value::String(text) if !text.is_empty() && SECRET_WORDS.iter().any(|word| name.contains(word)) => {
            Value::String("***".into())
        }
        Value::String(_) | Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) => {
            value.clone()
        }
    }
}

/// The unit in a name: `body_bytes_max` counts bytes.
fn unit(name: &str) -> &'static str {
    let words = name.trim_end_matches("_max").trim_end_matches("_min");
    let last = words.rsplit('_').next().unwrap_or(words);
    UNITS.iter().find(|(word, _)| *word == last).map_or("", |(_, unit)| unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(resolved: &Resolved, name: &str) -> Setting {
        resolved.settings().into_iter().find(|setting| setting.name == name).unwrap()
    }

    #[test]
    fn every_setting_says_where_it_comes_from_and_its_unit() {
        let environment = [("ROADBOOK_IDLE_S".to_owned(), "5".to_owned()), ("PATH".to_owned(), "/bin".to_owned())];
        let mut resolved = Resolved::new("arbiters = 3", environment.into_iter());
        resolved.flag("port", "--port", 0);
        assert_eq!(resolved.problems(), Vec::<String>::new());
        let shown = |name| {
            let setting = of(&resolved, name);
            (setting.value.to_string(), setting.unit, setting.from)
        };
        assert_eq!(shown("arbiters"), ("3".into(), "threads", Source::File));
        assert_eq!(shown("idle_s"), ("5".into(), "seconds", Source::Environment("ROADBOOK_IDLE_S".into())));
        assert_eq!(shown("port"), ("0".into(), "TCP port", Source::Flag("--port".into())));
        assert_eq!(shown("cache_bytes"), ("8388608".into(), "bytes", Source::Default));
        let number = |setting: &Setting| matches!(setting.value, Value::Integer(_));
        let bare: Vec<Setting> =
            resolved.settings().into_iter().filter(|one| number(one) && one.unit.is_empty()).collect();
        assert_eq!(bare, [], "the name of a number ends in its unit");
    }

    #[test]
    fn secrets_are_hidden_wherever_they_stand() {
        let toml = "[[corps]]\ncorp = \"ww1\"\nagent = 1\nsecret = \"planted\"";
        let resolved = Resolved::new(toml, std::iter::empty());
        let shown = of(&resolved, "corps").value.to_string();
        assert!(shown.contains("ww1") && shown.contains("***") && !shown.contains("planted"), "{shown}");
        let wrong = Resolved::new("[[corps]]\nsecret = \"planted\"\nagent = \"planted\"", std::iter::empty());
        assert!(!wrong.problems().concat().contains("planted"), "{:?}", wrong.problems());
        let unparsed = Resolved::new("port = 1\n[[corps]]\nsecret = \"planted", std::iter::empty());
        let problems = unparsed.problems().concat();
        assert!(problems.contains("line 3") && !problems.contains("planted"), "{problems}");
    }
}
