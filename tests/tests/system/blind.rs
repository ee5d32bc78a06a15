//! What can be listed while nothing but the database is there.

use system_tests::command::amends;
use system_tests::deployment::Deployment;
use system_tests::proxy::Proxy;
use system_tests::{config, orders, waiting};

/// No worker ever ran, and the broker is gone: everything is listed all the same, and what cannot
/// be seen is called unknown.
#[tokio::test(flavor = "multi_thread")]
async fn every_listing_works_without_broker_and_workers_and_says_unknown() {
    let proxy = Proxy::to(&config::amqp_url()).await;
    let mut deployment = Deployment::prepare().await;
    deployment.set("BROKER__URLS", proxy.url());
    let orchestrator = deployment.orchestrator();
    let order = orders::order(1, "ada", "book");
    let saga = orders::start_one(&deployment.client(), "order", &order).await;
    proxy.cut();
    let look = async || amends(&deployment, &["queue", "list", "-o", "json"]).await;
    let blind = waiting::until("queues that cannot be seen", look, |ran| {
        ran.code == 0 && ran.json()[0]["condition"] == "unknown"
    });
    blind.await;
    for (line, words) in [
        (&["queue", "list"][..], "unknown"),
        (&["saga", "list"], &*saga),
        (&["saga", "list", "--status", "open"], &*saga),
        (&["saga", "list", "--step", "placeOrder"], &*saga),
        (&["saga", "list", "--stuck"], "unknown: "),
        (&["saga", "list", "--stuck=paused"], "no sagas"),
        (&["saga", "show", &saga], "placeOrder"),
        (&["saga", "history", &saga], "started order"),
        (&["saga", "explain", &saga], "unknown: "),
        (&["saga", "plan", &saga], "cancelled now"),
        (&["worker", "list"], "no workers"),
        (&["definition", "list"], "order"),
        (&["dlq", "list"], "no dead letters"),
        (&["dlq", "groups"], "no dead letters"),
    ] {
        let ran = amends(&deployment, line).await;
        assert_eq!(ran.code, 0, "{line:?}: {ran:?}");
        assert!(
            ran.out.contains(words),
            "`{words}` in {line:?}\n{}",
            ran.out
        );
    }
    let diff = amends(&deployment, &["topology", "diff"]).await;
    assert_eq!(diff.code, 1, "{diff:?}");
    assert!(diff.out.contains("? queue"), "{}", diff.out);
    // What is asked for meanwhile is stored.
    let pause = [
        "saga",
        "pause",
        "--status",
        "open",
        "--yes",
        "--reason",
        "no broker",
    ];
    let paused = amends(&deployment, &pause).await;
    assert_eq!(
        (paused.code, &*paused.out),
        (0, "1 saga paused\n"),
        "{paused:?}"
    );
    orchestrator.terminate();
}
