//! Imports of files, and what goes on after its request was answered.

use super::common::{Anything, JobId, JourneyId, LetterId, Page, SegmentId, Time};
use super::describe::{Body, Description};
use super::schemas::{Schemas, Shape};
use schemars::JsonSchema;
use serde_json::json;

/// How a file is written.
#[derive(JsonSchema)]
#[schemars(rename = "ImportFormat", rename_all = "snake_case")]
enum Format {
    /// One event per line, as `/v1/batch` takes them.
    Ndjson,
    /// Delimited columns, with a `mapping`.
    Csv,
}

/// What a job does.
#[derive(JsonSchema)]
#[schemars(rename = "JobKind", rename_all = "snake_case")]
enum Kind {
    /// An import of a file.
    Import,
    /// A replay of dead letters.
    Replay,
    /// A sweep over all customers after a change of segments or journeys.
    Backfill,
}

/// Whether a job goes on.
#[derive(JsonSchema)]
#[schemars(rename = "JobStatus", rename_all = "snake_case")]
enum Status {
    Running,
    Done,
}

/// Something that goes on after its request was answered.
#[derive(JsonSchema)]
struct Job {
    id: JobId,
    kind: Kind,
    status: Status,
    /// Of a backfill: for which segment, if for one.
    #[schemars(skip_serializing_if = "Option::is_none")]
    segment: Option<SegmentId>,
    /// Of a backfill: for which journey, if for one.
    #[schemars(skip_serializing_if = "Option::is_none")]
    journey: Option<JourneyId>,
    /// How many there are; `null` where nobody has counted.
    total: Option<u64>,
    /// How many were looked at.
    done: u64,
    /// Of these: applied now.
    applied: u64,
    /// Of these: known already.
    duplicates: u64,
    /// Of these: refused, and in the dead letters.
    rejected: u64,
    /// The public id of who asked; `null` for a backfill.
    by: Option<String>,
    created_at: Time,
    finished_at: Option<Time>,
}

/// Which letters.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct ReplayDraft {
    /// Only those refused with this code.
    #[serde(default)]
    code: Option<String>,
    /// Only these; all that wait, where absent.
    #[serde(default)]
    #[schemars(length(min = 1, max = roadbook_jobs::LETTERS_MAX))]
    ids: Option<Vec<LetterId>>,
}

const MAPPING: &str = "Of a CSV file: TOML that says which column means what. \
`delimiter` (one character, or `whitespace`), `header` (the first line names the columns) or `columns` (their names). \
`call`: `track` unless it says `identify`. `event`: the name of the event, or `{ column = .. }`. \
`date`: `{ column, format, zone }`, the format in strftime's language, such as `%Y-%m-%d %H:%M`. \
`[identifiers]`: a column for each kind (`user_id crm_id dms_id unionid external_userid openid phone email device \
anonymous_id`); for `openid`, `external_userid` and `dms_id` `{ column, scope }` or `{ column, scope_column }`; an empty \
cell is passed over. `user_id` outside of the table is short for `identifiers.user_id`. `[evidence]`: how sure the file \
is of a kind (`inferred declared login attested`). `[traits.set]`, `[traits.set_once]`, `[traits.increment]`, \
`[properties]`: `name = \"column:type\"`, `{ column, type, format }`, or `{ value }`; the types are `text integer number \
cents bool date vin`. A VIN is a property: a car is no person. A line that is wrong becomes a dead letter of the job, with \
its line and, in `reason.places`, its column; none of its values is shown.";

pub(super) fn routes() -> Vec<Description> {
    // No schema: a file is bytes, and what its lines must be is told line by line.
    let text: Shape = Schemas::wanted::<Anything>;
    let file = Body {
        required: true,
        text: "The file, as it is or packed with gzip.",
        content: vec![("application/x-ndjson", text), ("text/csv", text)],
        example: None,
    };
    vec![
        Description::post("/v1/imports", "createImport")
            .says("Import a file (导入)", "Goes into the store as it arrives. A file that is sent again finds its job.")
            .asks::<Format>("format", "How it is written.")
            .query::<String>("mapping", MAPPING)
            .body(file)
            .answers::<Job>(202, "The job.")
            .with("Location", "The path of the job.")
            .answers::<Job>(200, "The job of the same file, which is done.")
            .with("Location", "The path of the job.")
            .refuses(400, &["empty_file", "invalid_mapping", "mapping_too_large", "unknown_choice"])
            .refuses(413, &["line_too_long"])
            .refuses(429, &["too_many_jobs", "too_many_uploads"]),
        Description::get("/v1/jobs", "listJobs")
            .says("List jobs", "Newest first.")
            .paged()
            .answers::<Page<Job>>(200, "A page of jobs."),
        Description::get("/v1/jobs/{id}", "getJob")
            .says("How far is a job?", "What was done so far.")
            .of::<JobId>("id", "Which job.")
            .answers::<Job>(200, "The job."),
        Description::post("/v1/dead-letters/replay", "replayDeadLetters")
            .says("Send many dead letters again", "As a job. Without `ids` all that wait.")
            .takes_maybe::<ReplayDraft>("Which.", json!({ "code": "event_name_missing" }))
            .answers::<Job>(202, "The job.")
            .with("Location", "The path of the job.")
            .answers::<Job>(200, "The job, which is done.")
            .with("Location", "The path of the job.")
            .refuses(429, &["too_many_jobs"]),
    ]
}
