//! What a deployment needs, looked at piece by piece: `amends doctor`.

use std::sync::Arc;
use std::time::Duration;

use broker::broker::{Broker, Health};
use broker::inspection::Condition;
use broker::message::{Outgoing, Properties};
use broker::rabbit::Rabbit;
use bytes::Bytes;
use orchestrator::catalog::Catalog;
use orchestrator::store::{self, Checkup, PostgresStore, Store};
use orchestrator::wiring::{self, Wiring};
use serde::Serialize;

use crate::config::Settings;
use crate::{connections, timeline};

/// A broker that has not answered after this is away.
const BROKER_ANSWERS_WITHIN: Duration = Duration::from_secs(5);

/// A clock that is further off than this is worth a look, and further than the second is wrong:
/// workers compare deadlines with their own clocks.
const CLOCK_WARN: Duration = Duration::from_secs(2);
const CLOCK_FAIL: Duration = Duration::from_secs(60);

/// Messages that wait for longer than this in the outbox are not on their way.
const OUTBOX_LAG_MAX: Duration = Duration::from_secs(30);

/// The oldest PostgreSQL that this is tested with, as `server_version_num`.
const POSTGRES_MIN: i32 = 150_000;

/// Groups of dead letters that are counted, at most.
const GROUPS_MAX: u32 = 1_000;

/// One thing that was looked at.
#[derive(Debug, Clone, Serialize)]
pub struct Check {
    /// What; stable, for programs.
    pub name: &'static str,
    /// How it is.
    pub verdict: Verdict,
    /// What was found.
    pub found: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// It works, and somebody should look at it.
    Warn,
    /// It does not work, or loses data.
    Fail,
}

impl Verdict {
    /// The word in the output.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "FAIL",
        }
    }
}

/// Looks at everything. What cannot be looked at because something else is away says so.
pub async fn examine(settings: &Settings) -> Vec<Check> {
    let mut checks = Vec::new();
    let store = database(settings, &mut checks).await;
    let broker = messages(settings, &mut checks).await;
    match store {
        Some(store) => inside(settings, store, broker, &mut checks).await,
        None => checks.push(warn(
            "deployment",
            "orchestrators, workers, definitions and queues were not looked at",
            "mend the database first, then ask again",
        )),
    }
    checks
}

async fn database(settings: &Settings, checks: &mut Vec<Check>) -> Option<PostgresStore> {
    let how = connections::postgres(settings);
    let found = match store::checkup(&how).await {
        Ok(found) => found,
        Err(error) => {
            let said = orchestrator::chain(&error);
            checks.push(fail(
                "database",
                said,
                "mend postgres.url, or start the server",
            ));
            return None;
        }
    };
    checks.push(ok("database", format!("PostgreSQL {}", found.version)));
    if found.version_number < POSTGRES_MIN {
        let remedy = "upgrade to PostgreSQL 15 or later";
        checks.push(warn(
            "database version",
            "it is older than what is tested",
            remedy,
        ));
    }
    durability(&found, checks);
    capacity(&found, settings, checks);
    clock(&found, checks);
    match PostgresStore::connect(how).await {
        Ok(store) => {
            checks.push(ok("schema", "as this release needs it"));
            Some(store)
        }
        Err(error) => {
            let said = orchestrator::chain(&error);
            checks.push(fail("schema", said, "run `amends db migrate`"));
            None
        }
    }
}

/// What is committed must survive: everything is built on that.
fn durability(found: &Checkup, checks: &mut Vec<Check>) {
    let settings = [
        ("synchronous_commit", &found.synchronous_commit),
        ("fsync", &found.fsync),
        ("full_page_writes", &found.full_page_writes),
    ];
    for (name, value) in settings {
        if value == "off" {
            let what = "off: a crash of the database forgets or corrupts what was committed";
            let remedy = format!("set {name} = on in postgresql.conf, and reload");
            checks.push(fail(name, what, remedy));
        } else {
            checks.push(ok(name, value.clone()));
        }
    }
}

