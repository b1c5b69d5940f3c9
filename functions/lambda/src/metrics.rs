//! Numbers for alarms: lines that CloudWatch reads out of the log (its embedded metric format), without a request.

use serde_json::{Map, Value, json};
use std::io::Write;

/// Where all metrics of the product lie.
const NAMESPACE: &str = "Roadbook";

/// One number: its name, its unit as CloudWatch spells it, its value.
pub type Number = (&'static str, &'static str, i64);

/// Writes the numbers of one moment.
pub fn tell(stack: &str, now_ms: i64, numbers: &[Number]) {
    // A log that cannot be written to is no reason to stop working.
    let _ = writeln!(std::io::stdout(), "{}", line(stack, now_ms, numbers));
}

fn line(stack: &str, now_ms: i64, numbers: &[Number]) -> Value {
    let metrics: Vec<Value> = numbers.iter().map(|(name, unit, _)| json!({ "Name": name, "Unit": unit })).collect();
    let mut line = Map::new();
    let about = json!({
        "Timestamp": now_ms,
        "CloudWatchMetrics": [{ "Namespace": NAMESPACE, "Dimensions": [["Stack"]], "Metrics": metrics }],
    });
    line.insert("_aws".into(), about);
    line.insert("Stack".into(), stack.into());
    line.extend(numbers.iter().map(|(name, _, value)| ((*name).to_owned(), json!(value))));
    Value::Object(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_what_cloudwatch_looks_for() {
        let line = line("roadbook-dev", 5, &[("OldestTimerMs", "Milliseconds", 7)]);
        let metrics = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(metrics["Metrics"], json!([{ "Name": "OldestTimerMs", "Unit": "Milliseconds" }]));
        assert_eq!((&line["Stack"], &line["OldestTimerMs"]), (&json!("roadbook-dev"), &json!(7)));
    }
}
