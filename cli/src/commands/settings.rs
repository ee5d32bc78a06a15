//! `amends config`: what the settings are, and whether they are right.

use std::net::IpAddr;

use orchestrator::auth::AuthSettings;
use orchestrator::store::PostgresSettings;
use serde::Serialize;
use uuid::Uuid;

use crate::config::{self, Settings};
use crate::failure::{Failure, Kind, Outcome};
use crate::setting_args::ConfigCommand;
use crate::upkeep_args::DbArgs;
use crate::{connections, logging, output};

/// What is wrong with one setting.
#[derive(Debug, Serialize)]
struct Finding {
    /// Section and name.
    setting: &'static str,
    /// What is wrong, and what it reads when it is right.
    problem: String,
}

/// Prints the settings, or checks them.
pub fn settings(command: &ConfigCommand) -> Outcome {
    match command {
        ConfigCommand::Show(args) => show(args),
        ConfigCommand::Check(args) => check(args),
    }
}

fn show(args: &DbArgs) -> Outcome {
    let settings = config::explain(args.config.as_deref())?;
    output::list(args.output, &settings, |_| {
        let rows = settings.iter();
        let rows = rows.map(|it| vec![it.name.clone(), it.from.to_owned(), it.value.clone()]);
        output::table(&["SETTING", "FROM", "VALUE"], &rows.collect::<Vec<_>>())
    })
}

/// Everything that is wrong, at once. Types and names are wrong before that.
fn check(args: &DbArgs) -> Outcome {
    let settings = config::read(args.config.as_deref())?;
    let findings = findings(&settings);
    output::list(args.output, &findings, |_| match findings.len() {
        0 => "every setting is right\n".to_owned(),
        _ => findings.iter().map(told).collect(),
    })?;
    match findings.len() {
        0 => Ok(()),
        1 => Err(Failure::new(Kind::Usage, "1 setting is wrong")),
        several => Err(Failure::new(
            Kind::Usage,
            format!("{several} settings are wrong"),
        )),
    }
}

fn told(finding: &Finding) -> String {
    let line = format!("{}: {}", finding.setting, finding.problem);
    let mut text = output::folded(&line, 78).join("\n  ");
    text.push('\n');
    text
}

fn findings(settings: &Settings) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut note = |setting, problem: Option<String>| {
        found.extend(problem.map(|problem| Finding { setting, problem }));
    };
    note("postgres.url", connections::postgres(settings).wrong_url());
    let workers = PostgresSettings::new(&settings.worker.postgres_url, Uuid::nil());
    note("worker.postgres_url", workers.wrong_url());
    let rabbit = connections::rabbit(settings, "amends config check");
    note("broker.urls", rabbit.wrong_url());
    let exposed = settings.http.expose_without_auth;
    let auth = settings.auth();
    let known = auth.as_ref().is_ok_and(AuthSettings::is_configured);
    note(
        "http.listen",
        wrong_address(&settings.http.listen, exposed || known),
    );
    match auth {
        Err(failure) => note("auth.oidc", Some(failure.message().to_owned())),
        Ok(auth) => note(
            "auth.oidc.jwks",
            auth.oidc.and_then(|oidc| oidc.keys.wrong()),
        ),
    }
    if !settings.worker.http_listen.is_empty() {
        let listen = &settings.worker.http_listen;
        note("worker.http_listen", wrong_address(listen, exposed));
    }
    let (engine, worker) = (&settings.engine, &settings.worker);
    for (setting, is_zero) in [
        ("postgres.pool_size", settings.postgres.pool_size == 0),
        ("worker.pool_size", worker.pool_size == 0),
        ("engine.lanes", engine.lanes == 0),
        ("engine.lease_seconds", engine.lease_seconds == 0),
        ("worker.lease_seconds", worker.lease_seconds == 0),
        ("broker.delivery_limit", settings.broker.delivery_limit == 0),
    ] {
        note(setting, is_zero.then(|| "it must be at least 1".to_owned()));
    }
    if let Err(failure) = logging::read(&settings.log, "info") {
        note("log", Some(failure.message().to_owned()));
    }
    found
}