fn capacity(found: &Checkup, settings: &Settings, checks: &mut Vec<Check>) {
    let pools = settings.postgres.pool_size + settings.worker.pool_size;
    let (max, used) = (u64::from(found.connections_max), found.connections);
    let what = format!("{used} of {max} in use; one orchestrator and one worker take {pools}");
    let name = "connections";
    checks.push(if u64::try_from(pools).unwrap_or(u64::MAX) > max {
        fail(name, what, "raise max_connections, or lower the pool sizes")
    } else if used * 5 > max * 4 {
        warn(
            name,
            what,
            "raise max_connections, or put a pooler in front",
        )
    } else {
        ok(name, what)
    });
}

fn clock(found: &Checkup, checks: &mut Vec<Check>) {
    // What the round trip leaves open is no difference.
    let doubt = found.round_trip_micros.unsigned_abs() / 2;
    let off = found.ahead_micros.unsigned_abs().saturating_sub(doubt);
    let off = Duration::from_micros(off);
    let remedy = "synchronise the clocks of this machine and of the database, with NTP";
    checks.push(if off <= CLOCK_WARN {
        ok("clock", "this machine and the database agree")
    } else {
        let what = format!(
            "this machine's is {} off the database's",
            timeline::short(off)
        );
        let judge = if off > CLOCK_FAIL { fail } else { warn };
        judge("clock", what, remedy)
    });
}

async fn messages(settings: &Settings, checks: &mut Vec<Check>) -> Option<Arc<dyn Broker>> {
    let mut how = connections::rabbit(settings, "amends doctor");
    how.startup_timeout = BROKER_ANSWERS_WITHIN;
    let broker = match Rabbit::connect(how).await {
        Ok(broker) => broker,
        Err(error) => {
            let said = orchestrator::chain(&error);
            checks.push(fail(
                "broker",
                said,
                "mend broker.urls, or start the server",
            ));
            return None;
        }
    };
    checks.push(ok("broker", "reachable"));
    checks.push(alarms(&broker).await);
    Some(Arc::new(broker))
}

/// The broker tells of an alarm only to who publishes. What is published here has no queue to go to,
/// and leaves nothing behind.
async fn alarms(broker: &Rabbit) -> Check {
    let nobodys = Outgoing {
        properties: Properties {
            routing_key: format!("amends.doctor.{}", uuid::Uuid::now_v7()),
            message_id: uuid::Uuid::now_v7().to_string(),
            ..Properties::default()
        },
        body: Bytes::new(),
    };
    let sent = tokio::time::timeout(BROKER_ANSWERS_WITHIN, broker.publish(vec![nobodys])).await;
    let health = *broker.health().borrow();
    let blocked = "a memory or disk alarm keeps it from taking messages";
    let remedy = "see `rabbitmq-diagnostics alarms`; free memory or disk, or raise the watermark";
    match (sent, health) {
        (_, Health::Blocked) => fail("broker alarms", blocked, remedy),
        (Err(_), _) => fail("broker alarms", "it does not take messages in time", remedy),
        (Ok(_), Health::Connected | Health::Deaf | Health::Disconnected) => {
            ok("broker alarms", "none")
        }
    }
}

/// What the deployment itself is doing.
async fn inside(
    settings: &Settings,
    store: PostgresStore,
    broker: Option<Arc<dyn Broker>>,
    checks: &mut Vec<Check>,
) {
    let alive = store.orchestrators().await;
    let store: Arc<dyn Store> = Arc::new(store);
    checks.push(match alive {
        Ok(0) => fail(
            "orchestrators",
            "none is alive",
            "start one with `amends serve`",
        ),
        Ok(count) => ok("orchestrators", format!("{count} alive")),
        Err(error) => unseen("orchestrators", &error),
    });
    checks.push(match store.workers().await {
        Ok(workers) => {
            let now = store.now();
            let alive = workers.iter().filter(|worker| worker.is_alive(now)).count();
            match alive {
                0 => fail("workers", "none is alive", "start the services' workers"),
                count => ok("workers", format!("{count} alive")),
            }
        }
        Err(error) => unseen("workers", &error),
    });
    checks.push(outbox(&*store).await);
    checks.push(letters(&*store).await);
    let Some(broker) = broker else {
        let remedy = "mend the broker first, then ask again";
        checks.push(warn("topology", "it was not looked at", remedy));
        return;
    };
    let catalog = Catalog::new(
        Arc::clone(&store),
        Arc::clone(&broker),
        settings.retention.keep(),
    );
    let topology = connections::topology(settings);
    match wiring::inspect(&catalog, &store, &*broker, &topology).await {
        Ok(wiring) => wired(&wiring, checks),
        Err(error) => checks.push(unseen("topology", &error)),
    }
    broker.close().await;
}

