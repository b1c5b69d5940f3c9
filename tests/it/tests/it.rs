//! The integration tests, in one binary: `cargo test -p roadbook-it`.

mod it {
    pub mod carrying;
    pub mod consents;
    pub mod doctor;
    pub mod identity;
    pub mod inbox;
    pub mod laws;
    pub mod life;
    pub mod pause;
    pub mod queues;
    pub mod rolling;
    pub mod scenario;
    pub mod segments;
    pub mod stores;
    pub mod turns;
    pub mod unmerge;
    pub mod webhooks;
}