/// Names of hosts are not looked up.
fn wrong_address(text: &str, may_be_open: bool) -> Option<String> {
    let address = text
        .rsplit_once(':')
        .and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?)));
    let Some((host, _)) = address.filter(|(host, _)| !host.is_empty()) else {
        return Some(format!(
            "`{text}` is no address with a port, such as 127.0.0.1:7600"
        ));
    };
    let ip: Option<IpAddr> = host.trim_matches(['[', ']']).parse().ok();
    let is_open = ip.is_some_and(|ip| !ip.is_loopback());
    (is_open && !may_be_open)
        .then(|| format!("{text} is open to the network, and http.expose_without_auth is not true"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_is_wrong_is_found_at_once() {
        let right = config::read(None).unwrap();
        assert_eq!(findings(&right).len(), 0);
        let mut wrong = right;
        "postgres://a:b@h:many/d".clone_into(&mut wrong.postgres.url);
        "http://geheim@h".clone_into(&mut wrong.broker.urls);
        "0.0.0.0:7600".clone_into(&mut wrong.http.listen);
        "localhost".clone_into(&mut wrong.worker.http_listen);
        "https://id".clone_into(&mut wrong.auth.oidc.issuer);
        wrong.engine.lanes = 0;
        wrong.log.level = Some("loud".to_owned());
        let found: Vec<&str> = findings(&wrong).iter().map(|one| one.setting).collect();
        let expected = [
            "postgres.url",
            "broker.urls",
            "http.listen",
            "auth.oidc",
            "worker.http_listen",
            "engine.lanes",
            "log",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn what_serve_would_refuse_is_found() {
        let right = config::read(None).unwrap();
        let mut hostless = right.clone();
        "postgres:///d?password=geheim".clone_into(&mut hostless.postgres.url);
        "postgres:///d".clone_into(&mut hostless.worker.postgres_url);
        let found = findings(&hostless);
        let named: Vec<&str> = found.iter().map(|one| one.setting).collect();
        assert_eq!(named, ["postgres.url", "worker.postgres_url"]);
        for one in &found {
            assert!(one.problem.contains("it names no host"), "{one:?}");
            assert!(!one.problem.contains("geheim"), "{one:?}");
        }
        let with_keys = |jwks: &str| {
            let mut settings = right.clone();
            "https://id.example.com".clone_into(&mut settings.auth.oidc.issuer);
            "amends".clone_into(&mut settings.auth.oidc.audience);
            jwks.clone_into(&mut settings.auth.oidc.jwks);
            findings(&settings)
        };
        for (jwks, why) in [
            ("http://idp.example.com/keys", "it must be https"),
            ("https://", "no URL for keys"),
            ("/nowhere/keys.json", "/nowhere/keys.json"),
            ("Cargo.toml", "the keys cannot be read"),
        ] {
            let found = with_keys(jwks);
            assert_eq!(found.len(), 1, "{jwks}");
            assert_eq!(found[0].setting, "auth.oidc.jwks");
            assert!(found[0].problem.contains(why), "{:?}", found[0]);
        }
        assert_eq!(with_keys("https://idp.example.com/keys").len(), 0);
        assert_eq!(with_keys("http://127.0.0.1:1/keys").len(), 0);
    }

    #[test]
    fn an_api_that_knows_its_callers_may_be_open() {
        let mut settings = config::read(None).unwrap();
        "0.0.0.0:7600".clone_into(&mut settings.http.listen);
        assert_eq!(findings(&settings)[0].setting, "http.listen");
        settings.auth.tokens = true;
        assert_eq!(findings(&settings).len(), 0);
        "0.0.0.0:7601".clone_into(&mut settings.worker.http_listen);
        assert_eq!(findings(&settings)[0].setting, "worker.http_listen");
    }
}
