//! Scripted faults: the next N calls to a path go wrong in one of six ways.

use serde::{Deserialize, Serialize};

/// The way in which a call goes wrong. The difference that matters to a caller: was the work done?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// The platform answers with `errcode`; the work is not done.
    Errcode,
    /// The work is done; the answer never comes and the connection is closed after the hold time.
    TimeoutAfterSend,
    /// The work is not done; the connection is closed after the hold time.
    TimeoutBefore,
    /// The work is not done; the connection is closed at once.
    Close,
    /// The work is done; the connection is closed at once, without an answer.
    CloseAfterSend,
    /// The work is not done; the gateway answers HTTP 500 with a page of HTML.
    #[serde(rename = "http_500")]
    Http500,
}

impl FaultKind {
    /// Whether the platform carries out the call although its caller will not hear of it.
    pub(crate) fn work_is_done(self) -> bool {
        match self {
            Self::TimeoutAfterSend | Self::CloseAfterSend => true,
            Self::Errcode | Self::TimeoutBefore | Self::Close | Self::Http500 => false,
        }
    }
}

/// One scripted fault; it is used up after `times` calls to `path`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Path of the interface, e.g. `/cgi-bin/message/send`.
    pub path: String,
    /// What goes wrong.
    pub kind: FaultKind,
    /// The number answered by [`FaultKind::Errcode`]; -1 if absent. Other kinds ignore it.
    #[serde(default)]
    pub errcode: Option<i64>,
    /// How many calls it hits.
    #[serde(default = "once")]
    pub times: u32,
}

fn once() -> u32 {
    1
}

impl Fault {
    /// The platform answers the next `times` calls to `path` with `errcode`.
    pub fn errcode(path: &str, errcode: i64, times: u32) -> Self {
        Self { path: path.to_owned(), kind: FaultKind::Errcode, errcode: Some(errcode), times }
    }

    /// The next call to `path` fails in the given way.
    pub fn once(path: &str, kind: FaultKind) -> Self {
        Self { path: path.to_owned(), kind, errcode: None, times: 1 }
    }
}

/// Faults that wait for their call, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    waiting: Vec<Fault>,
}

impl Faults {
    pub(crate) fn add(&mut self, fault: Fault) {
        if fault.times > 0 {
            self.waiting.push(fault);
        }
    }

    pub(crate) fn clear(&mut self) {
        self.waiting.clear();
    }

    /// Uses up one hit of the oldest fault for this path.
    pub(crate) fn take(&mut self, path: &str) -> Option<Fault> {
        let place = self.waiting.iter().position(|fault| fault.path == path)?;
        let fault = self.waiting.get_mut(place)?;
        fault.times -= 1;
        let hit = fault.clone();
        if hit.times == 0 {
            self.waiting.remove(place);
        }
        Some(hit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_hits_its_path_as_often_as_told_and_then_no_more() {
        let mut faults = Faults::default();
        faults.add(Fault::errcode("/a", 45009, 2));
        faults.add(Fault::once("/a", FaultKind::Close));
        assert_eq!(faults.take("/b"), None);
        let kinds: Vec<_> = std::iter::from_fn(|| faults.take("/a")).map(|fault| fault.kind).collect();
        assert_eq!(kinds, [FaultKind::Errcode, FaultKind::Errcode, FaultKind::Close]);
    }

    #[test]
    fn the_control_form_names_kinds_as_documented() {
        let fault: Fault = serde_json::from_str(r#"{"path":"/a","kind":"http_500"}"#).expect("parses");
        assert_eq!((fault.kind, fault.times), (FaultKind::Http500, 1));
        assert!(serde_json::from_str::<Fault>(r#"{"path":"/a","kind":"nothing"}"#).is_err());
    }
}
