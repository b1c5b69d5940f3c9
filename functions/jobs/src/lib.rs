//! Work that goes on after its request was answered: imports of files, replays of many dead letters.
//!
//! A job is a document with its place in it. One step does a small piece of the work and then stores the new place;
//! when the process dies in between, the piece is done again, and every message of it is recognised, because its id
//! follows from the file and the line, or from the letter and the number of the replay.
//!
//! | question | file |
//! | --- | --- |
//! | What is kept of a job, and how many are? | `job.rs` |
//! | Who does the next piece? | `advance.rs` |
//! | How does a file get into the store? | `upload.rs` |
//! | What happens to its lines? | `import.rs` |
//! | How is a dead letter sent again, and how are many? | `letters.rs`, `replays.rs` |
//! | Which letters are one event? | `family.rs` |

mod advance;
mod family;
mod import;
mod job;
mod letters;
mod replays;
mod upload;

pub use advance::advance;
pub use family::settled;
pub use import::{Format, Import};
pub use job::{Counts, Job, JobError, JobKind, OPEN_MAX, Work, find, list};
pub use letters::{ReplayError, Replayed, check, replay};
pub use replays::{LETTERS_MAX, Replays, begin as begin_replays};
pub use upload::{Upload, UploadError};
