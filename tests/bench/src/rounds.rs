//! The rounds: each measures everything once, one after the other.

use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::api::Api;
use crate::arguments::Arguments;
use crate::audit;
use crate::bodies::bodies;
use crate::deployment::{Deployment, Site};
use crate::disk::fsyncs;
use crate::figures::Figures;
use crate::hop::hops;
use crate::pingpong::{Bodies, Game, games, play};
use crate::processes::BROKER;
use crate::requests::Requests;
use crate::stage::Stage;
use crate::statistics::{Latency, float, percentile};
use crate::workload::Workload::FourSteps;

/// How much each round does.
#[derive(Debug, Clone, Copy)]
struct Size {
    /// Commands of one ping-pong.
    commands: usize,
    /// Ways to play it that are measured in every round; the others only in the first.
    games: usize,
    sagas: u64,
    alone: usize,
    half: Duration,
    samples: usize,
}

const WHOLE: Size = Size {
    commands: 10_000,
    games: 9,
    sagas: 12_000,
    alone: 200,
    half: Duration::from_secs(8),
    samples: 300,
};

const QUICK: Size = Size {
    commands: 6_000,
    games: 2,
    sagas: 4_000,
    alone: 80,
    half: Duration::from_secs(3),
    samples: 100,
};

/// Measures everything, several times.
pub(crate) async fn measure(arguments: &Arguments) -> Result<Figures> {
    let size = if arguments.quick { QUICK } else { WHOLE };
    let mut deployment = Deployment::start(Site::of(arguments), arguments.orchestrators).await?;
    let bodies = sizes(&deployment, &arguments.amqp).await?;
    deployment.set_workers(arguments.workers).await?;
    let mut stage = Stage::warm(deployment, arguments).await?;
    let mut figures = Figures::default();
    let mut playing = games();
    for round in 1..=arguments.rounds {
        let tell = |what: &str| eprintln!("round {round} of {}: {what}", arguments.rounds);
        tell("ping-pong");
        let before = stage.deployment.processes().usage()?;
        ping_pong(&mut figures, arguments, &playing, bodies, size).await?;
        let used = stage.deployment.processes().usage()?[BROKER].since(&before[BROKER]);
        let trips = float(size.commands * (playing.len() + 1));
        figures.pingpong_broker.add(used.cpu / trips * 1e3);
        if round == 1 {
            playing = best(&figures, size.games);
        }
        tell("amends");
        amends(&mut figures, &stage, size, arguments.open).await?;
        tell("broker and disk");
        broker_and_disk(&mut figures, arguments, bodies, size).await?;
        stage.deployment.check()?;
    }
    // What was played once only is no median.
    figures.pingpong.retain(|(game, _)| playing.contains(game));
    Ok(figures)
}

async fn ping_pong(
    figures: &mut Figures,
    arguments: &Arguments,
    playing: &[Game],
    bodies: Bodies,
    size: Size,
) -> Result<()> {
    for game in playing {
        figures.add_game(
            *game,
            play(&arguments.amqp, *game, bodies, size.commands).await?,
        );
    }
    let coalesced = Game {
        window: 2000,
        workers: 2,
        coalesced: true,
    };
    figures
        .coalesced
        .add(play(&arguments.amqp, coalesced, bodies, size.commands).await?);
    Ok(())
}

/// The fastest so many.
fn best(figures: &Figures, count: usize) -> Vec<Game> {
    let mut all: Vec<(Game, f64)> = figures
        .pingpong
        .iter()
        .map(|(game, rounds)| (*game, rounds.median()))
        .collect();
    all.sort_by(|one, other| other.1.total_cmp(&one.1));
    all.into_iter().take(count).map(|(game, _)| game).collect()
}

async fn amends(figures: &mut Figures, stage: &Stage, size: Size, open: u32) -> Result<()> {
    let (processes, load) = (stage.deployment.processes(), &stage.load);
    let database = &stage.deployment.database;
    let newest = audit::newest(database).await?;
    let (used, counted) = (processes.usage()?, audit::counters(database).await?);
    let full = Latency::of(
        load.full(
            (FourSteps, Requests::Batched),
            size.sagas,
            usize::try_from(open)?,
        )
        .await?,
    );
    let (using, counting) = (processes.usage()?, audit::counters(database).await?);
    let run = audit::run_after(database, &newest, FourSteps).await?;
    let per_second = run.sagas / run.seconds;
    figures.steps.add(run.steps / run.seconds);
    figures.sagas.add(per_second);
    figures.full.p50.add(full.p50);
    figures.full.p99.add(full.p99);
    for (part, usage) in &using {
        let before = used.get(part).copied().unwrap_or_default();
        figures.add_usage(part, &usage.since(&before), run.sagas, run.steps);
    }
    figures
        .transactions
        .add((counting.transactions - counted.transactions) / run.steps);
    figures
        .log_syncs
        .add((counting.log_syncs - counted.log_syncs) / run.steps);
    figures
        .log_bytes
        .add((counting.log_bytes - counted.log_bytes) / run.steps);
    for (requests, half) in [
        (Requests::Batched, &mut figures.half),
        (Requests::Single, &mut figures.half_one_by_one),
    ] {
        let load = load.steady((FourSteps, requests), per_second / 2.0, size.half);
        let took = Latency::of(load.await?.iter().map(|it| it.took));
        half.p50.add(took.p50);
        half.p99.add(took.p99);
    }
    let one = Latency::of(load.one_at_a_time(FourSteps, size.alone).await?);
    figures.one.p50.add(one.p50);
    figures.one.p99.add(one.p99);
    audit::run_after(database, &newest, FourSteps).await?;
    Ok(())
}

async fn broker_and_disk(
    figures: &mut Figures,
    arguments: &Arguments,
    bodies: Bodies,
    size: Size,
) -> Result<()> {
    let milliseconds = |took: Vec<Duration>| {
        let took: Vec<f64> = took.iter().map(|it| it.as_secs_f64() * 1e3).collect();
        percentile(&took, 0.5)
    };
    figures
        .fsync
        .add(milliseconds(fsyncs(&arguments.folder, size.samples)?));
    figures.hop.add(milliseconds(
        hops(&arguments.amqp, bodies.command, size.samples).await?,
    ));
    Ok(())
}

/// Starts a saga that no worker is there for yet, and looks at its command.
async fn sizes(deployment: &Deployment, amqp: &str) -> Result<Bodies> {
    let authorities = deployment.authorities();
    let authority = authorities.first().context("no orchestrator")?;
    let mut api = Api::connect(authority).await?;
    let saga = api.start(FourSteps.body("first")).await?;
    bodies(amqp, &deployment.queue("checks.identity"), &saga).await
}
