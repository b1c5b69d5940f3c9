//! The built program, verb by verb, as somebody at a terminal uses it.

mod config;
mod doctor;
mod help;
mod keys;
mod replay;
mod rig;
mod serve;
