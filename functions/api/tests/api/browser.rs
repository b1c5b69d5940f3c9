//! What analytics.js asks besides sending events.

use crate::rig::Rig;
use serde_json::json;

#[tokio::test]
async fn any_origin_may_send_events() {
    let rig = Rig::new().await;
    let asked = [
        ("origin", "https://shop.example"),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "authorization,content-type"),
    ];
    for path in ["/v1/t", "/v1/batch/", "/v1/m", "/v1/projects/x/settings"] {
        let answer = rig.send("options", path, &asked, "").await;
        assert_eq!(answer.status, 204, "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        assert_eq!(answer.header("access-control-allow-headers"), Some("authorization,content-type"));
        assert!(answer.header("access-control-allow-methods").unwrap().contains("POST"));
    }
    // The script must be able to read that it is refused, or it would try for ever.
    let answer = rig.send("post", "/v1/t", &[("origin", "https://shop.example")], "{}").await;
    assert_eq!((answer.status.as_u16(), answer.header("access-control-allow-origin")), (401, Some("*")));
    let answer = rig.send("options", "/v1/segments", &asked, "").await;
    assert!(answer.header("access-control-allow-origin").is_none(), "a secret key has no business in a browser");
}

#[tokio::test]
async fn settings_name_this_server_and_nobody_else() {
    let rig = Rig::new().await;
    let path = format!("/v1/projects/{}/settings", rig.mine.write);
    let answer = rig.send("get", &path, &[("host", "127.0.0.1:8080")], "").await;
    let settings = answer.ok();
    let integrations = settings["integrations"].as_object().unwrap();
    assert_eq!(integrations.keys().collect::<Vec<_>>(), ["Segment.io"]);
    assert_eq!(integrations["Segment.io"]["apiKey"], json!(rig.mine.write));
    assert_eq!(integrations["Segment.io"]["apiHost"], "127.0.0.1:8080/v1");
    assert_eq!(integrations["Segment.io"]["protocol"], "http");
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    let strange = rig.send("get", &path, &[("host", "x\"<script>")], "").await.ok();
    assert!(strange["integrations"]["Segment.io"]["apiHost"].is_null());
    let forwarded = [("host", "events.example"), ("x-forwarded-proto", "https")];
    let forwarded = rig.send("get", &path, &forwarded, "").await.ok();
    assert_eq!(forwarded["integrations"]["Segment.io"]["protocol"], "https");
    for key in ["rb_wk_unknown", rig.mine.secret.as_str(), "%ff"] {
        let answer = rig.send("get", &format!("/v1/projects/{key}/settings"), &[], "").await;
        let problem = answer.is_problem(404, "not_found");
        assert!(!problem.to_string().contains(key), "{problem}");
    }
}

#[tokio::test]
async fn measurements_of_the_sdk_itself_are_dropped() {
    let rig = Rig::new().await;
    let answer = rig.send("post", "/v1/m", &[("origin", "https://shop.example")], r#"{"series":[]}"#).await;
    assert_eq!((answer.status.as_u16(), answer.bytes.len()), (204, 0));
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
}
