//! The walls of the house, held by tests: who may import whom, what lies where, which licences, which schemas.
//!
//! | rule | file |
//! | --- | --- |
//! | which crate may name which | `house/imports.rs` |
//! | what lies at the top, how long a file is, what no file may say | `house/tree.rs` |
//! | README's paths exist | `house/readme.rs` |
//! | licences of everything that is linked | `house/licences.rs` |
//! | committed schemas are what the code says | `house/schemas.rs` |

#[path = "house/imports.rs"]
mod imports;
#[path = "house/licences.rs"]
mod licences;
#[path = "house/metadata.rs"]
mod metadata;
#[path = "house/readme.rs"]
mod readme;
#[path = "house/schemas.rs"]
mod schemas;
#[path = "house/tree.rs"]
mod tree;
