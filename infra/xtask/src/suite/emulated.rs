//! Steps that need AWS, which an emulator plays on this machine.

use super::bench::{Bench, Verdict};
use super::tools;
use crate::process::Process;
use crate::run;
use anyhow::Result;

/// The store on DynamoDB: conformance, the stream, and a network that throttles and loses answers.
pub fn dynamodb(bench: &Bench) -> Result<Verdict> {
    let folder = bench.place.root.join("tests/aws");
    let venv = bench.place.target.join("aws").join("venv");
    let python = tools::python_with(bench, &folder.join("requirements.txt"), &venv, "aws")?;
    let mut start = bench.place.command(python);
    start.arg(folder.join("emulator.py"));
    let log = bench.fresh_folder("aws")?.join("emulator.log");
    let emulator = Process::start("the AWS emulator", &mut start, &log)?;
    // Of the whole workspace: another selection of packages would compile the SDK again with other features.
    let mut tests = bench.place.cargo(&["test", "--workspace", "--locked", "--test", "dynamodb"]);
    tests.env("ROADBOOK_DYNAMODB", emulator.told("url")?);
    let held = run::quietly(&mut tests, &bench.log("dynamodb"));
    emulator.stop()?;
    held.map(|()| Verdict::Passed)
}
