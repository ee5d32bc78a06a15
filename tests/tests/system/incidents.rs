//! The five incidents of docs/incidents.md, played.

use std::time::{Duration, Instant};

use serde_json::json;
use system_tests::deployment::Deployment;
use system_tests::middleman::Middleman;
use system_tests::process::Process;
use system_tests::{orders, waiting};

use crate::story::Story;

/// Sagas that the broken build meets.
const VICTIMS: usize = 1_000;

/// Starts that are under way at once.
const STARTS_AT_ONCE: usize = 8;

/// Waits until as many sagas have this status.
async fn stand(deployment: &Deployment, status: &str, sagas: i64) {
    let sql = format!("SELECT count(*) FROM amends.sagas WHERE status = '{status}'");
    count(deployment, status, &sql, sagas).await;
}

async fn count(deployment: &Deployment, what: &str, sql: &str, wanted: i64) {
    let look = async || deployment.database.number(sql).await;
    waiting::until(what, look, |seen| *seen == wanted).await;
}

/// Waits until the broker has every command that is stored.
async fn all_is_sent(deployment: &Deployment) {
    let sql = "SELECT count(*) FROM amends.outbox";
    count(deployment, "an empty outbox", sql, 0).await;
}

/// Starts a worker and waits until an orchestrator has heard of it.
async fn announced_worker(deployment: &Deployment, name: &str) -> Process {
    let worker = deployment.worker(name);
    let sql = format!("SELECT count(*) FROM amends.workers WHERE id LIKE '{name}%'");
    count(deployment, "a worker's announcement", &sql, 1).await;
    worker
}

#[tokio::test(flavor = "multi_thread")]
async fn no_worker_for_a_queue() {
    let deployment = Deployment::prepare().await;
    let orchestrator = deployment.orchestrator();
    let order = orders::order(17, "ada", "book");
    let saga = orders::start_one(&deployment.client(), "order", &order).await;
    let id = saga.as_str();
    all_is_sent(&deployment).await;
    let mut story = Story::new(&deployment, "## 1.");
    story
        .block([
            &["saga", "list", "--status", "running"],
            &["saga", "show", id],
        ])
        .await;
    story.block([&["saga", "explain", id]]).await;
    story.block([&["worker", "list"]]).await;
    let worker = announced_worker(&deployment, "worker-1").await;
    story
        .block([&[
            "saga",
            "wait",
            id,
            "--until",
            "completed",
            "--timeout",
            "1m",
        ]])
        .await;
    story.check();
    let failed =
        "SELECT count(*) FROM amends.saga_history WHERE data::text LIKE '%attempt_failed%'";
    assert_eq!(deployment.database.number(failed).await, 0);
    orders::audit_balance(&deployment.database).await;
    worker.terminate();
    orchestrator.terminate();
}

