//! The console from outside: pages asked for as a browser does, over the real API on the memory store.

mod customers;
mod forms;
mod hostile;
mod language;
mod rig;
mod sign_in;
