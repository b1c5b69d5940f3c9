//! The engine: ports, `deliver`, `relay`, `sweep`, `replay`. No vendor is named here.

pub mod ports;