/// A command that kills whatever worker takes it.
#[tokio::test(flavor = "multi_thread")]
async fn a_poison_message() {
    /// Deliveries of the command and of its probe, and some to spare.
    const CRASHES_MAX: usize = 30;
    let mut deployment = Deployment::prepare().await;
    deployment.set("BROKER__DELIVERY_LIMIT", "3");
    let orchestrator = deployment.orchestrator();
    let client = deployment.client();
    let poison = orders::order(13, "poison", "book");
    let saga = orders::start_one(&client, "order", &poison).await;
    let over = async || {
        let sql = "SELECT count(*) FROM amends.sagas WHERE ended_at IS NOT NULL";
        deployment.database.number(sql).await == 1
    };
    let mut crashes = 0;
    loop {
        let mut worker = deployment.armed_worker("worker-1", "abort demo.poisoned");
        let until = Instant::now() + Duration::from_secs(60);
        while !worker.has_ended() && !over().await {
            assert!(Instant::now() < until, "neither worker nor saga ends");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        if !worker.has_ended() {
            worker.terminate();
            break;
        }
        worker.died_at("demo.poisoned").await;
        crashes += 1;
        assert!(crashes <= CRASHES_MAX, "the poison is not given up");
    }
    let mut story = Story::new(&deployment, "## 2.");
    let [groups] = story.block([&["dlq", "groups"]]).await;
    let fingerprint = groups.out.split_whitespace().last().expect("a fingerprint");
    let letters = ["dlq", "list", "--fingerprint", fingerprint, "-o", "json"];
    let letters = system_tests::command::amends(&deployment, &letters)
        .await
        .json();
    let letter = letters["letters"][1]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    story.block([&["dlq", "show", &letter]]).await;
    story.block([&["saga", "show", &saga]]).await;
    story
        .block([&["dlq", "replay", &letter, "--reason", "once more"]])
        .await;
    let why = "order 13 kills payments 2.0";
    story
        .block([&[
            "dlq",
            "drop",
            "--fingerprint",
            fingerprint,
            "--yes",
            "--reason",
            why,
        ]])
        .await;
    story.block([&["dlq", "groups"]]).await;
    story.check();
    orders::audit_balance(&deployment.database).await;
    orchestrator.terminate();
}

/// The database that orders are cancelled in refuses to.
#[tokio::test(flavor = "multi_thread")]
async fn a_failing_undo() {
    let deployment = Deployment::prepare().await;
    let orchestrator = deployment.orchestrator();
    let worker = deployment.worker("worker-1");
    let refuse = "
        CREATE FUNCTION amends_worker.refuse() RETURNS trigger LANGUAGE plpgsql
        AS $$ BEGIN RAISE 'the month is closed'; END $$;
        CREATE TRIGGER closed BEFORE INSERT ON amends_worker.demo_orders
        FOR EACH ROW WHEN (NEW.kind = 'cancel') EXECUTE FUNCTION amends_worker.refuse()";
    deployment.database.execute(refuse).await;
    let client = deployment.client();
    let mut sagas = Vec::new();
    for number in [21, 22] {
        let order = orders::order(number, "ada", "out-of-stock");
        sagas.push(orders::start_one(&client, "order", &order).await);
    }
    stand(&deployment, "compensation_failed", 2).await;
    let (one, other) = (sagas[0].as_str(), sagas[1].as_str());
    let mut story = Story::new(&deployment, "## 3.");
    story.block([&["saga", "list", "--stuck"]]).await;
    story
        .block([&["saga", "explain", one], &["saga", "show", one]])
        .await;
    let open = "DROP TRIGGER closed ON amends_worker.demo_orders";
    deployment.database.execute(open).await;
    let why = "the month is open again";
    story
        .block([
            &["saga", "retry", one, "placeOrder", "--reason", why],
            &[
                "saga",
                "wait",
                one,
                "--until",
                "compensated",
                "--timeout",
                "1m",
            ],
        ])
        .await;
    let why = "cancelled by hand, ticket 4711";
    let happened = r#"{"orderId": "order-22"}"#;
    story
        .block([&[
            "saga",
            "resolve",
            other,
            "placeOrder",
            "--happened",
            happened,
            "--reason",
            why,
        ]])
        .await;
    story
        .block([&["saga", "list", "--stuck"], &["saga", "history", other]])
        .await;
    story.check();
    let cancelled = "SELECT count(*) FROM amends_worker.demo_orders WHERE kind = 'cancel'";
    let cancelled = deployment.database.number(cancelled).await;
    assert_eq!(cancelled, 1, "the other was cancelled by hand");
    worker.terminate();
    orchestrator.terminate();
}

/// A build of a worker that rejects what it should take.
#[tokio::test(flavor = "multi_thread")]
async fn a_deploy_that_broke_a_step() {
    let deployment = Deployment::prepare().await;
    let orchestrator = deployment.orchestrator();
    let middleman = Middleman::of(deployment.prefix()).await;
    let starting = start_victims(&deployment);
    let broken = middleman.reject("payments.charge", 2 * VICTIMS);
    let (sagas, ()) = tokio::join!(starting, broken);
    let letters = "SELECT count(*) FROM amends.dead_letters";
    let victims = i64::try_from(VICTIMS).expect("a small number");
    count(&deployment, "letters", letters, 2 * victims).await;
    all_is_sent(&deployment).await;
    let one = sagas.first().expect("a saga").as_str();

    let mut story = Story::new(&deployment, "## 4.");
    let [groups] = story.block([&["dlq", "groups"]]).await;
    let fingerprint = groups.out.split_whitespace().last().expect("a fingerprint");
    story.block([&["saga", "explain", one]]).await;
    let pause = ["saga", "pause", "--letter-group", fingerprint];
    let why = ["--reason", "payments 2.0 rejects"];
    story
        .block([
            &[&pause[..], &["--dry-run"], &why].concat(),
            &[&pause[..], &["--yes"], &why].concat(),
        ])
        .await;
    let worker = announced_worker(&deployment, "worker-1").await;
    let failed =
        "SELECT count(*) FROM amends.saga_history WHERE data::text LIKE '%\"step_failed\"%'";
    count(&deployment, "settled charges", failed, victims).await;
    let resume = ["saga", "resume", "--letter-group", fingerprint, "--yes"];
    let replay = ["dlq", "replay", "--fingerprint", fingerprint];
    let why = ["--reason", "payments 2.1"];
    story
        .block([&[&resume[..], &why].concat(), &["saga", "explain", one]])
        .await;
    story
        .block([
            &[&replay[..], &["--dry-run"], &why].concat(),
            &[&replay[..], &["--rate", "500", "--yes"], &why].concat(),
        ])
        .await;
    stand(&deployment, "completed", victims).await;
    story
        .block([
            &["dlq", "groups"],
            &[
                "saga",
                "list",
                "--definition",
                "careful-order",
                "--status",
                "open",
            ],
            &["saga", "history", one],
        ])
        .await;
    story.check();
    let charged = "SELECT count(*) FROM amends_worker.demo_charges WHERE kind = 'charge'";
    assert_eq!(deployment.database.number(charged).await, victims);
    worker.terminate();
    orchestrator.terminate();
}

async fn start_victims(deployment: &Deployment) -> Vec<String> {
    let share = VICTIMS / STARTS_AT_ONCE;
    // The oldest is looked at, so it is started before the others.
    let first = orders::order(0, "ada", "book");
    let first = orders::start_one(&deployment.client(), "careful-order", &first).await;
    let mut starting = tokio::task::JoinSet::new();
    for task in 0..STARTS_AT_ONCE {
        let client = deployment.client();
        starting.spawn(async move {
            let mut sagas = Vec::new();
            for number in (task * share).max(1)..(task + 1) * share {
                let order = orders::order(number, "ada", "book");
                sagas.push(orders::start_one(&client, "careful-order", &order).await);
            }
            sagas
        });
    }
    let mut sagas = starting.join_all().await.concat();
    sagas.push(first);
    assert_eq!(sagas.len(), VICTIMS);
    sagas.sort_unstable();
    sagas
}

/// Somebody cancels one application for another.
#[tokio::test(flavor = "multi_thread")]
async fn the_wrong_saga_is_cancelled() {
    let deployment = Deployment::prepare().await;
    let orchestrator = deployment.orchestrator();
    let worker = deployment.worker("worker-1");
    let client = deployment.client();
    let mut sagas = Vec::new();
    for (id, name) in [("a-17", "Mary Kenneth Keller"), ("a-18", "Grace Hopper")] {
        let email = "applicant@example.com";
        let application = json!({
            "applicationId": id,
            "applicant": { "name": name, "email": email },
            "coolingOff": "14d",
        });
        sagas.push(orders::start_one(&client, "account-opening", &application).await);
    }
    let waits =
        "SELECT count(*) FROM amends.saga_history WHERE data::text LIKE '%\"step_waiting\"%'";
    count(&deployment, "both wait", waits, 2).await;
    let (meant, wrong) = (sagas[0].as_str(), sagas[1].as_str());
    let why = ["--reason", "a-17 has withdrawn"];
    system_tests::command::amends(
        &deployment,
        &[&["saga", "cancel", wrong, "--as", "ada"], &why[..]].concat(),
    )
    .await;
    stand(&deployment, "compensated", 1).await;

    let mut story = Story::new(&deployment, "## 5.");
    story
        .block([&["saga", "list", "--definition", "account-opening"]])
        .await;
    story
        .block([&["audit", "--saga", wrong], &["audit", "--verify"]])
        .await;
    story.block([&["saga", "show", wrong]]).await;
    let again = ["-f", "application-18.json"];
    story
        .block([&[&["saga", "start", "account-opening"], &again[..]].concat()])
        .await;
    story.block([&["saga", "plan", meant]]).await;
    story
        .block([
            &[&["saga", "cancel", meant], &why[..]].concat(),
            &[
                "saga",
                "wait",
                meant,
                "--until",
                "compensated",
                "--timeout",
                "1m",
            ],
        ])
        .await;
    story
        .block([
            &["saga", "list", "--definition", "account-opening"],
            &["audit"],
            &["audit", "--verify"],
        ])
        .await;
    story.check();
    worker.terminate();
    orchestrator.terminate();
}
