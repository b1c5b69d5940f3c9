//! The instrument behind `cargo xtask disk`: a disk that forgets what was not synced, under the real server.
//!
//! The shim (`shim/`, C, loaded into the server's process) sees every system call that changes files. At a drawn call
//! the power goes: of the changes that were not synced some are lost, some torn, some survive. The server is started
//! again on what is left, and in the end everything it had acknowledged is looked for.
//!
//! Where is what: compiling and configuring the shim in [`shim`], one seed's story in [`story`]; load and audit are
//! those of `tests/crash`.

pub mod shim;
pub mod story;