async fn outbox(store: &dyn Store) -> Check {
    let (rows, oldest) = match store.outbox_backlog().await {
        Ok(backlog) => backlog,
        Err(error) => return unseen("outbox", &error),
    };
    let lag = oldest.map_or(Duration::ZERO, |at| store.now().since(at));
    if lag > OUTBOX_LAG_MAX {
        let what = format!(
            "{rows} messages wait, the oldest for {}",
            timeline::short(lag)
        );
        let remedy = "see whether an orchestrator is alive and the broker takes messages";
        return fail("outbox", what, remedy);
    }
    ok("outbox", format!("{rows} messages on their way"))
}

async fn letters(store: &dyn Store) -> Check {
    match store.letter_groups(GROUPS_MAX).await {
        Ok(groups) if groups.is_empty() => ok("dead letters", "none is left to do"),
        Ok(groups) => {
            let letters: u64 = groups.iter().map(|group| group.letters).sum();
            let what = format!("{letters}, of {} causes", groups.len());
            warn("dead letters", what, "see `amends dlq groups`")
        }
        Err(error) => unseen("dead letters", &error),
    }
}

fn wired(wiring: &Wiring, checks: &mut Vec<Check>) {
    if wiring.broken.is_empty() {
        checks.push(ok("definitions", "every registered one compiles"));
    }
    for (reference, _) in &wiring.broken {
        let what = format!("{reference} does not compile with this release");
        let remedy = "go back to the release that its sagas were started with";
        checks.push(fail("definitions", what, remedy));
    }
    if let Some(why) = &wiring.blind {
        checks.push(fail(
            "topology",
            why.clone(),
            "see whether the broker is well",
        ));
        return;
    }
    let before = checks.len();
    for wire in &wiring.wires {
        let what = |how: &str| format!("{} {} {how}", wire.kind.as_str(), wire.name);
        let check = match &wire.condition {
            Condition::Fine => continue,
            Condition::Missing => fail("topology", what("is missing"), "`amends topology apply`"),
            Condition::Different(said) => {
                let remedy = "drain and delete it, then `amends topology apply`";
                fail(
                    "topology",
                    format!("{}: {said}", what("is different")),
                    remedy,
                )
            }
            Condition::Unknown(said) => {
                let remedy = "give the broker's user the right to configure it";
                warn(
                    "topology",
                    format!("{}: {said}", what("cannot be seen")),
                    remedy,
                )
            }
        };
        checks.push(check);
    }
    if checks.len() == before {
        let what = format!("{} exchanges and queues as declared", wiring.wires.len());
        checks.push(ok("topology", what));
    }
    unattended(wiring, checks);
}

fn unattended(wiring: &Wiring, checks: &mut Vec<Check>) {
    let unattended = wiring.wires.iter().filter(|wire| wire.is_unattended());
    let mut nobody = false;
    for (action, op) in unattended.filter_map(|wire| wire.serves.as_ref()) {
        nobody = true;
        let what = format!("nobody serves {action} ({op})");
        let remedy = "start a worker with it; sagas that come to it wait";
        checks.push(warn("operations", what, remedy));
    }
    if !nobody {
        checks.push(ok("operations", "each has a worker"));
    }
}

fn ok(name: &'static str, found: impl Into<String>) -> Check {
    Check {
        name,
        verdict: Verdict::Ok,
        found: found.into(),
        remedy: None,
    }
}

fn warn(name: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Check {
    Check {
        verdict: Verdict::Warn,
        remedy: Some(remedy.into()),
        ..ok(name, found)
    }
}

fn fail(name: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Check {
    Check {
        verdict: Verdict::Fail,
        ..warn(name, found, remedy)
    }
}

fn unseen(name: &'static str, error: &(dyn std::error::Error + 'static)) -> Check {
    let remedy = "see whether the database is well";
    fail(name, orchestrator::chain(error), remedy)
}
