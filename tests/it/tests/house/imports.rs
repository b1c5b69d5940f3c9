//! Who may import whom. The edges are those of `Cargo.toml`: what a crate does not depend on it cannot name.

use super::metadata::{built_by_default, workspace};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// One crate of the workspace, what it may import of the others, and why no more.
struct Room {
    package: &'static str,
    may: &'static [&'static str],
    why: &'static str,
}

const WORDS: &str = "the kernel is the words everybody shares; it stands on nothing";
const RULES: &str = "rules are pure: they know words and earlier rules, never the engine, the wire or a vendor";
const ACTORS: &str =
    "actors know words and rules; they talk by messages, and never to the engine, the wire or a vendor";
const ENGINE: &str = "the engine runs actors behind ports; it names no vendor, no HTTP and no wire format";
const MAILBOXES: &str = "mailboxes run the engine's turns and know nothing of doors or stores";
const WIRE: &str = "what others write against becomes commands here, without the engine and without HTTP";
const ADAPTER: &str = "an adapter fills ports of the engine; adapters know nothing of each other nor of the doors";
const DOOR: &str = "a door knows the engine, the wire and the app; never a store, a vendor or the mailboxes";
const CONSOLE: &str = "pages ask the public API and nothing behind it: what they show, anybody could ask for";
const BINARY: &str = "the host puts everything together; it never sees the simulator or another host";
const FUNCTION: &str =
    "the functions put the same doors together over AWS; they never see the other host, its store or its mailboxes";
const OPERATOR: &str =
    "the operator's program sees both stores and nothing that serves: no door, no mailbox, no way out to providers";
const OUTSIDE: &str = "it drives the product from outside, or misunderstandings would cancel out on both sides";
const CLOUD: &str = "the AWS SDK and its shapes are behind ports, in one crate";
const PROOF: &str = "tests may see everything";

const PURE: &[&str] = &["kernel", "tenancy", "identity", "lifecycle", "audience", "journey", "catalog", "customer"];

/// The table. A new crate without a row fails the test.
const ROOMS: &[Room] = &[
    Room { package: "kernel", may: &[], why: WORDS },
    Room { package: "tenancy", may: &["kernel"], why: RULES },
    Room { package: "identity", may: &["kernel", "tenancy"], why: RULES },
    Room { package: "lifecycle", may: &["kernel"], why: RULES },
    Room { package: "audience", may: &["kernel", "tenancy", "identity", "lifecycle"], why: RULES },
    Room { package: "journey", may: &["kernel", "tenancy", "identity", "audience"], why: RULES },
    Room { package: "catalog", may: &["kernel", "tenancy", "identity", "audience", "journey"], why: ACTORS },
    // A customer decides under the published definitions: it takes the catalog's immutable answer as an argument, and
    // never its state.
    Room {
        package: "customer",
        may: &["kernel", "tenancy", "identity", "lifecycle", "audience", "journey", "catalog"],
        why: ACTORS,
    },
    Room { package: "runtime", may: PURE, why: ENGINE },
    Room {
        package: "mailboxes",
        may: &["kernel", "tenancy", "identity", "audience", "journey", "catalog", "customer", "runtime"],
        why: MAILBOXES,
    },
    Room { package: "wire", may: PURE, why: WIRE },
    Room { package: "embedded", may: &["kernel", "runtime"], why: ADAPTER },
    Room { package: "aws", may: &["kernel", "runtime"], why: ADAPTER },
    Room { package: "channels", may: &["kernel", "tenancy", "runtime", "wire"], why: ADAPTER },
    Room { package: "observe", may: &[], why: ADAPTER },
    Room { package: "access", may: &["kernel", "runtime"], why: DOOR },
    Room { package: "app", may: &["kernel", "tenancy", "runtime", "wire", "access"], why: DOOR },
    Room {
        package: "api",
        may: &[
            "kernel",
            "tenancy",
            "identity",
            "lifecycle",
            "audience",
            "journey",
            "catalog",
            "customer",
            "runtime",
            "wire",
            "access",
            "app",
            "jobs",
        ],
        why: DOOR,
    },
    Room { package: "pages", may: &[], why: CONSOLE },
    Room { package: "jobs", may: &["kernel", "tenancy", "identity", "customer", "runtime", "wire"], why: DOOR },
    Room { package: "inbox", may: &["kernel", "runtime"], why: DOOR },
    Room { package: "send", may: &["kernel", "tenancy", "runtime", "app"], why: DOOR },
    Room {
        package: "host",
        may: &[
            "kernel",
            "tenancy",
            "identity",
            "audience",
            "journey",
            "catalog",
            "customer",
            "runtime",
            "mailboxes",
            "wire",
            "embedded",
            "channels",
            "observe",
            "access",
            "app",
            "api",
            "pages",
            "jobs",
            "send",
        ],
        why: BINARY,
    },
    Room {
        package: "lambda",
        may: &["kernel", "runtime", "aws", "channels", "observe", "access", "app", "api", "jobs", "inbox", "send"],
        why: FUNCTION,
    },
    Room { package: "ops", may: &["kernel", "runtime", "embedded", "aws", "observe", "app"], why: OPERATOR },
    Room { package: "xtask", may: &[], why: OUTSIDE },
    Room {
        package: "sim",
        may: &[
            "kernel", "tenancy", "identity", "journey", "catalog", "customer", "runtime", "channels", "inbox", "jobs",
            "send", "it",
        ],
        why: PROOF,
    },
    Room {
        package: "sched",
        may: &["kernel", "identity", "catalog", "customer", "runtime", "mailboxes", "embedded"],
        why: PROOF,
    },
    Room { package: "simulator", may: &[], why: OUTSIDE },
    Room { package: "bench", may: &[], why: OUTSIDE },
    Room { package: "crash", may: &["bench"], why: OUTSIDE },
    Room { package: "disk", may: &["bench", "crash"], why: OUTSIDE },
    Room { package: "aws-it", may: &["kernel", "runtime", "aws", "it"], why: PROOF },
    Room {
        package: "it",
        may: &[
            "kernel",
            "tenancy",
            "identity",
            "lifecycle",
            "audience",
            "journey",
            "catalog",
            "customer",
            "runtime",
            "mailboxes",
            "wire",
            "embedded",
            "channels",
            "observe",
            "access",
            "app",
            "api",
            "pages",
            "jobs",
            "send",
            "simulator",
        ],
        why: PROOF,
    },
];

