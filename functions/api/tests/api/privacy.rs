//! Planted personal values and keys, and everything the process says: none of them may be in it.

use crate::rig::{Rig, basic};
use serde_json::{Value, json};
use std::io::Write;
use std::sync::{Arc, Mutex};
use tracing_subscriber::fmt::MakeWriter;

/// Everything that is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Log;

    fn make_writer(&'a self) -> Log {
        self.clone()
    }
}

const PHONE: &str = "13800000007";
const NAME: &str = "Planted Person";
const EMAIL: &str = "planted@example.com";
const VIN: &str = "LPLANTEDVIN000007";
const PLATE: &str = "测A00007";
const OPENID: &str = "oPlantedPlantedPlanted07";
const PLANTED: [&str; 6] = [PHONE, NAME, EMAIL, VIN, PLATE, OPENID];

fn personal() -> Value {
    json!({ "phone": PHONE, "name": NAME, "email": EMAIL, "vin": VIN, "plate": PLATE, "openid": OPENID })
}

/// Requests that fail or succeed in every way there is, full of personal values wherever a caller could put one.
async fn provoke(rig: &Rig) -> Vec<(String, String)> {
    let mut said = Vec::new();
    let body = |event: Value| json!({ "batch": [event] }).to_string();
    let events = [
        json!({ "type": "identify", "userId": "u-1", "messageId": "m-1", "traits": personal() }),
        json!({ "type": "track", "userId": "u-1", "event": "Opened", "messageId": "m-2", "properties": personal() }),
        json!({ "type": PHONE, "userId": "u-1", "properties": personal() }),
        json!({ "type": "identify", "userId": { "phone": PHONE }, "traits": personal() }),
        json!({ "type": "track", "userId": "u-1", "event": "x", "timestamp": PHONE, "properties": personal() }),
        json!({ "type": "identify", "userId": "null", "traits": { "phone": format!("{PHONE}{PHONE}"), "email": NAME } }),
        json!({ "type": "identify", "userId": "u-1", "context": { "roadbook": { "traits": { "increment": { "x": NAME } } } } }),
    ];
    for event in events {
        for strict in ["0", "1"] {
            let answer = rig.ingest("/v1/batch", body(event.clone()), &[("x-strict-mode", strict)]).await;
            said.push((format!("batch {event}"), answer.text()));
        }
    }
    for text in
        [format!("{{\"batch\":[{{\"name\":\"{NAME}\"]}}"), format!("\"{PHONE}\""), format!("{{\"batch\":\"{EMAIL}\"}}")]
    {
        said.push((text.clone(), rig.ingest("/v1/batch", text, &[]).await.text()));
    }
    let secret = format!("Bearer {}", rig.mine.secret);
    for (method, path, body) in [
        ("get", format!("/v1/profiles/{PHONE}"), String::new()),
        ("get", format!("/v1/profiles/lookup?key=phone:{PHONE}x"), String::new()),
        ("get", format!("/v1/profiles/lookup?key={PHONE}:x"), String::new()),
        ("get", format!("/v1/profiles/lookup?key=phone:{PHONE}"), String::new()),
        ("get", format!("/v1/profiles/lookup?key=userId:{EMAIL}"), String::new()),
        ("get", format!("/v1/dead-letters?limit={PHONE}&cursor={EMAIL}"), String::new()),
        ("get", format!("/v1/profiles?q={PHONE}"), String::new()),
        ("get", format!("/v1/profiles?q={VIN}"), String::new()),
        ("get", format!("/v1/profiles?key=phone:{PHONE}x&q={NAME}").replace(' ', "+"), String::new()),
        ("get", format!("/v1/profiles?tag={EMAIL}&stage={PHONE}"), String::new()),
        ("get", "/v1/profiles".into(), String::new()),
        ("get", "/v1/events/debug".into(), String::new()),
        ("get", format!("/v1/jobs/{PHONE}"), String::new()),
        ("post", format!("/v1/imports?format={PHONE}"), String::new()),
        ("post", format!("/v1/imports?format=csv&mapping={PHONE}"), format!("{PHONE},{EMAIL}\n")),
        ("post", "/v1/imports?format=ndjson".into(), format!("{{\"name\":\"{NAME}\"\n{PHONE}\n\"{EMAIL}\"\n")),
        ("put", "/v1/dead-letters/dl_00000000000000000000000000".into(), json!({ "phone": PHONE }).to_string()),
        ("post", "/v1/dead-letters/replay".into(), json!({ "ids": [PHONE], "code": EMAIL, "x": NAME }).to_string()),
        ("get", format!("/v1/{PHONE}"), String::new()),
        ("put", format!("/v1/profiles/{PHONE}"), String::new()),
        (
            "post",
            "/v1/segments".into(),
            json!({ "name": NAME, "condition": { "trait": "phone", "op": PHONE, "value": PHONE } }).to_string(),
        ),
        ("post", "/v1/segments".into(), json!({ "name": { "x": NAME }, "condition": PHONE }).to_string()),
        ("post", "/v1/segments".into(), format!("{{\"name\":\"{NAME}\" \"{PHONE}\"")),
        ("post", "/v1/identity/merge".into(), json!({ "customers": [PHONE, EMAIL], "into": NAME }).to_string()),
        ("post", format!("/v1/api-keys/{PHONE}"), String::new()),
        ("delete", format!("/v1/api-keys/{PHONE}"), String::new()),
        ("get", "/v1/dead-letters".into(), String::new()),
        ("get", "/metrics".into(), String::new()),
    ] {
        let answer = rig.send(method, &path, &[("authorization", &secret), ("traceparent", PHONE)], body).await;
        said.push((format!("{method} {path}"), answer.text()));
    }
    while roadbook_jobs::advance(&rig.app.router, rig.mine.id, 10).await.unwrap() {}
    for letter in rig.letters().await {
        let path = format!("/v1/dead-letters/{}", letter["id"].as_str().unwrap());
        said.push((path.clone(), letter.to_string()));
        let wrong = json!({ "type": PHONE, "userId": { "x": NAME }, "traits": personal() });
        said.push((path.clone(), rig.secret(&rig.mine, "put", &path, wrong).await.text()));
        let right = json!({ "type": "identify", "userId": "u-1", "traits": personal() });
        said.push((path.clone(), rig.secret(&rig.mine, "put", &path, right).await.text()));
    }
    said.push(("letters".into(), rig.get("/v1/dead-letters").await.text()));
    let id = rig.profile_id("userId:u-1").await;
    for path in [format!("/v1/profiles/{id}"), format!("/v1/profiles/{id}/timeline")] {
        said.push((path.clone(), rig.get(&path).await.text()));
    }
    rig.store.commits_fail(Some(roadbook_runtime::ports::Fault::Store("gone".into())));
    let event = json!({ "type": "identify", "userId": "u-9", "traits": personal() });
    said.push(("a fault".into(), rig.ingest("/v1/batch", body(event), &[]).await.text()));
    rig.store.commits_fail(None);
    said.push((
        "bad key".into(),
        rig.send("post", "/v1/batch", &[("authorization", &basic(PHONE))], "{}").await.text(),
    ));
    said
}

#[tokio::test]
async fn no_answer_and_no_log_line_holds_a_planted_value() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::FULL)
        .with_writer(log.clone())
        .finish();
    // For the whole process: with a subscriber of one thread only, whichever test comes first to a log line decides
    // whether it is ever looked at. The other tests' lines may well be read too.
    tracing::subscriber::set_global_default(subscriber).expect("no other test logs");
    let rig = Rig::new().await;
    let said = provoke(&rig).await;
    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(logged.lines().count() > 20, "nothing was logged: the test looks at nothing");
    assert!(logged.contains("/v1/profiles/{id}") && logged.contains("tenant.id=tn_"), "{logged}");
    let keys = [rig.mine.write.as_str(), rig.mine.secret.as_str()];
    for planted in PLANTED.iter().copied().chain(keys) {
        if let Some(line) = logged.lines().find(|line| line.contains(planted)) {
            panic!("{planted} in the log: {line}");
        }
        for (what, text) in &said {
            assert!(!text.contains(planted), "{planted} in the answer to {what}: {text}");
        }
    }
}
