//! The functions of a stack on Lambda: which there are, whether they may run, and which version their alias points to.

use crate::outcome::fault_of;
use aws_sdk_lambda::config::retry::RetryConfig;
use aws_sdk_lambda::config::timeout::TimeoutConfig;
use aws_sdk_lambda::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_lambda::{Client, Config};
use roadbook_runtime::ports::Fault;
use std::collections::BTreeMap;
use std::time::Duration;

/// The alias every caller of a function goes through.
const ALIAS: &str = "live";
/// Longer than any function of the stack may take.
const ANSWER_MAX: Duration = Duration::from_secs(120);

/// Functions of an account.
#[derive(Debug, Clone)]
pub struct Functions(pub(crate) Client);

/// A function of a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// Its environment.
    pub environment: BTreeMap<String, String>,
}

/// Where the alias of a function points.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Live {
    /// The version that is called.
    pub version: u64,
    /// Whether a part of the calls goes to another version: a canary is under way.
    pub is_split: bool,
    /// What the alias is changed on the condition of; empty is no condition.
    pub revision: String,
}

/// A published version of a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// Its number.
    pub version: u64,
    /// When it was published, as the service writes it.
    pub at: String,
}

fn failed<E: ProvideErrorMetadata>(tried: impl AsRef<str>) -> impl FnOnce(SdkError<E>) -> Fault {
    move |error| fault_of("Lambda", tried.as_ref(), &error)
}

impl Functions {
    /// The functions whose environment says that they belong to a stack, by name.
    ///
    /// # Errors
    /// A fault.
    pub async fn of_stack(&self, stack: &str) -> Result<Vec<Function>, Fault> {
        let (mut found, mut marker) = (Vec::new(), None);
        loop {
            let answer = self.0.list_functions().set_marker(marker).send().await;
            let answer = answer.map_err(failed("list functions"))?;
            for function in answer.functions() {
                let variables = function.environment().and_then(|environment| environment.variables());
                let Some(variables) = variables else { continue };
                if variables.get("ROADBOOK_STACK").is_some_and(|of| of == stack) {
                    let environment = variables.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
                    let name = function.function_name().unwrap_or_default().to_owned();
                    let arn = function.function_arn().unwrap_or_default().to_owned();
                    found.push(Function { name, arn, environment });
                }
            }
            marker = answer.next_marker;
            if marker.as_ref().is_none_or(String::is_empty) {
                found.sort_by(|one, other| one.name.cmp(&other.name));
                return Ok(found);
            }
        }
    }

    /// How many calls of a function may run at once, where that is limited; 0 is none.
    ///
    /// # Errors
    /// A fault.
    pub async fn reserved(&self, function: &str) -> Result<Option<i32>, Fault> {
        let answer = self.0.get_function_concurrency().function_name(function).send().await;
        let answer = answer.map_err(failed(format!("ask how much {function} may run")))?;
        Ok(answer.reserved_concurrent_executions)
    }

    /// Limits how many calls of a function may run at once; `None` takes the limit away.
    ///
    /// # Errors
    /// A fault.
    pub async fn reserve(&self, function: &str, calls: Option<i32>) -> Result<(), Fault> {
        let tried = format!("limit {function}");
        match calls {
            Some(calls) => {
                let put = self.0.put_function_concurrency().function_name(function);
                put.reserved_concurrent_executions(calls).send().await.map(drop).map_err(failed(tried))
            }
            None => {
                let delete = self.0.delete_function_concurrency().function_name(function);
                delete.send().await.map(drop).map_err(failed(tried))
            }
        }
    }

    /// Notes a word on a function, or takes it away. Notes are tags, so a person sees them too.
    ///
    /// # Errors
    /// A fault.
    pub async fn note(&self, function: &Function, name: &str, word: Option<&str>) -> Result<(), Fault> {
        let tried = format!("note {name} on {}", function.name);
        match word {
            Some(word) => {
                let tag = self.0.tag_resource().resource(&function.arn).tags(name, word);
                tag.send().await.map(drop).map_err(failed(tried))
            }
            None => {
                let untag = self.0.untag_resource().resource(&function.arn).tag_keys(name);
                untag.send().await.map(drop).map_err(failed(tried))
            }
        }
    }

    /// Reads a word that was noted on a function.
    ///
    /// # Errors
    /// A fault.
    pub async fn noted(&self, function: &Function, name: &str) -> Result<Option<String>, Fault> {
        let answer = self.0.list_tags().resource(&function.arn).send().await;
        let answer = answer.map_err(failed(format!("read what is noted on {}", function.name)))?;
        Ok(answer.tags().and_then(|tags| tags.get(name)).cloned())
    }

