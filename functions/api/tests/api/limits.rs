//! How often a key or a person may ask.

use crate::people::{person, token, with};
use crate::rig::{Rig, track};
use roadbook_app::Config;
use serde_json::{Value, json};

#[tokio::test]
async fn every_answer_says_how_much_is_left_and_the_last_says_when_to_come_back() {
    let rig = Rig::with(Config { rate_limit_per_minute: 3, ..Config::default() }).await;
    let paths = ["/v1/segments", "/v1/profiles/cus_00000000000000000000000000", "/v1/segments?limit=0"];
    for (path, (status, left)) in paths.into_iter().zip([(200, 2), (404, 1), (400, 0)]) {
        let answer = rig.get(path).await;
        assert_eq!(answer.status, status, "{path}");
        assert_eq!(answer.header("ratelimit-policy"), Some(r#""default";q=3;w=60"#));
        let full_in_s = 60 - 20 * left;
        assert_eq!(answer.header("ratelimit"), Some(format!(r#""default";r={left};t={full_in_s}"#).as_str()));
    }
    let refused = rig.get("/v1/segments").await;
    refused.is_problem(429, "rate_limited");
    assert_eq!(
        (refused.header("retry-after"), refused.header("ratelimit")),
        (Some("20"), Some(r#""default";r=0;t=60"#))
    );
    // Neither another tenant nor ingestion is concerned.
    assert!(rig.secret(&rig.other, "get", "/v1/segments", Value::Null).await.status.is_success());
    for number in 0..5 {
        let answer = rig.batch(json!([track("u-1", "Opened", &format!("m-{number}"))])).await;
        assert!(answer.status.is_success() && answer.header("ratelimit").is_none());
    }
    rig.wait(20_000).await;
    assert!(rig.get("/v1/segments").await.status.is_success());
    rig.get("/v1/segments").await.is_problem(429, "rate_limited");
}

#[tokio::test]
async fn each_person_has_a_bucket_of_their_own_and_zero_is_no_limit() {
    let rig = Rig::with(Config { rate_limit_per_minute: 2, ..Config::default() }).await;
    rig.post("/v1/users", person("one@example.com", "auditor")).await.ok();
    rig.post("/v1/users", person("two@example.com", "auditor")).await.ok();
    let (one, two) = (token(&rig, "one@example.com").await, token(&rig, "two@example.com").await);
    let me = async |token: &str| with(&rig, token, "get", "/v1/me", Value::Null).await.status.as_u16();
    assert_eq!([me(&one).await, me(&one).await, me(&one).await, me(&two).await], [200, 200, 429, 200]);

    let free = Rig::with(Config { rate_limit_per_minute: 0, ..Config::default() }).await;
    for _ in 0..1_000 {
        let answer = free.get("/v1/me").await;
        assert!(answer.status.is_success() && answer.header("ratelimit").is_none());
    }
}
