//! roadbook-mailboxes
