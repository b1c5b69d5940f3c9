//! Prices of a region, by name. Nobody has verified them: the file says so, and so does what is printed.

use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::fs;
use std::path::Path;

/// The prices of one region.
pub struct Prices {
    region: String,
    mark: String,
    of: Value,
}

impl Prices {
    /// Reads the file.
    ///
    /// # Errors
    /// A file that cannot be read, or a region that is not in it.
    pub fn read(file: &Path, region: &str) -> Result<Self> {
        let text = fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?;
        Self::parse(&text, region).with_context(|| format!("in {}", file.display()))
    }

    fn parse(text: &str, region: &str) -> Result<Self> {
        let mut all: Value = serde_json::from_str(text)?;
        let mark =
            format!("{}, {}", all["mark"].as_str().context("no `mark`")?, all["date"].as_str().context("no `date`")?);
        let of = all[region].take();
        if !of.is_object() {
            bail!("there are no prices of the region `{region}`");
        }
        Ok(Self { region: region.to_owned(), mark, of })
    }

    /// Says another price.
    ///
    /// # Errors
    /// A name that no price has.
    pub fn set(&mut self, name: &str, number: f64) -> Result<()> {
        if !self.of[name].is_number() {
            bail!("there is no price or assumption `{name}`; infra/prices.json and `--json` show them all");
        }
        self.of[name] = number.into();
        Ok(())
    }

    /// A price, in dollars.
    ///
    /// # Errors
    /// One that is missing.
    pub fn usd(&self, name: &str) -> Result<f64> {
        let number = |name: &str| self.of[name].as_f64().with_context(|| format!("no price `{name}`"));
        Ok(number(name)? / number("per_usd")?)
    }

    /// Whose prices, and how far they are to be believed.
    pub fn told(&self) -> String {
        let text = |name: &str| self.of[name].as_str().unwrap_or_default();
        format!("{}, in {}: {} ({})", self.region, text("currency"), self.mark, text("source"))
    }

    /// All of them.
    pub fn json(&self) -> Value {
        let mut all = self.of.clone();
        (all["region"], all["mark"]) = (self.region.as_str().into(), self.mark.as_str().into());
        all
    }
}

/// A name and a number, as the command line has them.
///
/// # Errors
/// What is none.
pub fn rate(text: &str) -> Result<(&str, f64)> {
    let (name, number) = text.split_once('=').with_context(|| format!("`{text}` is not NAME=NUMBER"))?;
    Ok((name, number.parse().with_context(|| format!("`{number}` is no number"))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_told_in_dollars_with_their_mark() {
        let text =
            r#"{"mark": "unverified", "date": "today", "x": {"currency": "CNY", "source": "s", "per_usd": 8, "a": 4}}"#;
        let mut prices = Prices::parse(text, "x").unwrap();
        assert_eq!(prices.usd("a").unwrap(), 0.5);
        prices.set("a", 16.0).unwrap();
        assert_eq!(prices.usd("a").unwrap(), 2.0);
        assert!(prices.set("b", 1.0).is_err() && prices.usd("b").is_err() && Prices::parse(text, "y").is_err());
        assert!(prices.told().contains("unverified, today"));
        assert_eq!(rate("a=1.5").unwrap(), ("a", 1.5));
        assert!(rate("a").is_err() && rate("a=b").is_err());
    }

    #[test]
    fn every_region_of_the_file_has_every_price() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../prices.json");
        let (here, china) = (Prices::read(&file, "us-east-1").unwrap(), Prices::read(&file, "cn-north-1").unwrap());
        let names = |prices: &Prices| prices.of.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&here), names(&china));
    }
}
