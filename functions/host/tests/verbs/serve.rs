//! `roadbook serve`.

use crate::rig::{Folder, Server};
use std::io::{Read, Write};
use std::net::TcpStream;

#[test]
fn it_shows_its_keys_once_stops_when_told_and_keeps_what_it_answered() {
    let folder = Folder::new();
    let mut server = folder.serve();
    let (admin, write) = (server.told("admin_key").to_owned(), server.told("write_key").to_owned());
    let event = r#"{"userId": "u-1", "event": "model_viewed", "messageId": "m-1"}"#;
    server.ask("POST", "/v1/track", &write, event);
    assert!(server.signal("KILL").code().is_none(), "it was killed in the middle of its life");

    let mut server = folder.serve();
    assert_eq!(server.ready["admin_key"], serde_json::Value::Null, "keys are shown once");
    let found = server.ask("GET", "/v1/profiles/lookup?key=userId:u-1", &admin, "");
    assert!(found["id"].as_str().is_some_and(|id| id.starts_with("cus_")), "{found}");
    assert_eq!(server.signal("TERM").code(), Some(0));
}

#[test]
fn a_folder_is_served_once() {
    let folder = Folder::new();
    let _server = folder.serve();
    let second = folder.run(&["serve", "--port", "0"]).with(1);
    assert!(second.err.contains("in use") || second.err.contains("another process"), "{}", second.err);
}

/// Everything that was sent before the signal lies unread in a socket when the signal is noticed.
#[test]
fn what_was_sent_before_the_signal_is_taken_and_answered() {
    let folder = Folder::new();
    let mut server = folder.serve();
    let (admin, write) = (server.told("admin_key").to_owned(), server.told("write_key").to_owned());
    let mut streams: Vec<TcpStream> = (0..8).map(|_| connect(&server)).collect();
    for (number, stream) in streams.iter_mut().enumerate() {
        send(stream, &write, &format!("before-{number}"));
        assert!(answer(stream).starts_with("HTTP/1.1 200"), "a connection that is in use");
    }
    server.send("STOP");
    // The kernel lets in for a process that stands still.
    streams.extend((0..8).map(|_| connect(&server)).collect::<Vec<_>>());
    for (number, stream) in streams.iter_mut().enumerate() {
        send(stream, &write, &format!("unread-{number}"));
    }
    server.send("TERM");
    server.send("CONT");
    for stream in &mut streams {
        let answer = answer(stream).to_lowercase();
        assert!(answer.starts_with("http/1.1 200") && answer.contains("connection: close"), "{answer}");
    }
    assert_eq!(server.wait().code(), Some(0));
    let server = folder.serve();
    for number in 0..16 {
        let found = server.ask("GET", &format!("/v1/profiles/lookup?key=userId:unread-{number}"), &admin, "");
        assert!(found["id"].is_string(), "{found}");
    }
}

#[test]
fn the_port_closes_before_the_last_answer() {
    let folder = Folder::new();
    let mut server = folder.serve();
    let write = server.told("write_key").to_owned();
    let mut slow = connect(&server);
    let request = event(&write, "u-1");
    let (first, rest) = request.split_at(request.len() - 1);
    slow.write_all(first.as_bytes()).expect("it listens");
    // An answer to somebody else: by then the first request has begun.
    server.ask("POST", "/v1/track", &write, r#"{"userId": "u-2", "event": "model_viewed"}"#);
    server.send("TERM");
    while TcpStream::connect(server.address()).is_ok() {
        std::thread::yield_now();
    }
    slow.write_all(rest.as_bytes()).expect("it is still read");
    let answer = answer(&mut slow);
    // On a machine that is busy for a second it comes too late to be taken, and is told so.
    assert!(answer.starts_with("HTTP/1.1 200") || answer.contains("draining"), "{answer}");
    assert_eq!(server.wait().code(), Some(0));
}

fn connect(server: &Server) -> TcpStream {
    TcpStream::connect(server.address()).expect("it listens")
}

fn event(key: &str, user: &str) -> String {
    let body = format!(r#"{{"userId": "{user}", "event": "model_viewed", "messageId": "m-{user}"}}"#);
    format!(
        "POST /v1/track HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn send(stream: &mut TcpStream, key: &str, user: &str) {
    stream.write_all(event(key, user).as_bytes()).expect("it is connected");
}

/// What arrives at once; the answers asked for here are short.
fn answer(stream: &mut TcpStream) -> String {
    let mut bytes = [0; 4096];
    let read = stream.read(&mut bytes).expect("an answer");
    String::from_utf8_lossy(&bytes[..read]).into_owned()
}