/// A crate from outside that only some may name, and why. A name that ends in `*` stands for all that begin so.
struct Guest {
    name: &'static str,
    hosts: &'static [&'static str],
    why: &'static str,
}

const GUESTS: &[Guest] = &[
    Guest {
        name: "actix*",
        hosts: &["mailboxes"],
        why: "the actor library is an implementation detail of the mailboxes",
    },
    Guest { name: "fjall", hosts: &["embedded"], why: "the store of one machine is behind ports" },
    Guest {
        name: "shuttle",
        hosts: &["embedded", "runtime", "sched"],
        why: "a scheduler that is told what to do is for `cargo xtask schedules`, under its cfg",
    },
    Guest { name: "reqwest", hosts: &["channels"], why: "infra/channels is the product's only outbound HTTP" },
    Guest { name: "aws-*", hosts: &["aws"], why: CLOUD },
    Guest { name: "aws_*", hosts: &["aws", "lambda"], why: CLOUD },
    Guest { name: "serde_dynamo", hosts: &["aws"], why: CLOUD },
    Guest { name: "lambda*", hosts: &["lambda"], why: "what runs a function is known where it starts, and not behind" },
    Guest {
        name: "axum",
        hosts: &["api", "pages", "host", "lambda", "simulator", "bench"],
        why: "HTTP comes in at the doors and nowhere else",
    },
    Guest { name: "hyper*", hosts: &["simulator"], why: "HTTP comes in at the doors, through axum" },
    Guest { name: "jsonwebtoken", hosts: &["access"], why: "tokens are believed in one place" },
    Guest { name: "argon2", hosts: &["access"], why: "passwords are compared in one place" },
    Guest {
        name: "ring",
        hosts: &["access", "channels"],
        why: "signatures are checked where tokens are believed, and made where webhooks leave",
    },
    Guest { name: "rand", hosts: &[], why: "chance comes in through the door: a split is a hash" },
    Guest {
        name: "getrandom",
        hosts: &["app", "pages"],
        why: "randomness is drawn at the edge and handed in; pages know none of our crates",
    },
    Guest {
        name: "clap",
        hosts: &["host", "ops", "simulator", "sim", "bench", "crash", "disk", "xtask"],
        why: "only programs read a command line",
    },
    Guest {
        name: "anyhow",
        hosts: &["host", "lambda", "ops", "sim", "bench", "crash", "disk", "xtask"],
        why: "libraries have errors with types",
    },
];

/// What the pure ring may use from outside. Everything else is I/O, a clock, chance, or a second way to do the same.
const PURE_OUTSIDE: &[&str] = &["serde", "serde_json", "thiserror", "blake3", "schemars", "minijinja"];

fn short(package: &str) -> Option<&str> {
    package.strip_prefix("roadbook-")
}

/// The dependencies of a package that end up in the product: not those of its tests.
fn dependencies(package: &Value) -> BTreeSet<&str> {
    let all = package["dependencies"].as_array().into_iter().flatten();
    all.filter(|dependency| dependency["kind"] != "dev").filter_map(|dependency| dependency["name"].as_str()).collect()
}

fn name(package: &Value) -> &str {
    package["name"].as_str().and_then(short).expect("packages are named roadbook-*")
}

