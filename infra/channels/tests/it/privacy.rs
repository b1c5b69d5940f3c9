//! Neither logs nor answers hold an address, a text, a secret or a token.

use std::io::Write;
use std::sync::{Arc, Mutex};

use roadbook_simulator::{Fault, FaultKind};
use tracing::Level;
use tracing_subscriber::fmt::MakeWriter;

use crate::rig::{ADD, Rig, SEND, SUBSCRIBE, to_customer, to_seller, to_user};

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("not poisoned").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Captured {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn logs_and_answers_hold_nothing_personal_and_no_secret() {
    let captured = Captured::default();
    let log = tracing_subscriber::fmt().with_max_level(Level::TRACE).with_writer(captured.clone()).finish();
    let guard = tracing::subscriber::set_default(log);
    let rig = Rig::new().await;
    let mut answers = String::new();
    for fault in [None, Some(FaultKind::Errcode), Some(FaultKind::CloseAfterSend), Some(FaultKind::Http500)] {
        for (path, outbound) in [(SEND, to_seller(1, "planted text")), (ADD, to_customer(2)), (SUBSCRIBE, to_user(3))] {
            if let Some(kind) = fault {
                rig.platform.fault(Fault::once(path, kind));
            }
            answers.push_str(&format!("{:?} {outbound:?}", rig.send(&outbound).await));
        }
    }
    answers.push_str(&format!("{:?} {:?}", rig.channels, rig.accounts));
    drop(guard);
    let log = String::from_utf8(captured.0.lock().expect("not poisoned").clone()).expect("UTF-8");
    assert!(log.contains("provider answered") && log.contains("provider did not answer"), "the log is on");
    for planted in [
        "seller-1",
        "wm-customer-1",
        "openid-1",
        "planted text",
        "保养",
        "sim-corp-secret",
        "sim-app-secret",
        "sim-token",
    ] {
        assert!(!log.contains(planted), "{planted} is in the log");
        assert!(!answers.contains(planted), "{planted} is in an answer");
    }
}
