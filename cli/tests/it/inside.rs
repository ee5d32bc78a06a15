//! The embedded engine in the test's own process, for what has to be arranged behind the API.

use std::time::Duration;

use amends::config;
use amends::dev::Parts;
use amends::run_args::EngineKind;
use amends::serving::{Serving, listen};
use amends::sources::Source;
use orchestrator::auth::{ApiToken, AuthSettings, Gate, Role, TokenSecret};
use orchestrator::store::{Batch, StoredDeadLetter};
use serde_json::json;
use tokio::runtime::Runtime;
use uuid::Uuid;

use crate::amends::{Ran, command, run_with_input};

/// Nobody does what these ask for, so their sagas stay where they are.
pub(crate) const LONELY: &str = "\
saga: lonely
version: 1.0.0
key: ${input.id}
steps:
  - { id: prepare, action: nobody.prepare, compensate: { action: nobody.undo } }
  - { id: fan, action: nobody.fan, for_each: \"${input.list}\", no_effect: true }
";

/// An engine without workers.
pub(crate) struct Inside {
    runtime: Option<Runtime>,
    parts: Parts,
    serving: Serving,
}

impl Inside {
    /// Runs these definitions, for whoever asks.
    pub(crate) fn start(definitions: &[&str]) -> Self {
        Self::start_with(definitions, |_| Gate::open())
    }

    /// The same, for those who have a token.
    pub(crate) fn start_guarded(definitions: &[&str]) -> Self {
        let settings = AuthSettings {
            tokens: true,
            ..AuthSettings::default()
        };
        Self::start_with(definitions, |parts| {
            Gate::new(settings, &parts.store).expect("a gate")
        })
    }

    fn start_with(definitions: &[&str], gate: impl FnOnce(&Parts) -> Gate) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let (parts, serving) = runtime.block_on(async {
            let settings = config::read(None).expect("settings");
            let orchestrator = settings.orchestrator();
            let parts = Parts::start(EngineKind::Embedded, settings);
            let parts = parts.await.expect("parts");
            let listener = listen("the API", "127.0.0.1:0", false).await;
            let gate = gate(&parts);
            let serving = Serving::start(
                parts.store.clone(),
                parts.broker.clone(),
                parts.topology.clone(),
                orchestrator,
                listener.expect("a port"),
                gate,
            );
            let serving = serving.await.expect("an orchestrator");
            let source = |text: &&str| Source {
                file: "here.yaml".to_owned(),
                text: (*text).to_owned(),
            };
            let sources: Vec<_> = definitions.iter().map(source).collect();
            serving.register(&sources).await.expect("registered");
            (parts, serving)
        });
        Self {
            runtime: Some(runtime),
            parts,
            serving,
        }
    }

    pub(crate) fn server(&self) -> String {
        format!("http://{}", self.serving.address())
    }

    /// Runs a command against it.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.run_with_input(arguments, "")
    }

    /// The same, with standard input.
    pub(crate) fn run_with_input(&self, arguments: &[&str], input: &str) -> Ran {
        run_with_input(arguments, &[("AMENDS_SERVER", &self.server())], input)
    }

    /// A command against it that a test talks to while it runs.
    pub(crate) fn command(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = command(arguments);
        command.env("AMENDS_SERVER", self.server());
        command
    }

    /// Starts a lonely saga; returns its id.
    pub(crate) fn lonely(&self, key: &str) -> String {
        let input = format!(r#"{{"id": "{key}", "list": [1, 2]}}"#);
        let start = [
            "saga",
            "start",
            "lonely",
            "-f",
            "-",
            "--label",
            "shop=north",
        ];
        let started = self.run_with_input(&start, &input);
        assert_eq!(started.code, 0, "{started:?}");
        started.out.trim().to_owned()
    }

    /// Makes a token of this role.
    pub(crate) fn token(&self, name: &str, role: Role) -> String {
        let secret = TokenSecret::generate().expect("randomness");
        let token = ApiToken {
            id: Uuid::now_v7(),
            name: name.to_owned(),
            role,
            hash: secret.hash(),
            created_at: self.parts.store.now(),
            expires_at: None,
            revoked_at: None,
        };
        let runtime = self.runtime.as_ref().expect("it runs");
        let added = runtime.block_on(self.parts.store.add_api_token(&token));
        assert!(added.expect("the store answers"), "the name is free");
        secret.reveal().to_owned()
    }

    /// Keeps a dead letter about a saga.
    pub(crate) fn keep_letter(&self, saga: &str, fingerprint: &str) {
        let letter = StoredDeadLetter {
            id: Uuid::now_v7(),
            saga: Some(saga.parse().expect("an id")),
            queue: "amends.steps.nobody.prepare".to_owned(),
            reason: "rejected".to_owned(),
            fingerprint: fingerprint.to_owned(),
            properties: json!({ "headers": { "amends-step": "prepare" } }),
            body: br#"{"operation":"prepare"}"#.to_vec(),
        };
        let batch = Batch {
            dead_letters: vec![letter],
            ..Batch::default()
        };
        let runtime = self.runtime.as_ref().expect("it runs");
        let kept = runtime.block_on(self.parts.store.commit(&batch));
        kept.expect("the letter is kept");
    }

    /// Ends at once, as a machine does that loses its power.
    pub(crate) fn crash(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_secs(5));
        }
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.crash();
    }
}
