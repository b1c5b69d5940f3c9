//! An emulator, a stack in it whose functions do nothing, and the program.

use aws_sdk_dynamodb as dynamodb;
use aws_sdk_lambda as lambda;
use aws_sdk_lambda::types::{Environment, FunctionCode, Runtime};
use aws_sdk_secretsmanager as secretsmanager;
use aws_sdk_sqs as sqs;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use roadbook_aws::{Dynamo, tables};
use std::io::{BufRead, BufReader};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// An archive that holds a `bootstrap` of one line.
const ARCHIVE: &str = "UEsDBBQAAAAAAAAAIQAdnfsECgAAAAoAAAAJAAAAYm9vdHN0cmFwIyEvYmluL3NoClBLAQIUAxQAAAAAAAAAIQAdnfsECgAAAAoAAAAJAAAAA\
    AAAAAAAAADtAQAAAABib290c3RyYXBQSwUGAAAAAAEAAQA3AAAAMQAAAAAA";
/// The master key of every stack here, and of every folder.
pub const MASTER: [u8; 32] = [7; 32];
/// What the functions of such a stack are called, without the stack's name; each has the role of its name.
pub const ROLES: [&str; 4] = ["admin", "api", "relay", "sweep"];

/// Where an emulator listens.
#[derive(Clone)]
pub struct Emulator {
    endpoint: String,
}

macro_rules! client {
    ($emulator:expr, $service:ident) => {{
        let config = $service::Config::builder()
            .behavior_version($service::config::BehaviorVersion::v2026_01_12())
            .endpoint_url(&$emulator.endpoint)
            .region($service::config::Region::new("us-east-1"))
            .credentials_provider(aws_credential_types::Credentials::new("test", "test", None, None, "emulator"))
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .build();
        $service::Client::from_conf(config)
    }};
}

impl Emulator {
    /// The emulator the environment names; `None` where it names none, and the test is not run.
    pub fn find(test: &str) -> Option<Self> {
        roadbook_aws_it::emulator(test).map(|endpoint| Self { endpoint })
    }

    /// The program with these arguments.
    pub fn ops(&self, arguments: &[&str]) -> Command {
        let mut program = Command::new(env!("CARGO_BIN_EXE_roadbook-ops"));
        program.args(arguments).env("AWS_ENDPOINT_URL", &self.endpoint).env("AWS_REGION", "us-east-1");
        program.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test");
        program.env_remove("AWS_PROFILE").env_remove("AWS_SESSION_TOKEN").stdin(Stdio::null());
        program
    }

    /// Runs the program to its end.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        self.ops(arguments).output().expect("the program").into()
    }

    /// Runs the program and kills it when it has said so many lines.
    ///
    /// # Panics
    /// Where it comes to its end before.
    pub fn kill_after(&self, lines: usize, arguments: &[&str]) {
        let program = self.ops(arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
        let mut program = program.expect("the program");
        let told = BufReader::new(program.stderr.take().expect("its standard error")).lines().take(lines).count();
        program.kill().expect("it can be killed");
        let status = program.wait().expect("it ends");
        assert!(told == lines && !status.success(), "it ended by itself after {told} lines: {status}");
    }

    /// A stack with empty tables, both secrets, and functions that do nothing.
    pub async fn stack(&self) -> Stack {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("ops{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::SeqCst));
        let dynamo = client!(self, dynamodb);
        tables::create(&dynamo, &name).await.expect("tables");
        let stack = Stack {
            emulator: self.clone(),
            dynamo: Arc::new(Dynamo::new(&dynamo, &name)),
            lambda: client!(self, lambda),
            secrets: client!(self, secretsmanager),
            queues: client!(self, sqs),
            name,
        };
        let key: String = MASTER.iter().map(|byte| format!("{byte:02x}")).collect();
        for (secret, text) in [("key", key.as_str()), ("settings", "# roadbook.toml")] {
            let create = stack.secrets.create_secret().name(format!("{}-{secret}", stack.name)).secret_string(text);
            create.send().await.expect("a secret");
        }
        for role in ROLES {
            stack.make_function(role).await;
        }
        stack
    }
}

/// A stack in the emulator.
pub struct Stack {
    pub name: String,
    pub dynamo: Arc<Dynamo>,
    pub lambda: lambda::Client,
    pub queues: sqs::Client,
    secrets: secretsmanager::Client,
    emulator: Emulator,
}

impl Stack {
    async fn make_function(&self, role: &str) {
        let name = self.function(role);
        let variables = [
            ("ROADBOOK_ROLE", role.to_owned()),
            ("ROADBOOK_STACK", self.name.clone()),
            ("ROADBOOK_TABLES", self.name.clone()),
            ("ROADBOOK_MASTER_KEY_ARN", format!("{}-key", self.name)),
            ("ROADBOOK_SETTINGS_ARN", format!("{}-settings", self.name)),
        ];
        let variables = variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let archive = BASE64_STANDARD.decode(ARCHIVE).expect("an archive");
        let create = self.lambda.create_function().function_name(&name).runtime(Runtime::Providedal2023);
        let create = create.handler("bootstrap").role("arn:aws:iam::000000000000:role/nobody");
        let create = create.environment(Environment::builder().set_variables(Some(variables)).build());
        let create = create.code(FunctionCode::builder().zip_file(archive.into()).build());
        create.publish(true).send().await.expect("a function");
        let alias = self.lambda.create_alias().function_name(&name).name("live").function_version("1");
        alias.send().await.expect("an alias");
    }

    /// The name of the function of a role.
    pub fn function(&self, role: &str) -> String {
        format!("{}-{role}", self.name)
    }

    /// Publishes another version of a function and lets its alias point to it, as a deployment does.
    pub async fn deploy(&self, role: &str) {
        let name = self.function(role);
        let published = self.lambda.list_versions_by_function().function_name(&name).send().await.expect("versions");
        let changed = format!("after {} versions", published.versions().len());
        let change = self.lambda.update_function_configuration().function_name(&name).description(changed);
        change.send().await.expect("a change");
        let version = self.lambda.publish_version().function_name(&name).send().await.expect("a version");
        let version = version.version().expect("a number");
        let update = self.lambda.update_alias().function_name(&name).name("live").function_version(version);
        update.send().await.expect("an alias");
    }

    /// The version the alias of a function points to.
    pub async fn live(&self, role: &str) -> String {
        let alias = self.lambda.get_alias().function_name(self.function(role)).name("live").send().await;
        alias.expect("an alias").function_version.expect("a version")
    }

    /// How many calls of a function may run at once.
    pub async fn reserved(&self, role: &str) -> Option<i32> {
        let answer = self.lambda.get_function_concurrency().function_name(self.function(role)).send().await;
        answer.expect("an answer").reserved_concurrent_executions
    }

    /// The text of a secret.
    pub async fn secret(&self, name: &str) -> String {
        let answer = self.secrets.get_secret_value().secret_id(format!("{}-{name}", self.name)).send().await;
        answer.expect("a secret").secret_string.expect("text")
    }

    /// Runs a verb over this stack.
    pub fn run(&self, verb: &[&str]) -> Ran {
        self.emulator.run(&[verb, &["--stack", &self.name]].concat())
    }
}

/// What a run of the program left behind.
pub struct Ran {
    code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Ran {
    /// It ended with this code.
    #[track_caller]
    pub fn with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}\n{}", self.out, self.err);
        self
    }

    /// It ended with 1 and said why in such words.
    #[track_caller]
    pub fn refused(self, words: &str) {
        assert!(self.code == Some(1) && self.err.contains(words), "{words}?\n{}\n{}", self.out, self.err);
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}
