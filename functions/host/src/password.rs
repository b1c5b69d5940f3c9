//! A password for the command line: typed without an echo, or piped in. Never an argument: the list of processes
//! shows those to everybody on the machine.

use anyhow::{Context, Result, bail};
use roadbook_kernel::Personal;
use std::io::{BufRead, IsTerminal};

/// Asks at a terminal, twice; else reads one line of standard input.
///
/// # Errors
/// Nothing to read, or two different passwords.
pub fn ask() -> Result<Personal<String>> {
    if !std::io::stdin().is_terminal() {
        return read(&mut std::io::stdin().lock());
    }
    let first = rpassword::prompt_password("Password: ").context("the password cannot be read")?;
    if rpassword::prompt_password("Once more: ").context("the password cannot be read")? != first {
        bail!("the two passwords differ; nothing was changed");
    }
    Ok(Personal::new(first))
}

fn read(input: &mut impl BufRead) -> Result<Personal<String>> {
    let mut line = String::new();
    input.read_line(&mut line).context("the password cannot be read")?;
    let password = line.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        bail!("no password came in; pipe one line, or run this at a terminal");
    }
    Ok(Personal::new(password.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_is_read_and_its_end_is_no_part_of_it() {
        assert_eq!(read(&mut &b" with spaces \r\nmore"[..]).unwrap().reveal(), " with spaces ");
        assert!(read(&mut &b"\n"[..]).is_err() && read(&mut &b""[..]).is_err());
    }
}