/// Every edge between our own crates that the table does not have.
fn forbidden_edges(packages: &[Value]) -> Vec<String> {
    let mut forbidden = Vec::new();
    for package in packages {
        let from = name(package);
        let Some(room) = ROOMS.iter().find(|room| room.package == from) else {
            forbidden.push(format!("roadbook-{from} has no row in ROOMS: say what it may import, and why no more"));
            continue;
        };
        for to in dependencies(package).into_iter().filter_map(short).filter(|to| !room.may.contains(to)) {
            forbidden.push(format!("roadbook-{from} -> roadbook-{to}: {}", room.why));
        }
    }
    forbidden
}

/// Every crate from outside that stands where it does not belong.
fn strangers(packages: &[Value]) -> Vec<String> {
    let mut forbidden = Vec::new();
    for package in packages {
        let from = name(package);
        for dependency in dependencies(package) {
            let guest = GUESTS.iter().find(|guest| match guest.name.strip_suffix('*') {
                Some(prefix) => dependency.starts_with(prefix),
                None => dependency == guest.name,
            });
            if let Some(guest) = guest.filter(|guest| !guest.hosts.contains(&from)) {
                forbidden.push(format!("roadbook-{from} -> {dependency}: {}", guest.why));
            }
            if PURE.contains(&from) && short(dependency).is_none() && !PURE_OUTSIDE.contains(&dependency) {
                forbidden.push(format!("roadbook-{from} -> {dependency}: {RULES}"));
            }
        }
    }
    forbidden
}

#[test]
fn crates_import_only_what_the_table_lets_them() {
    let forbidden = forbidden_edges(&workspace());
    assert!(forbidden.is_empty(), "forbidden imports:\n{}", forbidden.join("\n"));
}

#[test]
fn crates_from_outside_stay_where_they_belong() {
    let forbidden = strangers(&workspace());
    assert!(forbidden.is_empty(), "forbidden imports:\n{}", forbidden.join("\n"));
}

/// Two build sets: whoever works on the rest waits for no AWS SDK.
#[test]
fn plain_cargo_builds_everything_but_what_needs_the_aws_sdk() {
    let all = workspace();
    let needs_it = |name: &&str| name.starts_with("aws") || ["lambda", "ops"].contains(name);
    let rest: BTreeSet<&str> = all.iter().map(name).filter(|name| !needs_it(name)).collect();
    let default = built_by_default();
    assert_eq!(default.iter().filter_map(|name| short(name)).collect::<BTreeSet<_>>(), rest);
}

/// The switches that break the engine exist only where somebody asks for them by name, and nobody of the product does.
#[test]
fn no_crate_of_the_product_turns_the_mutants_on() {
    for package in workspace() {
        let from = name(&package);
        let named = package["dependencies"].as_array().expect("dependencies").iter().filter(|dependency| {
            dependency["features"].as_array().is_some_and(|features| features.contains(&json!("mutants")))
        });
        assert_eq!(named.count(), 0, "roadbook-{from} names the feature `mutants` for every build");
        let features = package["features"].as_object().expect("features");
        let hands_on = |list: &Value| list.to_string().contains("mutants");
        let by: Vec<&String> = features.iter().filter(|(_, list)| hands_on(list)).map(|(name, _)| name).collect();
        let expected: &[&str] = if ["sim", "sched"].contains(&from) { &["mutants"] } else { &[] };
        assert_eq!(by, expected, "features of roadbook-{from} that turn the mutants on");
    }
}

#[test]
fn a_forbidden_import_is_named_with_its_reason_and_a_test_may_import_more() {
    let package = |dependencies: Value| [json!({ "name": "roadbook-kernel", "dependencies": dependencies })];
    let bad = package(json!([{ "name": "roadbook-runtime", "kind": null }, { "name": "tokio", "kind": "build" }]));
    assert_eq!(forbidden_edges(&bad), [format!("roadbook-kernel -> roadbook-runtime: {WORDS}")]);
    assert_eq!(strangers(&bad), [format!("roadbook-kernel -> tokio: {RULES}")]);
    let good = package(json!([{ "name": "roadbook-simulator", "kind": "dev" }, { "name": "reqwest", "kind": "dev" }]));
    assert!(forbidden_edges(&good).is_empty() && strangers(&good).is_empty());
}

#[test]
fn the_table_has_no_row_for_a_crate_that_is_gone() {
    let known = workspace();
    let known: BTreeSet<&str> = known.iter().map(name).collect();
    let gone: Vec<&str> = ROOMS.iter().map(|room| room.package).filter(|package| !known.contains(package)).collect();
    assert!(gone.is_empty(), "rows without a crate: {gone:?}");
}

/// In tests too: a simulator that parsed messages with the product's own code would agree with its mistakes.
#[test]
fn the_simulator_imports_nothing_of_the_product() {
    let all = workspace();
    let simulator = all.iter().find(|package| name(package) == "simulator").expect("there is a simulator");
    let every = simulator["dependencies"].as_array().expect("dependencies");
    let ours: Vec<&Value> =
        every.iter().map(|one| &one["name"]).filter(|one| one.as_str().and_then(short).is_some()).collect();
    assert!(ours.is_empty(), "the simulator imports {ours:?}: {OUTSIDE}");
}
