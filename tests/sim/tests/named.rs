//! Situations that once went wrong somewhere, here or at others: each by its name, each as small as it can be.
//!
//! | what | file |
//! | --- | --- |
//! | messages that come again, early and late | `named/again.rs` |
//! | who is whom, while it changes | `named/whom.rs` |
//! | turns and timers | `named/turns.rs` |
//! | two hosts, and a relay that stands still | `named/hosts.rs` |

#[path = "named/again.rs"]
mod again;
#[path = "named/hosts.rs"]
mod hosts;
#[path = "named/turns.rs"]
mod turns;
#[path = "named/whom.rs"]
mod whom;

use roadbook_customer::Customer;
use roadbook_it::rig::T0;
use roadbook_kernel::Moment;
use serde_json::Value;

/// An instant after the beginning.
const fn at(ms: i64) -> Moment {
    T0.plus_ms(ms)
}

/// What a trait of amounts has come to.
fn sum(customer: &Customer) -> Option<Value> {
    customer.traits.get("sum")?.value().map(|value| value.into_owned())
}
