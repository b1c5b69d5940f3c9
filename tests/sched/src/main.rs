//! What threads of the host share, under schedules that a seed draws: the group commit and the mailboxes, the product's
//! own code on shuttle's locks and channels. `cargo xtask schedules` builds it with `--cfg schedules`; in any other
//! build this is an empty program, because the product then is on the standard locks.
//!
//! | question | file |
//! | --- | --- |
//! | Which situations are there, and which mistakes must each find? | `situations.rs` |
//! | How is one schedule played, and how are mutants hunted? | `play.rs`, `explore.rs` |
//! | Who goes next? | `scheduler.rs` |

#[cfg(schedules)]
mod caches;
#[cfg(schedules)]
mod commits;
#[cfg(schedules)]
mod due;
#[cfg(schedules)]
mod events;
#[cfg(schedules)]
mod explore;
#[cfg(schedules)]
mod folder;
#[cfg(schedules)]
mod log;
#[cfg(schedules)]
mod mailboxes;
#[cfg(schedules)]
mod options;
#[cfg(schedules)]
mod play;
#[cfg(schedules)]
mod process;
#[cfg(schedules)]
mod scheduler;
#[cfg(schedules)]
mod situations;
#[cfg(schedules)]
mod slow_store;

#[cfg(not(schedules))]
fn main() -> std::process::ExitCode {
    eprintln!("error: built without `--cfg schedules`: start it by `cargo xtask schedules`");
    std::process::ExitCode::FAILURE
}

#[cfg(schedules)]
fn main() -> std::process::ExitCode {
    match options::Options::parse(std::env::args().skip(1)).and_then(|options| explore::run(&options)) {
        Ok(true) => std::process::ExitCode::SUCCESS,
        Ok(false) => std::process::ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            std::process::ExitCode::FAILURE
        }
    }
}
