//! What an error of DynamoDB means for a write: not applied, perhaps applied, or never to be.

use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use roadbook_runtime::ports::Fault;

/// What is known about a request that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// It was turned away: try again later.
    Busy,
    /// Nobody can say whether it was applied.
    Unknown,
    /// Trying again would not help.
    Final,
}

/// Codes of requests that were turned away before anything was written.
const BUSY: &[&str] = &[
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "Throttling",
    "ThrottlingException",
    "TransactionConflictException",
    "TransactionInProgressException",
    "ReplicatedWriteConflictException",
];

pub(crate) fn trouble<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Trouble {
    match error {
        SdkError::ConstructionFailure(_) => Trouble::Final,
        SdkError::ServiceError(answer) => match answer.err().code() {
            Some(code) if BUSY.contains(&code) => Trouble::Busy,
            Some(_) | None if answer.raw().status().as_u16() >= 500 => Trouble::Unknown,
            Some(_) | None => Trouble::Final,
        },
        // Time-outs, broken connections, answers that do not read; the SDK may get further kinds.
        _ => Trouble::Unknown,
    }
}

/// The fault to tell: what was tried, the code, and what to look at. Never the service's own sentence, which may quote
/// values.
pub(crate) fn fault<E: ProvideErrorMetadata>(tried: &str, error: &SdkError<E, HttpResponse>) -> Fault {
    fault_of("DynamoDB", tried, error)
}

/// The same of any service.
pub(crate) fn fault_of<E: ProvideErrorMetadata>(
    service: &str,
    tried: &str,
    error: &SdkError<E, HttpResponse>,
) -> Fault {
    let code = match error {
        SdkError::ServiceError(answer) => answer.err().code().unwrap_or("an error without a code"),
        SdkError::TimeoutError(_) => "no answer in time",
        SdkError::DispatchFailure(_) => "no connection",
        SdkError::ResponseError(_) => "an answer that does not read",
        SdkError::ConstructionFailure(_) => "a request that cannot be made: are there credentials and a region?",
        _ => "an unknown failure",
    };
    let look = match code {
        "ResourceNotFoundException" => "; is the table there, in this region and account?",
        "AWS.SimpleQueueService.NonExistentQueue" | "QueueDoesNotExist" => {
            "; is the queue there, in this region and account?"
        }
        "AccessDenied" | "AccessDeniedException" => "; the role may not do this",
        "UnrecognizedClientException" | "ExpiredTokenException" | "InvalidSignatureException" => {
            "; the credentials are not accepted, or the clock of this host is wrong"
        }
        _ => "",
    };
    Fault::Store(format!("{service}, {tried}: {code}{look}"))
}
