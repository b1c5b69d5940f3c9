//! Work that goes on after its request was answered.
//!
//! | question | file |
//! | --- | --- |
//! | How is a dead letter sent again? | `letters.rs` |

mod letters;

pub use letters::{ReplayError, Replayed, check, replay};