    /// Lets the queues that bring a function its work do so, or not. Returns how many were changed.
    ///
    /// # Errors
    /// A fault.
    pub async fn feed(&self, function: &str, is_fed: bool) -> Result<usize, Fault> {
        let (mut changed, mut marker) = (0, None);
        loop {
            let list = self.0.list_event_source_mappings().function_name(format!("{function}:{ALIAS}"));
            let answer = list.set_marker(marker).send().await;
            let answer = answer.map_err(failed(format!("list what brings {function} its work")))?;
            for source in answer.event_source_mappings() {
                let is_queue = source.event_source_arn().is_some_and(|arn| arn.split(':').nth(2) == Some("sqs"));
                let was_fed = !source.state().is_some_and(|state| state.starts_with("Disabl"));
                if let Some(id) = source.uuid().filter(|_| is_queue && was_fed != is_fed) {
                    let update = self.0.update_event_source_mapping().uuid(id).enabled(is_fed).send().await;
                    update.map_err(failed(format!("change what brings {function} its work")))?;
                    changed += 1;
                }
            }
            marker = answer.next_marker;
            if marker.as_ref().is_none_or(String::is_empty) {
                return Ok(changed);
            }
        }
    }

    /// Calls a function with a JSON document, once, and returns what it answers.
    ///
    /// # Errors
    /// A fault, also where the function itself failed.
    pub async fn invoke(&self, function: &str, order: &str) -> Result<Vec<u8>, Fault> {
        let tried = || format!("invoke {function}");
        let call = self.0.invoke().function_name(function).qualifier(ALIAS).payload(order.as_bytes().to_vec().into());
        // A second call would begin beside the first one, which goes on.
        let patient = TimeoutConfig::builder().operation_attempt_timeout(ANSWER_MAX).build();
        let patient = Config::builder().timeout_config(patient).retry_config(RetryConfig::disabled());
        let answer = call.customize().config_override(patient).send().await.map_err(failed(tried()))?;
        match answer.function_error() {
            None => Ok(answer.payload.map(|blob| blob.into_inner()).unwrap_or_default()),
            Some(_) => Err(Fault::Store(format!("Lambda, {}: the function failed; its log group says why", tried()))),
        }
    }

    /// Where the alias of a function points.
    ///
    /// # Errors
    /// A fault.
    pub async fn live(&self, function: &str) -> Result<Live, Fault> {
        let tried = || format!("look where {function}:{ALIAS} points");
        let answer = self.0.get_alias().function_name(function).name(ALIAS).send().await.map_err(failed(tried()))?;
        let unreadable = || Fault::Store(format!("Lambda, {}: it points to no version", tried()));
        let version = answer.function_version().and_then(|version| version.parse().ok()).ok_or_else(unreadable)?;
        let split = answer.routing_config().and_then(|routing| routing.additional_version_weights());
        let is_split = split.is_some_and(|weights| !weights.is_empty());
        Ok(Live { version, is_split, revision: answer.revision_id.unwrap_or_default() })
    }

    /// The published versions of a function, newest first.
    ///
    /// # Errors
    /// A fault.
    pub async fn published(&self, function: &str) -> Result<Vec<Published>, Fault> {
        let (mut found, mut marker) = (Vec::new(), None);
        loop {
            let answer = self.0.list_versions_by_function().function_name(function).set_marker(marker).send().await;
            let answer = answer.map_err(failed(format!("list the versions of {function}")))?;
            for one in answer.versions() {
                // `$LATEST` is no number: it is what can still be changed.
                let Some(version) = one.version().and_then(|version| version.parse().ok()) else { continue };
                found.push(Published { version, at: one.last_modified().unwrap_or_default().to_owned() });
            }
            marker = answer.next_marker;
            if marker.as_ref().is_none_or(String::is_empty) {
                found.sort_by_key(|one| std::cmp::Reverse(one.version));
                return Ok(found);
            }
        }
    }

    /// Lets the alias of a function point to a version alone, unless somebody has moved it since.
    ///
    /// # Errors
    /// A fault.
    pub async fn point(&self, function: &str, from: &Live, to: u64) -> Result<(), Fault> {
        let nobody = aws_sdk_lambda::types::AliasRoutingConfiguration::builder()
            .set_additional_version_weights(Some(Default::default()))
            .build();
        let update = self.0.update_alias().function_name(function).name(ALIAS).function_version(to.to_string());
        let revision = Some(from.revision.clone()).filter(|revision| !revision.is_empty());
        let update = update.routing_config(nobody).set_revision_id(revision).send().await;
        update.map(drop).map_err(failed(format!("let {function}:{ALIAS} point to version {to}")))
    }
}
