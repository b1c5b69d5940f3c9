//! What the program is asked. Few words, so no library.

/// What to play.
#[derive(Debug, Default)]
pub struct Options {
    /// Schedules per situation; without it, what each situation asks for.
    pub schedules: Option<u64>,
    /// The first seed.
    pub from: u64,
    /// Only this situation.
    pub only: Option<String>,
    /// Hunt the mutants instead.
    pub mutants: bool,
    /// Play only until something is wrong, and say at which schedule: what a hunt starts.
    pub first: bool,
    /// Write the figures to this file.
    pub json: Option<String>,
}

impl Options {
    /// Reads them.
    ///
    /// # Errors
    /// A word that is none of them, or a number that is none.
    pub fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self::default();
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{word} wants a value"));
            let number = |text: String| text.parse().map_err(|_| format!("{text} is no number"));
            match word.as_str() {
                "--schedules" => options.schedules = Some(number(value()?)?),
                "--from" => options.from = number(value()?)?,
                "--only" => options.only = Some(value()?),
                "--json" => options.json = Some(value()?),
                "--mutants" => options.mutants = true,
                "--first" => options.first = true,
                _ => return Err(format!("{word} is not known; see `cargo xtask schedules --help`")),
            }
        }
        Ok(options)
    }
}
