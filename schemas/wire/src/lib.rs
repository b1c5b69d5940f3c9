//! What others write against: Segment-shaped events into observations, lines of delimited files into observations, and
//! the problem document that every error is answered with.
//!
//! Architecture invariant: total. Whatever the bytes, nothing here panics, and no error repeats a value that came in:
//! errors name the place (a JSON pointer, a line and a column), the rule and its code.
//!
//! To read a new field of an event: 1 `dto.rs`, 2 its type in `diagnose.rs`, 3 `inbound.rs` or its neighbour, 4 a body
//! in `tests/`.

mod amount;
mod batch;
mod cell;
mod columns;
mod csv;
mod diagnose;
mod dto;
mod evidence;
mod identifiers;
mod inbound;
mod keyless;
mod line;
mod loose;
mod mapping;
mod problem;
mod rejected;
pub mod time;
mod traits;
mod whom;

pub use amount::{AmountError, MILLIONTHS_DECIMALS, millionths, scaled};
pub use batch::{BATCH_EVENTS_MAX, BODY_BYTES_MAX, BodyError, RawBatch, read_batch, read_single};
pub use cell::{Cell, CellType};
pub use csv::{LineError, LineReader};
pub use identifiers::{Dropped, EVENT_IDENTIFIERS_MAX};
pub use inbound::{EVENT_BYTES_MAX, Inbound, NAME_BYTES_MAX, PROPERTIES_MAX};
pub use keyless::keyless;
pub use line::{kept, line_message, read_line};
pub use mapping::{DateColumn, Delimiter, EventName, LineCall, Mapping, MappingError, TraitCells};
pub use problem::{PROBLEM_CONTENT_TYPE, Problem};
pub use rejected::{Outcome, Rejected};
pub use whom::{Scope, WhoColumn};
