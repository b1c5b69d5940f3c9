//! The console: pages for people, in Chinese and English, rendered here and working without a line of script.
//!
//! | question | file |
//! | --- | --- |
//! | Which pages are there? | `routes.rs`, one file each in `views/` |
//! | Where does what they show come from? | `ask.rs`: the public API, with the person's own token |
//! | Who is signed in? May this form change anything? | `session.rs`, `posted.rs` |
//! | What do the pages say? | `texts.toml`, both languages side by side |
//! | What do they look like? | `templates/`, `assets/` |
//!
//! Architecture invariant: this crate knows no other crate of the house. Every datum on a page is in an answer of the
//! public API to the person who looks at it, so nobody sees here what they could not ask for.
//!
//! Architecture invariant: no personal value stands in an address. What is searched for is posted, and the answer is a
//! redirect to an id.

mod ask;
mod assets;
mod condition;
mod cookies;
mod diagram;
mod language;
mod layout;
mod moment;
mod person;
mod place;
mod posted;
mod render;
mod routes;
mod session;
mod shell;
mod story;
mod texts;
mod views;

pub use language::Lang;
pub use routes::{PAGES, PageInfo, router};
pub use texts::Texts;
