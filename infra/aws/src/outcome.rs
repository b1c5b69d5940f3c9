//! What an error of DynamoDB means for a write: not applied, perhaps applied, or never to be.

use aws_credential_types::provider::error::CredentialsError;
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

/// The fault to tell: what was tried and where, the code, and what to do. Never the service's own sentence, which may
/// quote values.
pub(crate) fn fault<E: ProvideErrorMetadata>(tried: &str, at: &str, error: &SdkError<E, HttpResponse>) -> Fault {
    fault_of("DynamoDB", &format!("{tried} ({at})"), error)
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
        SdkError::DispatchFailure(failure) => match failure.as_connector_error() {
            Some(error) if is_of_credentials(error) => NO_CREDENTIALS,
            Some(_) | None => "no connection",
        },
        SdkError::ResponseError(_) => "an answer that does not read",
        SdkError::ConstructionFailure(_) => NO_CREDENTIALS,
        _ => "an unknown failure",
    };
    let look = match code {
        "ResourceNotFoundException" => {
            "; no such table in this region and account: deploy the stack here, or correct AWS_REGION or ROADBOOK_TABLES"
        }
        "AWS.SimpleQueueService.NonExistentQueue" | "QueueDoesNotExist" => {
            "; no such queue in this region and account: deploy the stack here, or correct AWS_REGION or the address"
        }
        "AccessDenied" | "AccessDeniedException" => {
            "; the role may not do this: compare its policy with the stack's template"
        }
        "UnrecognizedClientException" | "ExpiredTokenException" | "InvalidSignatureException" => {
            "; the credentials are not accepted here: renew them, see that they are of this partition (China has its \
             own), and that this host's clock is right"
        }
        NO_CREDENTIALS => "; give the host a role or a profile (AWS_PROFILE), and a region (AWS_REGION)",
        "no connection" => "; is the region's name right, and may this host reach it?",
        _ => "",
    };
    Fault::Store(format!("{service}, {tried}: {code}{look}"))
}

const NO_CREDENTIALS: &str = "no credentials, or no region";

/// Whether a request was never sent because nobody could sign it.
fn is_of_credentials(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.is::<CredentialsError>() {
            return true;
        }
        next = error.source();
    }
    false
}
